/** Activations. */
import type { Node } from '../node.ts';
import {
  constantAt,
  type Context,
  type Inputs,
  type NewLayer,
  type Operator,
  optionalConstant,
  tensorAt,
  unpadded,
} from '../operator.ts';
import type { Tensor } from '../tensor.ts';
import { pairwise, single } from './arithmetic.ts';

/** A layer that changes each value by itself. */
function each(x: Tensor, node: Node, context: Context, made: NewLayer): Tensor {
  unpadded(x, node);
  const layer = context.layer(node, [x.source], made);
  return { ...x, source: layer };
}

function activation(
  type: string,
  fields: (node: Node) => Record<string, unknown> = () => ({}),
): NonNullable<Operator['tensors']> {
  return (inputs, node, context) => [each(tensorAt(inputs, 0, node), node, context, { type, fields: fields(node) })];
}

/** Slopes of a layer here; PReLU's are trained and may have left them. */
function slopeOf(slope: number, node: Node): { slope: number } {
  if (!(slope >= 0 && slope <= 1))
    throw node.problem(
      `a slope of ${slope} for values below zero`,
      'slopes from 0 to 1 are known: train with one of those',
    );
  return { slope };
}

const KNOWN = 'known are Clip(0, …) as ReLU and Clip(0, 6) as ReLU6';

/** Bounds in attributes, since opset 11 in inputs. */
function clip(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const bound = (i: number, name: 'min' | 'max', none: number): number =>
    optionalConstant(inputs, i, node, name)?.data[0] ?? node.float(name, none);
  const [low, high] = [bound(1, 'min', -Infinity), bound(2, 'max', Infinity)];
  const x = tensorAt(inputs, 0, node);
  const open = high > 1e30;
  if (low < -1e30 && open) return [x];
  if (low !== 0 || !(open || high === 6)) throw node.problem(`bounds ${low} and ${high}`, KNOWN);
  return [each(x, node, context, { type: open ? 'relu' : 'relu6' })];
}

function prelu(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const slopes = constantAt(inputs, 1, node, 'slope').data;
  if (slopes.some((slope) => slope !== slopes[0]))
    throw node.problem('slopes that differ between channels', 'one slope for all is known: LeakyReLU, or PReLU()');
  return [each(tensorAt(inputs, 0, node), node, context, { type: 'leakyrelu', fields: slopeOf(slopes[0], node) })];
}

/** max(x, 0), in either order, is a ReLU. */
function maximum(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const x = inputs.find((value) => value?.kind === 'tensor');
  const other = inputs.find((value) => value?.kind === 'constant');
  if (inputs.length !== 2 || x === undefined || other?.data.some((value) => value !== 0) !== false)
    throw node.problem('a maximum of values', 'Max(x, 0) is known, as ReLU');
  return [each(x, node, context, { type: 'relu' })];
}

export const ACTIVATIONS: readonly Operator[] = [
  {
    name: 'Relu',
    versions: [6, 13, 14],
    becomes: 'relu',
    tensors: activation('relu'),
    constants: single((x) => Math.max(x, 0)),
  },
  {
    name: 'LeakyRelu',
    versions: [6, 16],
    becomes: 'leakyrelu',
    tensors: activation('leakyrelu', (node) => slopeOf(short(node.float('alpha', 0.01)), node)),
  },
  { name: 'PRelu', versions: [7, 9, 16], becomes: 'leakyrelu, with one slope for all channels', tensors: prelu },
  {
    name: 'Sigmoid',
    versions: [6, 13],
    becomes: 'sigmoid; dropped at the end',
    tensors: activation('sigmoid'),
    ending: () => 'the order of the scores stays the same',
  },
  { name: 'Tanh', versions: [6, 13], becomes: 'tanh', tensors: activation('tanh') },
  { name: 'Clip', versions: [6, 11, 12, 13], becomes: 'relu, or relu6: bounds 0 and none, 0 and 6', tensors: clip },
  {
    name: 'Max',
    versions: [8, 12, 13],
    becomes: 'relu, of a value and 0',
    tensors: maximum,
    constants: pairwise(Math.max),
  },
];

/** A float32, written as short as it was typed. */
function short(value: number): number {
  return Number(value.toPrecision(7));
}
