/** An ONNX file as a model: what `securenn model import` gives. */
import type { Model } from '../data/model-file.ts';
import { Problem } from '../data/problem.ts';
import type { Scaling } from '../data/scaling.ts';
import type { FloatTensor } from '../data/safetensors.ts';
import { INPUT_NAME, type Network, parameterName, parameters } from '../nn/network.ts';
import { parseNetwork } from '../nn/networkFile.ts';
import { sizeOf } from '../ring/shape.ts';
import type { OnnxFile } from './file.ts';
import { interpret, type Interpreted, type InterpretOptions } from './interpret.ts';
import { type Layer, type Note, type Source, vector } from './layer.ts';
import { neededFor } from './needed.ts';
import { affineOf, simplified } from './simplify.ts';
import { extentOf, inOrder, orderOf, shapeOf, type Tensor } from './tensor.ts';
import { shown } from './words.ts';

export interface ImportOptions extends InterpretOptions {
  readonly name: string;
  readonly fractionBits: number;
  /** The largest number that a comparison may see, which no weight may reach. */
  readonly limit: number;
  /** What the model takes a white pixel for: here it is 1. Absent: found out. */
  readonly white?: 1 | 255 | undefined;
}

export interface Imported {
  readonly model: Model;
  readonly notes: readonly Note[];
  /** How what a runtime of ONNX takes and gives is the same as here. */
  readonly reference: Reference;
}

export interface Reference {
  readonly input: Interpreted['input'];
  /** The value of the file that holds the scores. */
  readonly output: string;
  readonly white: 1 | 255;
  /** The file has one score, here are two classes: 0, and that score. */
  readonly single: boolean;
}

/** Scales of less mean pixels of 0 to 255: 1/255, 1/127.5, 1/(255 · 0.2). */
const PIXEL_SCALE = 1 / 40;
/** What is measured by other means than a camera has more channels, or smaller means. */
const [MOST_COLOURS, LEAST_MEAN] = [4, 32];
const WHITE_SCALES: readonly number[] = [255, 256, 127.5, 128];

export function importOnnx(file: OnnxFile, options: ImportOptions): Imported {
  try {
    const read = interpret(file, options);
    const notes = [...read.notes];
    const note = (kind: Note['kind'], text: string): void => void notes.push({ kind, text });
    const vectors = asScores(read.layers, read.result);
    const { layers, white } = withPixels(vectors.layers, read, options.white);
    if (white === 255) note('note', 'the model takes pixels of 0 to 255');
    const { scaling, rest } = takenOut(layers, read, note);
    const simple = simplified(rest, vectors.result, note);
    const { result, single } = twoClasses(simple.result, simple.layers);
    if (single) note('note', 'one score became two classes: 0, and the score; class 1 where it is positive');
    const { network, tensors } = networkOf(simple.layers, result, read.input.axes, options.name);
    const model = { network, fractionBits: options.fractionBits, tensors, ...(scaling && { scaling }) };
    checkWeights(model, options.limit, note);
    return { model, notes, reference: { input: read.input, output: read.output, white, single } };
  } catch (error) {
    if (error instanceof Problem) throw new Problem(`${file.source}: ${error.message}`, error.fix, { cause: error });
    throw error;
  }
}

/** The result as a vector of scores, in the file's order. */
function asScores(
  all: readonly Layer[],
  result: Tensor,
): { readonly layers: readonly Layer[]; readonly result: Source } {
  const where = 'its result';
  const classes = result.dims.slice(1).filter((dim) => dim.length > 0);
  const dim = Math.max(
    1,
    result.dims.findIndex((axes, i) => i > 0 && axes.length > 0),
  );
  if (classes.length > 1 || result.pad !== undefined) {
    throw new Problem(
      `${where} is ${shown(shapeOf(result))}: no vector of scores`,
      'networks that classify are known: [N, classes]',
    );
  }
  if (classes.length === 1 && !inOrder(orderOf(result, dim, where)))
    throw new Problem(`${where} is an image that was flattened`, 'end the network with a dense layer');
  if (result.vector) return { layers: all, result: result.source };
  if (extentOf(result.axes) === 0) throw new Problem(`${where} is empty`, 'export the model again');
  const flat: Layer = { type: 'flatten', fields: {}, inputs: [result.source], tensors: new Map(), where };
  return { layers: [...all, flat], result: flat };
}

const PIXELS = 'the scale of pixels';

/** Whether a mean is taken away that only pixels of 0 to 255 have: (x − 127.5) / 127.5, or that of each colour. */
function takesMean({ type, tensors }: Layer): boolean {
  if (type !== 'affine') return false;
  const [scale, shift] = [tensors.get('scale')!.data, tensors.get('shift')!.data];
  return (
    scale.length <= MOST_COLOURS && scale.every((s, i) => s > 0 && -shift[i] / s > LEAST_MEAN && -shift[i] / s < 255)
  );
}

/** Pixels come as 0 to 1: a model that takes 0 to 255 gets a scale in front. */
function withPixels(
  layers: readonly Layer[],
  { input }: Interpreted,
  asked: ImportOptions['white'],
): { readonly layers: readonly Layer[]; readonly white: 1 | 255 } {
  const first = layers.filter(({ inputs }) => inputs.includes(undefined));
  const isImage = input.axes.length === 3;
  const isMean = isImage && first.length > 0 && first.every((layer) => takesMean(layer));
  const scales = first.flatMap(({ type, tensors }) =>
    type === 'affine' ? [...tensors.get('scale')!.data] : [Infinity],
  );
  // Features of a table are scaled by their own deviations, however large these are; only what pixels are divided by tells of pixels there.
  const ofPixels = (scale: number): boolean =>
    isImage ? scale > 0 && scale < PIXEL_SCALE : WHITE_SCALES.some((white) => Math.abs(scale * white - 1) < 1e-6);
  const small = scales.length > 0 && scales.every(ofPixels);
  const white = asked ?? (small || isMean ? 255 : 1);
  if (white === 1) return { layers, white };
  const channels = input.axes.at(-1)!;
  const scale: Layer = {
    type: 'affine',
    fields: {},
    inputs: [undefined],
    where: PIXELS,
    tensors: new Map([
      ['scale', vector(new Float64Array(channels).fill(255))],
      ['shift', vector(new Float64Array(channels))],
    ]),
  };
  for (const layer of first) layer.inputs = layer.inputs.map((source) => source ?? scale);
  return { layers: [scale, ...layers], white };
}

/**
 * What an image's file does with each channel before anything else, mean and deviation mostly, is done with images before they are shared, as
 * the model file says: it costs nothing there, and is exact for convolutions that add zeros.
 */
function takenOut(
  layers: readonly Layer[],
  { input }: Interpreted,
  note: (kind: Note['kind'], text: string) => void,
): { readonly scaling: Scaling | undefined; readonly rest: readonly Layer[] } {
  let rest = [...layers];
  let scaling: Scaling | undefined;
  for (;;) {
    const readers = rest.filter(({ inputs }) => inputs.includes(undefined));
    const [first] = readers;
    const affine = readers.length === 1 && input.axes.length === 3 ? affineOf(first) : undefined;
    const isImage =
      affine !== undefined && affine.scale.length === input.axes[2] && affine.scale.every((scale) => scale > 0);
    if (!isImage) return { scaling, rest };
    const { mean, std } = scaling ?? { mean: [0], std: [1] };
    // ((v − m) / d) · scale + shift
    const next = Array.from(affine.scale, (scale, i) => {
      const [m, d] = [mean[i % mean.length], std[i % std.length]];
      return { std: d / scale, mean: m - (affine.shift[i] * d) / scale };
    });
    scaling = { divideBy: 255, mean: next.map((one) => one.mean), std: next.map((one) => one.std) };
    if (first.where !== PIXELS) note('folded', `${first.where} into what is done with images before they are shared`);
    rest = rest.filter((layer) => layer !== first);
    for (const layer of rest) layer.inputs = layer.inputs.map((source) => (source === first ? undefined : source));
  }
}

/** One score, of which the sign decides, is the second of two classes. */
function twoClasses(result: Source, layers: readonly Layer[]): { readonly result: Source; readonly single: boolean } {
  if (result?.type !== 'dense' || result.fields.units !== 1) return { result, single: false };
  if (layers.some(({ inputs }) => inputs.includes(result)))
    throw new Problem('one score, that is read again', 'end the network with two classes');
  const [W, b] = [result.tensors.get('weight')!, result.tensors.get('bias')!];
  const weight = new Float64Array(2 * W.data.length);
  W.data.forEach((value, i) => (weight[2 * i + 1] = value));
  result.fields.units = 2;
  result.tensors = new Map([
    ['weight', { shape: [W.data.length, 2], data: weight }],
    ['bias', vector([0, b.data[0]])],
  ]);
  return { result, single: true };
}

/** Layers in order, of which those have names that are read by another than the next. */
function networkOf(
  layers: readonly Layer[],
  result: Source,
  input: readonly number[],
  name: string,
): { readonly network: Network; readonly tensors: ReadonlyMap<string, FloatTensor> } {
  const ordered = neededFor<Layer, Source>(
    [result],
    layers,
    (layer) => [layer],
    ({ inputs }) => inputs,
  );
  if (result === undefined || ordered.length === 0)
    throw new Problem('a network without layers', 'export a network with dense layers or convolutions');
  const named = new Set<Source>();
  ordered.forEach((layer, i) => {
    const chained = layer.inputs.length === 1 && layer.inputs[0] === ordered[i - 1];
    if (!chained) layer.inputs.forEach((source) => named.add(source));
  });
  const nameOf = (source: Source): string =>
    source === undefined ? INPUT_NAME : `${source.type}${ordered.indexOf(source)}`;
  const specs = ordered.map((layer, i) => {
    const [first] = layer.inputs;
    const chained = layer.inputs.length === 1 && first === ordered[i - 1];
    return {
      type: layer.type,
      ...layer.fields,
      ...(named.has(layer) && { name: nameOf(layer) }),
      ...(!chained && { from: layer.inputs.length === 1 ? nameOf(first) : layer.inputs.map(nameOf) }),
    };
  });
  let network: Network;
  try {
    network = parseNetwork({ name, input, layers: specs }, 'as a network');
  } catch (error) {
    throw new Problem((error as Error).message, 'change the model, or report it with the file', { cause: error });
  }
  const tensors = new Map(
    ordered.flatMap((layer, i) =>
      [...layer.tensors].map(([short, tensor]) => [parameterName(i, short), tensor] as const),
    ),
  );
  return { network, tensors: new Map(parameters(network).map((spec) => [spec.name, sized(tensors, spec)])) };
}

function sized(
  tensors: ReadonlyMap<string, FloatTensor>,
  { name, shape }: { readonly name: string; readonly shape: readonly number[] },
): FloatTensor {
  const tensor = tensors.get(name);
  if (tensor?.data.length !== sizeOf(shape)) throw new Error(`${name}: no tensor of shape [${shape.join(',')}]`);
  return { shape, data: tensor.data };
}

/** Every weight is a number that fixed point holds, and not all of a tensor are so small that they vanish. */
export function checkWeights(model: Model, limit: number, note: (kind: Note['kind'], text: string) => void): void {
  const unit = 2 ** -model.fractionBits;
  for (const [name, { data }] of model.tensors) {
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (!data.every(Number.isFinite))
      throw new Problem(`tensor ${name} holds a number that is not finite`, 'train the model again: it has diverged');
    if (largest >= limit) {
      throw new Problem(
        `tensor ${name} holds numbers up to ${largest.toPrecision(3)}: with ${model.fractionBits} fractional bits the window holds ${limit}`,
        'scale the data so that weights stay small, train with weight decay, or give fewer --fraction-bits',
      );
    }
    if (largest > 0 && largest < unit / 2)
      note(
        'note',
        `tensor ${name}: all below ${unit.toPrecision(2)}, the smallest fixed-point number: it becomes zero`,
      );
  }
}
