/** What moves no number: other shapes and orders of axes, and what does nothing when a model is used. */
import { type Constant, constant, elementsOf } from '../constant.ts';
import { axisOf, transposed } from '../fold.ts';
import type { Node } from '../node.ts';
import {
  constantAt,
  type Context,
  type Inputs,
  type Operator,
  optionalConstant,
  tensorAt,
  unpadded,
  type Value,
} from '../operator.ts';
import { TensorProto_DataType as Type } from '../schema.ts';
import { regrouped, shapeOf, type Tensor } from '../tensor.ts';
import { shown } from '../words.ts';

function viewed(x: Tensor, target: readonly number[], node: Node, context: Context): Tensor {
  unpadded(x, node);
  const dims = regrouped(x, target, context.batch);
  const other = dims === undefined ? context.reshapeInput(x, target) : { ...x, dims };
  if (other === undefined) {
    throw node.problem(
      `from ${shown(shapeOf(x))} to ${shown(target)}`,
      'axes of one sample can be put together, not cut or mixed with the batch: write nn.Flatten() or view(x.size(0), -1)',
    );
  }
  return other;
}

/** `target` with its zeros replaced: they copy the extent that stands there. */
function copied(target: readonly number[], shape: readonly number[], node: Node): number[] {
  return target.map((extent, i) => {
    if (extent !== 0 || node.integer('allowzero', 0) !== 0) return extent;
    if (i >= shape.length) throw node.problem(`a shape ${shown(target)} for ${shown(shape)}`);
    return shape[i];
  });
}

function reshape(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const x = tensorAt(inputs, 0, node);
  const target = copied([...constantAt(inputs, 1, node, 'shape').data], shapeOf(x), node);
  return [viewed(x, target, node, context)];
}

/** A constant in another shape, of whose extents one may be −1. */
function reshaped(x: Constant, target: readonly number[], node: Node): Constant {
  const known = target.filter((extent) => extent !== -1).reduce((product, extent) => product * extent, 1);
  const shape = target.map((extent) => (extent === -1 ? x.data.length / known : extent));
  if (target.filter((extent) => extent === -1).length > 1 || elementsOf(shape, node.where) !== x.data.length)
    throw node.problem(`from ${shown(x.shape)} to ${shown(target)}`);
  return { ...x, shape };
}

function flattenShape(rank: number, node: Node): number {
  const axis = node.integer('axis', 1);
  const from = axis < 0 ? axis + rank : axis;
  if (from < 0 || from > rank) throw node.problem(`axis ${axis} of a tensor with ${rank}`);
  return from;
}

function flatten(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const x = tensorAt(inputs, 0, node);
  const axis = flattenShape(x.dims.length, node);
  if (axis !== 1) throw node.problem(`axis ${axis} of ${shown(shapeOf(x))}`, 'flatten all but the batch: axis 1');
  return [viewed(x, [NaN, -1], node, context)];
}

/** In an attribute, in newer versions in an input. */
function axesOf(inputs: Inputs, rank: number, node: Node): number[] | undefined {
  const axes = node.integers('axes') ?? optionalConstant(inputs, 1, node, 'axes')?.data;
  return axes === undefined ? undefined : Array.from(axes, (axis) => axisOf(axis, rank, node.where));
}

/** The shape without axes of one element. */
function squeezed(shape: readonly number[], inputs: Inputs, node: Node): number[] {
  const axes = axesOf(inputs, shape.length, node) ?? shape.flatMap((extent, i) => (i > 0 && extent === 1 ? [i] : []));
  if (axes.some((axis) => shape[axis] !== 1))
    throw node.problem(`axes ${axes.join(', ')} of ${shown(shape)}`, 'only axes of one element can go');
  return shape.filter((_, i) => !axes.includes(i));
}

function unsqueezed(shape: readonly number[], inputs: Inputs, node: Node): number[] {
  const given = node.integers('axes') ?? optionalConstant(inputs, 1, node, 'axes')?.data ?? [];
  const rank = shape.length + given.length;
  const axes = new Set(axesOf(inputs, rank, node));
  if (axes.size !== given.length) throw node.problem('an axis twice');
  let next = 0;
  return Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : shape[next++]));
}

function transpose(inputs: Inputs, node: Node): Tensor[] {
  const x = unpadded(tensorAt(inputs, 0, node), node);
  return [{ ...x, dims: permutationOf(x.dims.length, node).map((axis) => x.dims[axis]) }];
}

function permutationOf(rank: number, node: Node): number[] {
  const order = node.integers('perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  if (order.length !== rank || order.toSorted((a, b) => a - b).some((axis, i) => axis !== i))
    throw node.problem(`perm ${order.join(', ')} of a tensor with ${rank} axes`);
  return order;
}

function needed(inputs: readonly (Constant | undefined)[], i: number, node: Node): Constant {
  const value = inputs[i];
  if (value === undefined) throw node.problem(`input ${i} is missing`);
  return value;
}

/** An operator that changes the shape alone, by what it makes of one. */
function shaping(
  of: (shape: readonly number[], inputs: Inputs, node: Node) => number[],
): Pick<Operator, 'constants' | 'tensors'> {
  return {
    tensors: (inputs, node, context) => {
      const x = tensorAt(inputs, 0, node);
      return [viewed(x, of(shapeOf(x), inputs, node), node, context)];
    },
    constants: (inputs, node) => {
      const x = needed(inputs, 0, node);
      return [reshaped(x, of(x.shape, inputs, node), node)];
    },
  };
}

/** Gives what comes in. */
const through = {
  tensors: (inputs: Inputs, node: Node): Value[] => [tensorAt(inputs, 0, node)],
  constants: (inputs: readonly (Constant | undefined)[], node: Node): Constant[] => [needed(inputs, 0, node)],
} as const;

const FLOATS: ReadonlySet<number> = new Set([Type.FLOAT, Type.DOUBLE, Type.FLOAT16, Type.BFLOAT16]);
const BOOLEANS: ReadonlySet<number> = new Set([Type.BOOL]);

function castTo(to: number): Constant['type'] {
  return FLOATS.has(to) ? 'float' : BOOLEANS.has(to) ? 'boolean' : 'integer';
}

function cast(x: Constant, type: Constant['type']): Constant {
  if (type === x.type) return x;
  const of = { float: (v: number) => v, integer: Math.trunc, boolean: (v: number) => (v === 0 ? 0 : 1) }[type];
  return constant(x.shape, x.data.map(of), type);
}

function castTensor(inputs: Inputs, node: Node): Tensor[] {
  const x = tensorAt(inputs, 0, node);
  if (node.operator === 'Cast' && castTo(node.integer('to', Type.FLOAT)) !== 'float') {
    throw node.problem('values of the network made whole numbers', 'leave it out: values here are fixed-point numbers');
  }
  return [x];
}

export const VIEWS: readonly Operator[] = [
  {
    name: 'Flatten',
    versions: [1, 9, 11, 13, 21, 23, 24, 25],
    becomes: 'flatten; the rows of the dense layer behind it are put into the order in which images lie here',
    tensors: flatten,
    constants: (inputs, node) => {
      const x = needed(inputs, 0, node);
      const axis = flattenShape(x.shape.length, node);
      const rows = x.shape.slice(0, axis).reduce((product, extent) => product * extent, 1);
      return [reshaped(x, [rows, x.data.length / Math.max(1, rows)], node)];
    },
  },
  {
    name: 'Reshape',
    versions: [5, 13, 14, 19, 21, 23, 24, 25],
    becomes: 'flatten, or nothing, when it puts axes of a sample together',
    tensors: reshape,
    constants: (inputs, node) => {
      const x = needed(inputs, 0, node);
      return [reshaped(x, copied([...needed(inputs, 1, node).data], x.shape, node), node)];
    },
  },
  {
    name: 'Squeeze',
    versions: [1, 11, 13, 21, 23, 24, 25],
    becomes: 'nothing: shapes are followed',
    ...shaping(squeezed),
  },
  {
    name: 'Unsqueeze',
    versions: [1, 11, 13, 21, 23, 24, 25],
    becomes: 'nothing: shapes are followed',
    ...shaping(unsqueezed),
  },
  {
    name: 'Transpose',
    versions: [1, 13, 21, 23, 24, 25],
    becomes: 'nothing: the order of axes is followed, and weights are permuted',
    tensors: transpose,
    constants: (inputs, node) => {
      const x = needed(inputs, 0, node);
      return [transposed(x, permutationOf(x.shape.length, node))];
    },
  },
  { name: 'Identity', versions: [1, 13, 14, 16, 19, 21, 23, 24, 25], becomes: 'nothing', ...through },
  {
    name: 'Dropout',
    versions: [7, 10, 12, 13, 22],
    becomes: 'dropped: it does nothing when a model is used',
    tensors: (inputs, node, context) => {
      context.note('dropped', `${node.where}: it does nothing when a model is used`);
      return [tensorAt(inputs, 0, node)];
    },
    constants: through.constants,
  },
  {
    name: 'Cast',
    versions: [6, 9, 13, 19, 21, 23, 24, 25, 28],
    becomes: 'nothing, between kinds of floating-point numbers; constants are cast',
    tensors: castTensor,
    constants: (inputs, node) => [cast(needed(inputs, 0, node), castTo(node.integer('to', Type.FLOAT)))],
  },
  {
    name: 'CastLike',
    versions: [15, 19, 21, 23, 24, 25],
    becomes: 'nothing; constants are cast',
    tensors: castTensor,
    constants: (inputs, node) => [cast(needed(inputs, 0, node), needed(inputs, 1, node).type)],
  },
];
