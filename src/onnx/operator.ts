/** What the table of operators says of each, and what an operator's code is given. */
import type { FloatTensor } from '../data/safetensors.ts';
import type { Constant } from './constant.ts';
import type { Layer, Note, Source } from './layer.ts';
import type { Node } from './node.ts';
import type { TensorProto } from './schema.ts';
import type { Axis, Pad, Tensor } from './tensor.ts';

export type Value = Constant | Tensor;
export type Inputs = readonly (Value | undefined)[];

export interface Operator {
  readonly name: string;
  /** Absent: the default operators. */
  readonly domain?: 'ai.onnx.ml';
  /** In which versions of the operators its definition changed: each is read. */
  readonly versions: readonly number[];
  /** What becomes of it, for docs/onnx.md. */
  readonly becomes: string;
  /** When all that it reads is known: computed. */
  readonly constants?: (
    inputs: readonly (Constant | undefined)[],
    node: Node,
    context: Context,
  ) => (Constant | undefined)[];
  /** When it reads values of the network. */
  readonly tensors?: (inputs: Inputs, node: Node, context: Context) => (Value | undefined)[];
  /** What to do in its place, of an operator that has no counterpart here. */
  readonly refused?: string;
  /** Dropped when nothing but such comes behind it: what is said, or undefined where this node is another. */
  readonly ending?: (node: Node) => string | undefined;
}

/** A layer to be added. */
export interface NewLayer {
  readonly type: string;
  readonly fields?: Record<string, unknown>;
  readonly tensors?: ReadonlyMap<string, FloatTensor>;
}

/** The reading of one file. */
export interface Context {
  readonly opset: number;
  readonly batch: Axis;
  note(kind: Note['kind'], text: string): void;
  /** A tensor that the file holds. */
  read(tensor: TensorProto, where: string): Constant;
  /** Adds a layer that reads the given sources. */
  layer(node: Node, sources: readonly Source[], made: NewLayer): Layer;
  /** The input, in another shape: what a file does that takes rows and reads them as images. */
  reshapeInput(x: Tensor, target: readonly number[]): Tensor | undefined;
  /** The image as a vector, in the order in which it lies; one that is a vector is given back. */
  flattened(node: Node, x: Tensor): Tensor;
}

/** The network's value at place i; constants and what is missing are refused. */
export function tensorAt(inputs: Inputs, i: number, node: Node): Tensor {
  const value = inputs[i];
  if (value?.kind !== 'tensor') {
    throw node.problem(
      value === undefined
        ? `input ${i} is missing`
        : `input ${i} is a constant, where a value of the network was expected`,
    );
  }
  return value;
}

/** The constant at place i; a value of the network is refused. */
export function constantAt(inputs: Inputs, i: number, node: Node, what: string): Constant {
  const value = optionalConstant(inputs, i, node, what);
  if (value === undefined) throw node.problem(`its ${what} is missing`);
  return value;
}

export function optionalConstant(inputs: Inputs, i: number, node: Node, what: string): Constant | undefined {
  const value = inputs[i];
  if (value?.kind === 'tensor') {
    throw node.problem(
      `its ${what} is computed from the image`,
      'a layer here has weights that are fixed when the model is imported: leave it out of the model, or train without it',
    );
  }
  return value;
}

/** No padding waits to be taken along. */
export function unpadded(x: Tensor, node: Node): Tensor {
  if (x.pad !== undefined)
    throw node.problem('padding before it', 'only convolutions and pooling take padding along: pad there instead');
  return x;
}

/** A value that a layer gives. */
export function given(source: Source, axes: readonly Axis[], dims: Tensor['dims'], pad?: Pad): Tensor {
  return { kind: 'tensor', source, axes, vector: axes.length === 1, dims, ...(pad !== undefined && { pad }) };
}
