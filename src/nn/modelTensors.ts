/**
 * What an inference takes of a model: the parameters of its layers or, of those that prepare something for many batches, what they prepare (`forward.ts`).
 * Rank 0 hands just that to the other ranks of its party.
 */
import type { Handed } from '../functions/wholeBatch.ts';
import { layerType } from './layers/table.ts';
import { layerFlow, type Network, parameterName, parameters } from './network.ts';

export interface ModelTensor extends Handed {
  readonly name: string;
}

export function modelTensors(network: Network, { fractionBits }: { readonly fractionBits: number }): ModelTensor[] {
  const places = network.layers.flatMap((spec, i) => (layerType(spec).prepare === undefined ? [] : [i]));
  const given = parameters(network)
    .filter(({ name }) => !places.some((i) => name.startsWith(parameterName(i, ''))))
    .map(({ name, shape, operand }) => {
      const use = operand === true ? 'operand' : 'added';
      return { name, shape, fractionBits, use } as const;
    });
  return [...given, ...preparedTensors(network, fractionBits)];
}

/** What `prepared` adds (`forward.ts`). */
export function preparedTensors(network: Network, fractionBits: number): ModelTensor[] {
  return layerFlow(network).flatMap(({ inputs }, i) => {
    const made = layerType(network.layers[i]).prepares?.(inputs, fractionBits) ?? [];
    return made.map((tensor) => ({ ...tensor, name: parameterName(i, tensor.name) }));
  });
}
