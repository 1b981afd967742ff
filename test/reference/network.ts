/** Networks in floating point, straight from what docs/networks.md says of each layer: what a model means, without rounding. */
import type { Model } from '../../src/data/model-file.ts';
import { INPUT, layerFlow, parameterName, sources } from '../../src/nn/network.ts';

export type Fields = Readonly<Record<string, unknown>>;
type Shape = readonly number[];
export type Weight = (short: string) => Float64Array;

function pair(value: unknown, fallback: unknown): [number, number] {
  const [height, width] = [(value ?? fallback) as number | number[]].flat();
  return [height, width ?? height];
}

/** Top, left, bottom, right. */
function sides({ padding = 0 }: Fields): number[] {
  const all = [padding as number | number[]].flat();
  if (all.length === 4) return all;
  return [all[0], all[1] ?? all[0], all[0], all[1] ?? all[0]];
}

/** Calls `visit` for each element of each window: its output's index, and the input's pixel or −1 for padding. */
function slide(
  [height, width]: Shape,
  [rows, columns]: Shape,
  [windowHeight, windowWidth]: Shape,
  [down, across]: Shape,
  [top, left]: Shape,
  visit: (output: number, pixel: number, place: number) => void,
): void {
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++)
      for (let i = 0; i < windowHeight; i++)
        for (let j = 0; j < windowWidth; j++) {
          const [y, x] = [r * down + i - top, c * across + j - left];
          const inside = y >= 0 && y < height && x >= 0 && x < width;
          visit(r * columns + c, inside ? y * width + x : -1, i * windowWidth + j);
        }
}

function convolved(x: Float64Array, fields: Fields, input: Shape, output: Shape, weight: Weight): Float64Array {
  const [channels, filters] = [input[2], output[2]];
  const [W, b] = [weight('weight'), weight('bias')];
  const y = Float64Array.from({ length: output[0] * output[1] * filters }, (_, i) => b[i % filters]);
  slide(input, output, pair(fields.kernel, 0), pair(fields.stride, 1), sides(fields), (at, pixel, place) => {
    if (pixel < 0) return;
    for (let c = 0; c < channels; c++)
      for (let f = 0; f < filters; f++)
        y[at * filters + f] += x[pixel * channels + c] * W[(place * channels + c) * filters + f];
  });
  return y;
}

function pooled(x: Float64Array, fields: Fields, input: Shape, output: Shape, max: boolean): Float64Array {
  const channels = input[2];
  const window = pair(fields.window, 0);
  const y = new Float64Array(output[0] * output[1] * channels).fill(max ? -Infinity : 0);
  const counts = new Float64Array(y.length);
  slide(input, output, window, pair(fields.stride, window), sides(fields), (at, pixel) => {
    for (let c = 0; c < channels; c++) {
      const i = at * channels + c;
      if (pixel >= 0) y[i] = max ? Math.max(y[i], x[pixel * channels + c]) : y[i] + x[pixel * channels + c];
      if (pixel >= 0 || fields.countPadding !== false) counts[i]++;
    }
  });
  return max ? y : y.map((sum, i) => sum / counts[i]);
}

const EACH: Readonly<Record<string, (x: number, fields: Fields) => number>> = {
  relu: (x) => Math.max(x, 0),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  leakyrelu: (x, { slope = 0.01 }) => (x < 0 ? x * (slope as number) : x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  flatten: (x) => x,
  dropout: (x) => x,
};

/** The scores of one sample. */
export function floatScores({ network, tensors }: Model, sample: Float64Array): Float64Array {
  const values: Float64Array[] = [];
  const flow = layerFlow(network);
  sources(network).forEach((read, i) => {
    const fields = network.layers[i] as unknown as Fields;
    const { inputs, output } = flow[i];
    const given = read.map((source) => (source === INPUT ? sample : values[source]));
    const weight: Weight = (short) => tensors.get(parameterName(i, short))!.data;
    values.push(layer(fields, given, inputs, output, weight));
  });
  return values.at(-1)!;
}

/** What a layer gives. */
export function layer(
  fields: Fields,
  given: Float64Array[],
  inputs: readonly Shape[],
  output: Shape,
  weight: Weight,
): Float64Array {
  const type = fields.type as string;
  const [x] = given;
  const channels = inputs[0].at(-1)!;
  if (type in EACH) return x.map((value) => EACH[type](value, fields));
  switch (type) {
    case 'conv2d':
      return convolved(x, fields, inputs[0], output, weight);
    case 'maxpool':
    case 'averagepool':
      return pooled(x, fields, inputs[0], output, type === 'maxpool');
    case 'globalaveragepool': {
      const sums = new Float64Array(channels);
      x.forEach((value, i) => (sums[i % channels] += value));
      return sums.map((sum) => sum / (x.length / channels));
    }
    case 'dense': {
      const [W, y] = [weight('weight'), weight('bias').slice()];
      x.forEach((value, i) => y.forEach((_, k) => (y[k] += value * W[i * y.length + k])));
      return y;
    }
    case 'batchnorm': {
      const [scale, shift, mean, variance] = ['weight', 'bias', 'mean', 'variance'].map(weight);
      const epsilon = (fields.epsilon as number | undefined) ?? 1e-5;
      return x.map((value, i) => {
        const c = i % channels;
        return ((value - mean[c]) / Math.sqrt(variance[c] + epsilon)) * scale[c] + shift[c];
      });
    }
    case 'add':
      return x.map((_, i) => given.reduce((sum, one) => sum + one[i], 0));
    case 'concat': {
      const widths = inputs.map((shape) => shape.at(-1)!);
      const rows = x.length / widths[0];
      const parts = Array.from({ length: rows }, (_, r) =>
        given.map((one, k) => one.subarray(r * widths[k], (r + 1) * widths[k])),
      );
      return Float64Array.from(parts.flat().flatMap((part) => [...part]));
    }
    default:
      throw new Error(`no reference of layer ${type}`);
  }
}
