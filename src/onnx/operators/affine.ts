/**
 * x · scale + shift, with constants for each channel of an image or each element of a vector: a layer until `simplify.ts` works it into one
 * beside it. Batch normalisation is such a map, too, and keeps its own parameters in case it stays a layer.
 */
import type { FloatTensor } from '../../data/safetensors.ts';
import { EPSILON } from '../../nn/layers/batchnorm.ts';
import { type Constant, constant } from '../constant.ts';
import { binary } from '../fold.ts';
import { vector } from '../layer.ts';
import type { Node } from '../node.ts';
import {
  constantAt,
  type Context,
  type Inputs,
  type NewLayer,
  type Operator,
  tensorAt,
  unpadded,
} from '../operator.ts';
import { extentOf, orderOf, shapeOf, type Tensor } from '../tensor.ts';
import { shown } from '../words.ts';
import { pairwise, quotient, single } from './arithmetic.ts';
import { sumOf } from './joins.ts';

/** Where the numbers of a constant go: for each channel, or element of a vector, its index in the constant. */
interface Places {
  readonly order: Uint32Array;
  /** Whether they belong to elements of an image as a vector. */
  readonly flat: boolean;
}

/** The extent of a constant along the file's axis `dim` of x. */
function along(values: Constant, dim: number, rank: number): number {
  return values.shape[dim - rank + values.shape.length] ?? 1;
}

function placesOf(x: Tensor, constants: readonly Constant[], node: Node): Places {
  const rank = x.dims.length;
  const varying = x.dims.flatMap((_, dim) => (constants.some((one) => along(one, dim, rank) !== 1) ? [dim] : []));
  const found = (): string =>
    `constants of shape ${constants.map(({ shape }) => shown(shape)).join(', ')} with ${shown(shapeOf(x))}`;
  if (constants.some(({ shape }) => shape.length > rank)) throw node.problem(found());
  const channels = x.vector ? x.axes : x.axes.slice(-1);
  if (varying.length === 0) return { order: new Uint32Array(extentOf(channels)), flat: x.vector };
  const [dim] = varying;
  const fits = constants.every((one) => [1, extentOf(x.dims[dim])].includes(along(one, dim, rank)));
  if (varying.length > 1 || dim === 0 || !fits)
    throw node.problem(found(), 'constants for each channel, or one for all, are known');
  if (!x.vector && x.dims[dim].length === 1 && x.dims[dim][0] === x.axes[2])
    return { order: Uint32Array.from({ length: x.axes[2].size }, (_, i) => i), flat: false };
  if (!x.vector && extentOf(x.dims[dim]) !== extentOf(x.axes)) {
    throw node.problem(`${found()}: along height or width`, 'constants for each channel, or one for all, are known');
  }
  return { order: orderOf(x, dim, node.where), flat: true };
}

/** A layer of which the constants, of channels or elements, are parameters. */
function perChannel(
  x: Tensor,
  constants: readonly Constant[],
  node: Node,
  context: Context,
  made: (inPlace: Float64Array[]) => NewLayer,
): Tensor {
  unpadded(x, node);
  const { order, flat } = placesOf(x, constants, node);
  const values = constants.map(({ data }) => Float64Array.from(order, (index) => data[data.length === 1 ? 0 : index]));
  const before = flat ? context.flattened(node, x) : x;
  return { ...before, source: context.layer(node, [before.source], made(values)) };
}

/** y = x · scale + shift with constants that broadcast as the file has it. */
function affine(x: Tensor, scale: Constant, shift: Constant, node: Node, context: Context): Tensor {
  return perChannel(x, [scale, shift], node, context, ([s, t]) => ({
    type: 'affine',
    tensors: new Map<string, FloatTensor>([
      ['scale', vector(s)],
      ['shift', vector(t)],
    ]),
  }));
}

const ONE = constant([], [1]);
const NONE = constant([], [0]);

function add(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const tensors = inputs.filter((value) => value?.kind === 'tensor');
  const constants = inputs.filter((value) => value?.kind === 'constant');
  if (tensors.length + constants.length !== inputs.length) throw node.problem('an input is missing');
  let sum = tensors.length === 1 ? tensors[0] : sumOf(tensors, node, context);
  for (const shift of constants) sum = affine(sum, ONE, shift, node, context);
  return [sum];
}

function subtract(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const [a, b] = inputs;
  if (a?.kind === 'tensor' && b?.kind === 'tensor') {
    const negative = affine(b, constant([], [-1]), NONE, node, context);
    return [sumOf([a, negative], node, context)];
  }
  if (a?.kind === 'tensor' && b?.kind === 'constant')
    return [affine(a, ONE, { ...b, data: b.data.map((value) => -value) }, node, context)];
  return [affine(tensorAt(inputs, 1, node), constant([], [-1]), constantAt(inputs, 0, node, 'minuend'), node, context)];
}

const GATES =
  'products of two values that are both computed, as gates and attention have them, are not known: train without';

function multiply(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const [a, b] = inputs;
  if (a?.kind === 'tensor' && b?.kind === 'tensor') throw node.problem('a product of two values of the network', GATES);
  const [x, scale] = a?.kind === 'tensor' ? [a, b] : [b, a];
  if (x?.kind !== 'tensor' || scale?.kind !== 'constant') throw node.problem('an input is missing');
  return [affine(x, scale, NONE, node, context)];
}

function divide(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const x = inputs[0]?.kind === 'tensor' ? inputs[0] : undefined;
  const by = inputs[1]?.kind === 'constant' ? inputs[1] : undefined;
  if (x === undefined || by === undefined)
    throw node.problem('a quotient by a value of the network', 'divide by constants alone');
  if (by.data.includes(0)) throw node.problem('a quotient by 0');
  return [affine(x, { ...by, data: by.data.map((value) => 1 / value) }, NONE, node, context)];
}

/** Scale, shift, running mean and running variance of each channel. */
function batchNorm(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const x = tensorAt(inputs, 0, node);
  if (node.integer('training_mode', 0) !== 0)
    throw node.problem('exported in training mode', 'call model.eval() before torch.onnx.export');
  const epsilon = node.float('epsilon', EPSILON);
  const tail = x.dims.slice(2).map(() => 1);
  const names = ['scale', 'bias', 'mean', 'variance'] as const;
  const constants = names.map((name, i) => {
    const values = constantAt(inputs, i + 1, node, name);
    // Of a vector of channels: they lie along the file's second axis.
    return { ...values, shape: [values.data.length, ...tail] };
  });
  if (constants[3].data.some((variance) => !(variance + epsilon > 0))) throw node.problem('a variance below zero');
  return [
    perChannel(x, constants, node, context, ([weight, bias, mean, variance]) => ({
      type: 'batchnorm',
      fields: Math.abs(epsilon - EPSILON) < 1e-10 ? {} : { epsilon: Number(epsilon.toPrecision(7)) },
      tensors: new Map<string, FloatTensor>(
        Object.entries({ weight, bias, mean, variance }).map(([name, values]) => [name, vector(values)]),
      ),
    })),
  ];
}

/** scikit-learn's StandardScaler: (x − offset) · scale for each column. */
function scaler(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const [offset, scale] = [node.floats('offset') ?? [0], node.floats('scale') ?? [1]];
  const of = (values: ArrayLike<number>): Constant => constant(values.length === 1 ? [] : [values.length], values);
  const factor = of(scale);
  const shift = binary(of(offset), factor, (a, b) => -a * b, node.where);
  return [affine(tensorAt(inputs, 0, node), factor, shift, node, context)];
}

const AFFINE = 'with constants for each channel: worked into the layer before or behind it, or else a batchnorm layer';

export const AFFINE_MAPS: readonly Operator[] = [
  {
    name: 'Add',
    versions: [7, 13, 14],
    becomes: `add, of two values; ${AFFINE}`,
    tensors: add,
    constants: pairwise((x, y) => x + y),
  },
  { name: 'Sum', versions: [8, 13], becomes: 'add', tensors: add, constants: pairwise((x, y) => x + y) },
  {
    name: 'BatchNormalization',
    versions: [7, 9, 14, 15],
    becomes: 'worked into the convolution or dense layer before it, or else batchnorm',
    tensors: batchNorm,
  },
  { name: 'Sub', versions: [7, 13, 14], becomes: AFFINE, tensors: subtract, constants: pairwise((x, y) => x - y) },
  { name: 'Mul', versions: [7, 13, 14], becomes: AFFINE, tensors: multiply, constants: pairwise((x, y) => x * y) },
  { name: 'Div', versions: [7, 13, 14], becomes: AFFINE, tensors: divide, constants: quotient },
  {
    name: 'Neg',
    versions: [6, 13],
    becomes: 'as Mul with −1',
    tensors: (inputs, node, context) => [affine(tensorAt(inputs, 0, node), constant([], [-1]), NONE, node, context)],
    constants: single((x) => -x),
  },
  { name: 'Scaler', domain: 'ai.onnx.ml', versions: [1], becomes: 'as Mul and Add', tensors: scaler },
];
