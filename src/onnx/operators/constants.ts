/** What makes numbers of nothing or of shapes: exporters compute the shapes of Reshape with them. */
import { type Constant, constant, elementsOf, scalar } from '../constant.ts';
import { around, axisOf, broadcast, sliced, stretched, stridesOf, taken } from '../fold.ts';
import type { Node } from '../node.ts';
import { type Inputs, type Operator, optionalConstant, tensorAt, type Value } from '../operator.ts';
import { shapeOf } from '../tensor.ts';

type Constants = NonNullable<Operator['constants']>;

function needed(inputs: readonly (Constant | undefined)[], i: number, node: Node): Constant {
  const value = inputs[i];
  if (value === undefined) throw node.problem(`input ${i} is missing`);
  return value;
}

/** A tensor in one of many attributes. */
const literal: Constants = (_, node, context) => {
  const tensor = node.tensor('value');
  if (tensor !== undefined) return [context.read(tensor, node.where)];
  if (node.has('value_float')) return [scalar(node.float('value_float', 0))];
  if (node.has('value_int')) return [scalar(node.integer('value_int', 0), 'integer')];
  const floats = node.floats('value_floats');
  if (floats !== undefined) return [constant([floats.length], floats)];
  const integers = node.integers('value_ints');
  if (integers !== undefined) return [constant([integers.length], integers, 'integer')];
  throw node.problem('a constant that is no number', 'only numbers are known');
};

function shapeConstant(shape: readonly number[], node: Node): Constant[] {
  const range = { axis: 0, start: node.integer('start', 0), end: node.integer('end', shape.length), step: 1 };
  return [sliced(constant([shape.length], shape, 'integer'), [range])];
}

const filled: Constants = (inputs, node, context) => {
  const shape = [...needed(inputs, 0, node).data];
  const tensor = node.tensor('value');
  const value = tensor === undefined ? scalar(0) : context.read(tensor, node.where);
  return [constant(shape, new Float64Array(elementsOf(shape, node.where)).fill(value.data[0]), value.type)];
};

const gather: Constants = (inputs, node) => {
  const x = needed(inputs, 0, node);
  return [taken(x, needed(inputs, 1, node), axisOf(node.integer('axis', 0), x.shape.length, node.where), node.where)];
};

interface Range {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Starts and ends, axes and steps: in attributes before opset 10. */
function rangesOf(inputs: Inputs, rank: number, node: Node): Range[] {
  const list = (i: number, name: string): ArrayLike<number> | undefined =>
    node.integers(name) ?? optionalConstant(inputs, i, node, name)?.data;
  const [starts, ends] = [list(1, 'starts') ?? [], list(2, 'ends') ?? []];
  const [axes, steps] = [list(3, 'axes'), list(4, 'steps')];
  return Array.from(starts, (start, i) => {
    const [end, step] = [ends[i], steps?.[i] ?? 1];
    if ([start, end, step].some((value) => value === undefined || Number.isNaN(value)) || step === 0)
      throw node.problem('a slice whose ends depend on the batch, or are missing');
    return { axis: axisOf(axes?.[i] ?? i, rank, node.where), start, end, step };
  });
}

/** Of a value of the network: only one that takes all of it. */
function sliceTensor(inputs: Inputs, node: Node): Value[] {
  const x = tensorAt(inputs, 0, node);
  const shape = shapeOf(x);
  const all = rangesOf(inputs, shape.length, node).every(
    ({ axis, start, end, step }) =>
      start === 0 && step === 1 && end >= (Number.isNaN(shape[axis]) ? 2 ** 31 - 1 : shape[axis]),
  );
  if (!all)
    throw node.problem('a part of a value of the network', 'values are used whole: leave the slice out of the model');
  return [x];
}

const range: Constants = (inputs, node) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => needed(inputs, i, node).data[0]);
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  elementsOf([count], node.where);
  const { type } = needed(inputs, 0, node);
  return [
    constant(
      [count],
      Float64Array.from({ length: count }, (_, i) => start + i * delta),
      type,
    ),
  ];
};

const expand: Constants = (inputs, node) => {
  const x = needed(inputs, 0, node);
  const shape = broadcast(x.shape, [...needed(inputs, 1, node).data], node.where);
  return [{ ...x, shape, data: stretched(x, shape, node.where) }];
};

const tile: Constants = (inputs, node) => {
  const x = needed(inputs, 0, node);
  const repeats = needed(inputs, 1, node).data;
  const shape = x.shape.map((extent, i) => extent * repeats[i]);
  const out = new Float64Array(elementsOf(shape, node.where));
  const [own, all] = [stridesOf(x.shape), stridesOf(shape)];
  for (let i = 0; i < out.length; i++) {
    const at = shape.reduce((sum, extent, k) => sum + ((Math.floor(i / all[k]) % extent) % x.shape[k]) * own[k], 0);
    out[i] = x.data[at];
  }
  return [{ ...x, shape, data: out }];
};

const where: Constants = (inputs, node) => {
  const [condition, x, y] = [0, 1, 2].map((i) => needed(inputs, i, node));
  const shape = broadcast(condition.shape, broadcast(x.shape, y.shape, node.where), node.where);
  const [c, a, b] = [condition, x, y].map((one) => stretched(one, shape, node.where));
  const chosen = c.map((value, i) => (Number.isNaN(value) ? NaN : value !== 0 ? a[i] : b[i]));
  return [constant(shape, chosen, x.type)];
};

/** Into as many parts as there are outputs, or of the sizes that are given. */
const split: Constants = (inputs, node) => {
  const x = needed(inputs, 0, node);
  const axis = axisOf(node.integer('axis', 0), x.shape.length, node.where);
  const [, extent] = around(x.shape, axis);
  const count = node.outputs.length;
  const sizes = node.integers('split') ?? inputs[1]?.data ?? new Array<number>(count).fill(Math.ceil(extent / count));
  let at = 0;
  return Array.from(sizes, (size) => sliced(x, [{ axis, start: at, end: (at += size), step: 1 }]));
};

const COMPUTED = 'computed, on constants alone';

export const CONSTANTS: readonly Operator[] = [
  {
    name: 'Constant',
    versions: [1, 9, 11, 12, 13, 19, 21, 23, 24, 25],
    becomes: 'a weight, or a number',
    constants: literal,
  },
  { name: 'ConstantOfShape', versions: [9, 20, 21, 23, 24, 25], becomes: COMPUTED, constants: filled },
  {
    name: 'Shape',
    versions: [1, 13, 15, 19, 21, 23, 24, 25],
    becomes: 'computed: shapes are known when a file is read, but for the batch',
    constants: (inputs, node) => shapeConstant(needed(inputs, 0, node).shape, node),
    tensors: (inputs, node) => shapeConstant(shapeOf(tensorAt(inputs, 0, node)), node),
  },
  {
    name: 'Size',
    versions: [1, 13, 19, 21, 23, 24, 25],
    becomes: 'computed',
    constants: (inputs, node) => [scalar(needed(inputs, 0, node).data.length, 'integer')],
    tensors: (inputs, node) => [
      scalar(
        shapeOf(tensorAt(inputs, 0, node)).reduce((product, extent) => product * extent, 1),
        'integer',
      ),
    ],
  },
  { name: 'Gather', versions: [1, 11, 13], becomes: COMPUTED, constants: gather },
  {
    name: 'Slice',
    versions: [1, 10, 11, 13],
    becomes: COMPUTED,
    constants: (inputs, node) => {
      const x = needed(inputs, 0, node);
      return [sliced(x, rangesOf(inputs, x.shape.length, node))];
    },
    tensors: sliceTensor,
  },
  { name: 'Split', versions: [1, 2, 11, 13, 18], becomes: COMPUTED, constants: split },
  { name: 'Range', versions: [11, 27], becomes: COMPUTED, constants: range },
  { name: 'Expand', versions: [8, 13], becomes: COMPUTED, constants: expand },
  { name: 'Tile', versions: [6, 13], becomes: COMPUTED, constants: tile },
  { name: 'Where', versions: [9, 16], becomes: COMPUTED, constants: where },
];
