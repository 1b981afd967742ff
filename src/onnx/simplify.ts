/**
 * Affine maps (batch normalisation, constants for each channel) worked into the convolution or dense layer before or behind them, where the
 * result is the same to the last bit of a double's rounding: the layer before has no other reader, or the one behind adds no zeros of its own.
 * Those that stay become batchnorm layers.
 */
import type { FloatTensor } from '../data/safetensors.ts';
import { EPSILON } from '../nn/layers/batchnorm.ts';
import { type Layer, type Note, type Source, vector } from './layer.ts';

export interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/** What y = x · scale + shift a layer is, if it is one. */
export function affineOf({ type, fields, tensors }: Layer): Affine | undefined {
  const of = (name: string): Float64Array => tensors.get(name)!.data;
  if (type === 'affine') return { scale: of('scale'), shift: of('shift') };
  if (type !== 'batchnorm') return undefined;
  const [weight, bias, mean, variance] = ['weight', 'bias', 'mean', 'variance'].map(of);
  const epsilon = (fields.epsilon as number | undefined) ?? EPSILON;
  const scale = weight.map((value, i) => value / Math.sqrt(variance[i] + epsilon));
  return { scale, shift: bias.map((value, i) => value - mean[i] * scale[i]) };
}

function affineTensors({ scale, shift }: Affine): ReadonlyMap<string, FloatTensor> {
  return new Map([
    ['scale', vector(scale)],
    ['shift', vector(shift)],
  ]);
}

function isLinear(layer: Source): layer is Layer {
  return layer?.type === 'conv2d' || layer?.type === 'dense';
}

function padded({ fields }: Layer): boolean {
  return [fields.padding ?? 0].flat().some((side) => side !== 0);
}

/** The layer, then scale and shift of its outputs. */
function foldedBack(layer: Layer, { scale, shift }: Affine): Layer['tensors'] {
  const [W, b] = [layer.tensors.get('weight')!, layer.tensors.get('bias')!];
  const outputs = scale.length;
  return new Map([
    ['weight', { shape: W.shape, data: W.data.map((value, i) => value * scale[i % outputs]) }],
    ['bias', vector(b.data.map((value, i) => value * scale[i] + shift[i]))],
  ]);
}

/** Scale and shift of the inputs, then the layer: the inputs are the last but one of the weight's axes. */
function foldedForward(layer: Layer, { scale, shift }: Affine): Layer['tensors'] {
  const [W, b] = [layer.tensors.get('weight')!, layer.tensors.get('bias')!];
  const [outputs, inputs] = [b.data.length, scale.length];
  const bias = b.data.slice();
  const weight = W.data.map((value, i) => {
    const input = Math.floor(i / outputs) % inputs;
    bias[i % outputs] += value * shift[input];
    return value * scale[input];
  });
  return new Map([
    ['weight', { shape: W.shape, data: weight }],
    ['bias', vector(bias)],
  ]);
}

export interface Simplified {
  readonly layers: readonly Layer[];
  readonly result: Source;
}

/** @param note is told what was folded */
export function simplified(
  all: readonly Layer[],
  result: Source,
  note: (kind: Note['kind'], text: string) => void,
): Simplified {
  let [layers, last] = [[...all], result];
  const readersOf = (source: Source): Layer[] => layers.filter(({ inputs }) => inputs.includes(source));
  /** The layer's place is taken by what it reads, or by another. */
  const replace = (layer: Layer, by: Source): void => {
    layers = layers.filter((other) => other !== layer);
    for (const other of layers) other.inputs = other.inputs.map((source) => (source === layer ? by : source));
    if (last === layer) last = by;
  };
  const simplify = (layer: Layer): boolean => {
    const affine = affineOf(layer);
    if (affine === undefined) return false;
    const [before] = layer.inputs;
    const readers = readersOf(layer);
    const [reader] = readers;
    const onlyReader = readers.length === 1 && last !== layer;
    // A sum alone is a bias, which is what such nodes are for.
    const isBias = layer.type === 'affine' && affine.scale.every((value) => value === 1);
    const told = (into: Layer): void => {
      if (!isBias) note('folded', `${layer.where} into ${into.where}`);
    };
    if (affine.scale.every((value) => value === 1) && affine.shift.every((value) => value === 0)) {
      replace(layer, before);
    } else if (isLinear(before) && readersOf(before).length === 1) {
      before.tensors = foldedBack(before, affine);
      told(before);
      replace(layer, before);
    } else if (before !== undefined && affineOf(before) !== undefined && readersOf(before).length === 1) {
      const inner = affineOf(before)!;
      const scale = affine.scale.map((value, i) => value * inner.scale[i]);
      const shift = affine.shift.map((value, i) => value + inner.shift[i] * affine.scale[i]);
      const joint: Layer = {
        ...layer,
        type: 'affine',
        fields: {},
        inputs: before.inputs,
        tensors: affineTensors({ scale, shift }),
      };
      layers = layers.map((other) => (other === layer ? joint : other));
      replace(layer, joint);
      replace(before, before.inputs[0]);
    } else if (onlyReader && isLinear(reader) && (!padded(reader) || affine.shift.every((value) => value === 0))) {
      reader.tensors = foldedForward(reader, affine);
      told(reader);
      replace(layer, before);
    } else if (
      onlyReader &&
      reader.type === 'flatten' &&
      readersOf(reader).length === 1 &&
      readersOf(reader)[0].type === 'dense'
    ) {
      const [dense] = readersOf(reader);
      // Channels are innermost: the same scale for each pixel.
      dense.tensors = foldedForward(dense, affine);
      told(dense);
      replace(layer, before);
    } else return false;
    return true;
  };
  while (layers.some(simplify));
  for (const layer of layers.filter(({ type }) => type === 'affine')) {
    const norm = asBatchnorm(layer);
    layers = layers.map((other) => (other === layer ? norm : other));
    replace(layer, norm);
  }
  return { layers, result: last };
}

/** An affine map that stays: statistics that change nothing, and its scale and shift. */
function asBatchnorm(layer: Layer): Layer {
  const { scale, shift } = affineOf(layer)!;
  const tensors = new Map([
    ['weight', vector(scale.map((value) => value * Math.sqrt(1 + EPSILON)))],
    ['bias', vector(shift)],
    ['mean', vector(new Float64Array(scale.length))],
    ['variance', vector(new Float64Array(scale.length).fill(1))],
  ]);
  return { ...layer, type: 'batchnorm', tensors };
}
