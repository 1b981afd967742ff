/**
 * Networks as data (docs/networks.md; those that have names: `named.ts`):
 * `{"name": "D", "input": [28, 28, 1], "layers": [{"type": "conv2d", "filters": 5, "kernel": 5, "stride": 2, "padding": 2}, …]}`.
 * A layer reads the one before it, or those that it names: earlier ones only. Images are channels-last (height, width, channels). The last
 * layer gives the logits, a vector; the loss belongs to training.
 */
import { type Shape, sizeOf } from '../ring/shape.ts';
import { layerName, type LayerSpec, layerType } from './layers/table.ts';
import { didYouMean } from './nearest.ts';

/** Layers and their sizes; no weights. */
export interface Network {
  readonly name: string;
  /** Shape of one sample: (inputs) or (height, width, channels). */
  readonly input: readonly number[];
  readonly layers: readonly LayerSpec[];
}

/** One tensor of a network, in the order of its layers. */
export interface ParameterSpec {
  /** `layers.0.weight`, `layers.0.bias`, … */
  readonly name: string;
  /** Dense (inputs, units); conv2d (kernel height, kernel width, channels, filters); bias (1, outputs). */
  readonly shape: Shape;
  /** Where it starts: uniform by He's rule for so many inputs per output unit, or a constant. */
  readonly initial: { readonly fanIn: number } | number;
  /** By gradients. Others are kept by their layer (running statistics); they are part of the state and of the model. */
  readonly trained: boolean;
  /** It enters products, and nothing else. */
  readonly operand?: true;
}

/** The network's input, where sources are indices of layers. */
export const INPUT = -1;
/** Its name, which no layer may have. */
export const INPUT_NAME = 'input';

/** What each layer reads: indices of earlier layers, or INPUT. Throws where names do not fit, or an output is read by nobody. */
export function sources(network: Network): number[][] {
  const { layers } = network;
  const named = new Map([[INPUT_NAME, INPUT]]);
  const all = layers.map((spec, i) => {
    const read =
      spec.from === undefined ? [i - 1] : [spec.from].flat().map((name) => sourceNamed(name, i, named, layers));
    if (spec.name === INPUT_NAME)
      throw new Error(`${layerName(spec, i)}: "${INPUT_NAME}" is the network's input: give another name`);
    if (spec.name !== undefined) {
      const other = named.get(spec.name);
      if (other !== undefined)
        throw new Error(`${layerName(spec, i)}: ${layerName(layers[other], other)} has that name`);
      named.set(spec.name, i);
    }
    return read;
  });
  const used = new Set(all.flat());
  const idle = layers.findIndex((_, i) => i < layers.length - 1 && !used.has(i));
  if (idle >= 0)
    throw new Error(
      `${layerName(layers[idle], idle)}: no layer reads its output: name it in the "from" of a later one, or leave it out`,
    );
  return all;
}

function sourceNamed(name: string, i: number, named: ReadonlyMap<string, number>, layers: Network['layers']): number {
  const source = named.get(name);
  if (source !== undefined) return source;
  const later = layers.findIndex((other) => other.name === name);
  const why =
    later < 0
      ? `no layer has that name${didYouMean(name, [...named.keys()])}`
      : later === i
        ? 'that is its own name'
        : `${layerName(layers[later], later)} comes later: a layer reads earlier ones`;
  throw new Error(`${layerName(layers[i], i)}: from ${JSON.stringify(name)}: ${why}`);
}

/** Shapes of one sample: what each layer reads, and what it gives; an error names the layer and the shapes that do not fit. */
export function layerFlow(network: Network): { readonly inputs: Shape[]; readonly output: Shape }[] {
  const flow: { inputs: Shape[]; output: Shape }[] = [];
  for (const [i, read] of sources(network).entries()) {
    const spec = network.layers[i];
    const inputs = read.map((source) => (source === INPUT ? network.input : flow[source].output));
    try {
      flow.push({ inputs, output: layerType(spec).shape(spec, inputs) });
    } catch (error) {
      throw new Error(`${layerName(spec, i)}: ${(error as Error).message}`, { cause: error });
    }
  }
  return flow;
}

/** Shapes of one sample: the network's input, then the output of every layer. */
export function layerShapes(network: Network): Shape[] {
  return [network.input, ...layerFlow(network).map(({ output }) => output)];
}

/** Inputs of a network as one flat vector. */
export function inputSize(network: Network): number {
  return sizeOf(network.input);
}

/** Classes of a network: what its last layer gives. */
export function classCount(network: Network): number {
  const last = layerShapes(network).at(-1)!;
  if (last.length !== 1)
    throw new Error(
      `the last layer must give a vector, the class scores: ${layerName(network.layers.at(-1)!, network.layers.length - 1)} ` +
        `gives [${last.join(',')}]`,
    );
  return last[0];
}

/** Name of a tensor of layer i. */
export function parameterName(i: number, short: string): string {
  return `layers.${i}.${short}`;
}

/** All tensors of a network. */
export function parameters(network: Network): ParameterSpec[] {
  return layerFlow(network).flatMap(({ inputs }, i) => {
    const spec = network.layers[i];
    const own = layerType(spec).parameters?.(spec, inputs) ?? [];
    return own.map((parameter) => ({ ...parameter, name: parameterName(i, parameter.name) }));
  });
}

/** Of the layers that have weights: products of the way forward, and outputs, of one sample. */
export function productLayers(network: Network): { readonly products: number; readonly outputs: number }[] {
  return layerFlow(network).flatMap(({ inputs, output }, i) => {
    const spec = network.layers[i];
    const [weights] = layerType(spec).parameters?.(spec, inputs) ?? [];
    if (weights === undefined) return [];
    const outputs = sizeOf(output);
    return [{ products: (sizeOf(weights.shape) * outputs) / output[output.length - 1], outputs }];
  });
}

/** Why a network does not fit a session, and what helps. */
export interface Misfit {
  readonly what: string;
  readonly fix: string;
}

/** @param batch of a training; absent in an inference */
export function misfit(network: Network, truncation: 'dealt' | 'local', batch?: number): Misfit | undefined {
  for (const [i, { inputs }] of layerFlow(network).entries()) {
    const spec = network.layers[i];
    const { needsDealt, leastCount = 1 } = layerType(spec);
    if (needsDealt === true && truncation === 'local')
      return {
        what: `${layerName(spec, i)} needs the dealt truncation: its products fill the ring`,
        fix: 'add --truncation dealt',
      };
    const count = (batch ?? Infinity) * sizeOf(inputs[0].slice(0, -1));
    if (count < leastCount)
      return {
        what: `${layerName(spec, i)} needs ${leastCount} numbers a channel in each step, found ${count}`,
        fix: 'give a larger --batch',
      };
  }
  return undefined;
}
