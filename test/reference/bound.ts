/**
 * How far the scores of the plain engine, and so of three parties, may be from those of a model in floating point: the fixed-point bound, layer by
 * layer, from nothing but what docs/fixed-point.md states. Errors are taken as independent of each other, uniform between their bounds; what is given
 * is six standard deviations. (Added up at their worst they would come to many times as much in a network of some depth.) With u = 2^−f:
 *
 *   inputs, weights and biases are rounded, ±u/2; a truncation gives one of the two neighbours, of variance u²/4 at most.
 *   y = x·W + b: W² times the variances of x, x² times those of W, that of b, a truncation.
 *   means: errors of a window count as one, ±2^−17 of the factor (2^−10 right behind a product), a truncation.
 *   batch normalisation of an owner's model, slope a = γ·r: a² times the variances of x; ±(u/2·r + 2^−16·|a| + 2^−19) of the slope, times |x| + |μ|;
 *   ±u/2 of the shift and ±|a|·u/2 of the mean, a truncation.
 *   ReLU, ReLU6: as it is. Maxima: the largest. Leaky ReLU: ±2^−17 of the slope, a truncation. Sigmoid: ±1e-3, tanh: ±2e-3.
 */
import type { Model } from '../../src/data/model-file.ts';
import { INPUT, layerFlow, parameterName, sources } from '../../src/nn/network.ts';
import { type Fields, layer, type Weight } from './network.ts';

const DEVIATIONS = 6;

export interface Bounded {
  readonly scores: Float64Array;
  /** Of each score. */
  readonly bound: Float64Array;
}

interface Given {
  readonly x: readonly Float64Array[];
  /** Variances of the errors of x. */
  readonly v: readonly Float64Array[];
  readonly weight: Weight;
  /** Of a number rounded to ±u/2, and of a truncation. */
  readonly rounded: number;
  readonly truncated: number;
  /** What x comes from has more fractional bits. */
  readonly behindProduct: boolean;
  /** The layer itself, on other values and weights. */
  readonly run: (values: readonly Float64Array[], weight?: Weight) => Float64Array;
}

type Rule = (given: Given, fields: Fields) => Float64Array;

/** Of what lies evenly between −bound and bound. */
const even = (bound: number): number => bound ** 2 / 3;
const square = (values: Float64Array): Float64Array => values.map((value) => value ** 2);
const sum = (...parts: readonly Float64Array[]): Float64Array =>
  parts[0].map((_, i) => parts.reduce((total, part) => total + part[i], 0));

const passed: Rule = ({ v, run }) => run(v);
const kept: Rule = ({ v }) => v[0];

const linear: Rule = ({ x, v, weight, rounded, truncated, run }) => {
  const empty = (short: string): Float64Array => new Float64Array(weight(short).length);
  const squares: Weight = (short) => (short === 'bias' ? empty(short) : square(weight(short)));
  const ofWeights: Weight = (short) => empty(short).fill(rounded);
  return sum(run(v, squares), run([sum(square(x[0]), v[0])], ofWeights)).map((all) => all + truncated);
};

const mean: Rule = ({ x, v, truncated, behindProduct, run }) => {
  const factor = behindProduct ? 2 ** -10 : 2 ** -17;
  const ofFactor = run([x[0].map(Math.abs)]).map((size) => even(size * factor));
  return sum(square(run([v[0].map(Math.sqrt)])), ofFactor).map((all) => all + truncated);
};

const batchnorm: Rule = ({ x: [x], v: [v], weight, rounded, truncated }, { epsilon = 1e-5 }) => {
  const [scale, mean, variance] = ['weight', 'mean', 'variance'].map((short) => weight(short));
  return x.map((value, i) => {
    const c = i % scale.length;
    const root = 1 / Math.sqrt(variance[c] + (epsilon as number));
    const slope = Math.abs(scale[c] * root);
    const ofSlope = rounded * root ** 2 + even(slope * 2 ** -16) + even(2 ** -19);
    return slope ** 2 * v[i] + (value ** 2 + mean[c] ** 2) * ofSlope + rounded * (1 + slope ** 2) + truncated;
  });
};

const RULES: Readonly<Record<string, Rule>> = {
  conv2d: linear,
  dense: linear,
  averagepool: mean,
  globalaveragepool: mean,
  batchnorm,
  maxpool: passed,
  add: passed,
  concat: passed,
  flatten: kept,
  dropout: kept,
  relu: kept,
  relu6: kept,
  leakyrelu: ({ x: [x], v: [v], truncated }) => v.map((all, i) => all + even(x[i] * 2 ** -17) + truncated),
  sigmoid: ({ v: [v], truncated }) => v.map((all) => all / 16 + even(1e-3) + truncated),
  tanh: ({ v: [v], truncated }) => v.map((all) => all + even(2e-3) + truncated),
};

/** What gives values with more fractional bits than f. */
const PRODUCTS: ReadonlySet<string> = new Set([
  'conv2d',
  'dense',
  'batchnorm',
  'leakyrelu',
  'averagepool',
  'add',
  'concat',
]);

/** The scores of one sample in floating point, and how far off fixed point may be. */
export function bounded({ network, tensors, fractionBits }: Model, sample: Float64Array): Bounded {
  const [rounded, truncated] = [even(2 ** -fractionBits / 2), (2 ** -fractionBits) ** 2 / 4];
  const flow = layerFlow(network);
  const values: Float64Array[] = [];
  const variances: Float64Array[] = [];
  sources(network).forEach((read, i) => {
    const fields = network.layers[i] as unknown as Fields;
    const { inputs, output } = flow[i];
    const x = read.map((source) => (source === INPUT ? sample : values[source]));
    const v = read.map((source) => (source === INPUT ? sample.map(() => rounded) : variances[source]));
    const weight: Weight = (short) => tensors.get(parameterName(i, short))!.data;
    const again: Given['run'] = (given, other = weight) => layer(fields, [...given], inputs, output, other);
    const rule = RULES[fields.type as string];
    if (rule === undefined) throw new Error(`no bound of layer ${fields.type as string}`);
    const behindProduct = read.some((source) => source !== INPUT && PRODUCTS.has(network.layers[source].type));
    values.push(again(x));
    variances.push(rule({ x, v, weight, rounded, truncated, behindProduct, run: again }, fields));
  });
  return { scores: values.at(-1)!, bound: variances.at(-1)!.map((all) => DEVIATIONS * Math.sqrt(all)) };
}
