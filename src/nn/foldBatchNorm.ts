/**
 * A model that its owner holds in the clear needs no batch normalisation in an inference: its affine map goes into the weights and biases of the
 * linear layer before it, in doubles, where that layer's output has no other reader. Those that stay get scales that make up for the error of
 * the root that three parties take.
 */
import { exactScales } from '../functions/runningNorm.ts';
import type { LayerSpec } from './layers/table.ts';
import { EPSILON } from './layers/batchnorm.ts';
import { type Network, parameterName, sources } from './network.ts';

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export interface ClearModel {
  readonly network: Network;
  /** By the names that `parameters` gives. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** The same model without the normalisations that fold; itself if there are none. */
export function withoutBatchNorm<M extends ClearModel>(model: M): M {
  for (let folded = model; ;) {
    const next = foldOne(folded);
    if (next === undefined) return folded;
    folded = { ...folded, ...next };
  }
}

/** The model that an owner shares for an inference: what folds is folded, and what stays is as exact as its fractional bits. */
export function forInference<M extends ClearModel>(model: M, fractionBits: number): M {
  const folded = withoutBatchNorm(model);
  const tensors = new Map(folded.tensors);
  folded.network.layers.forEach((spec, i) => {
    if (spec.type !== 'batchnorm') return;
    const { epsilon = EPSILON } = spec;
    const [weight, variance] = ['weight', 'variance'].map((short) => folded.tensors.get(parameterName(i, short))!);
    const data = exactScales(weight.data, variance.data, epsilon, fractionBits);
    tensors.set(parameterName(i, 'weight'), { ...weight, data });
  });
  return { ...folded, tensors };
}

/** What is left of the network then. */
export function networkWithoutBatchNorm(network: Network): Network {
  const fold = foldable(network);
  return fold === undefined ? network : networkWithoutBatchNorm(rewired(network, fold));
}

/** A normalisation, and the layer that takes it up. */
interface Fold {
  readonly i: number;
  readonly j: number;
  readonly read: readonly (readonly number[])[];
}

function foldable(network: Network): Fold | undefined {
  const read = sources(network);
  const i = network.layers.findIndex((spec, at) => spec.type === 'batchnorm' && folds(network, read, at));
  return i < 0 ? undefined : { i, j: read[i][0], read };
}

function foldOne({ network, tensors }: ClearModel): ClearModel | undefined {
  const fold = foldable(network);
  if (fold === undefined) return undefined;
  const { i, j } = fold;
  const kept = new Map<string, Tensor>();
  for (const [name, tensor] of tensors) {
    const [, index, short] = /^layers\.(\d+)\.(.+)$/.exec(name)!;
    if (Number(index) !== i) kept.set(parameterName(Number(index) - (Number(index) > i ? 1 : 0), short), tensor);
  }
  for (const [name, tensor] of linear(network, tensors, i, j)) kept.set(name, tensor);
  return { network: rewired(network, fold), tensors: kept };
}

/** Whether the layer that normalisation `i` reads takes it up: a linear one that nobody else reads, and not in another place of the output. */
function folds({ layers }: Network, read: readonly (readonly number[])[], i: number): boolean {
  const [j] = read[i];
  const linearBefore = j >= 0 && (layers[j].type === 'dense' || layers[j].type === 'conv2d');
  const readers = read.flat().filter((source) => source === j).length;
  const output = i === layers.length - 1 && j !== i - 1;
  return linearBefore && readers === 1 && !output;
}

/** W·a and (b − μ)·a + β, a = γ / √(σ² + ε), by output. */
function linear(
  { layers }: Network,
  tensors: ReadonlyMap<string, Tensor>,
  i: number,
  j: number,
): [name: string, tensor: Tensor][] {
  const of = (index: number, short: string): Tensor => tensors.get(parameterName(index, short))!;
  const { epsilon = EPSILON } = layers[i] as Extract<LayerSpec, { type: 'batchnorm' }>;
  const [mean, variance] = [of(i, 'mean').data, of(i, 'variance').data];
  const a = of(i, 'weight').data.map((scale, c) => scale / Math.sqrt(variance[c] + epsilon));
  const shift = of(i, 'bias').data;
  const [weight, bias] = [of(j, 'weight'), of(j, 'bias')];
  return [
    [parameterName(j, 'weight'), { ...weight, data: weight.data.map((w, k) => w * a[k % a.length]) }],
    [parameterName(j, 'bias'), { ...bias, data: bias.data.map((b, c) => (b - mean[c]) * a[c] + shift[c]) }],
  ];
}

/** The network without layer i, whose readers read j. */
function rewired(network: Network, { i, j, read }: Fold): Network {
  const { layers } = network;
  const taken = new Set(layers.map(({ name }) => name));
  const free = (): string => {
    let name = 'folded';
    for (let k = 2; taken.has(name); k++) name = `folded${k}`;
    return name;
  };
  const named = layers[i].name !== undefined || j !== i - 1;
  const name = layers[j].name ?? layers[i].name ?? (named ? free() : undefined);
  const reading = (spec: LayerSpec, at: number): LayerSpec => {
    if (at === j && name !== undefined) return { ...spec, name };
    if (!read[at].includes(i) || (spec.from === undefined && j === i - 1)) return spec;
    const from = spec.from ?? layers[i].name;
    const renamed = (source: string | undefined): string | undefined => (source === layers[i].name ? name : source);
    return {
      ...spec,
      from: Array.isArray(from) ? from.map(renamed) : renamed(from as string | undefined),
    } as LayerSpec;
  };
  return { ...network, layers: layers.map(reading).filter((_, at) => at !== i) };
}
