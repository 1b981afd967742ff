/**
 * The order in which layers run, and what each reads then. Max pooling commutes with what is monotone, so a ReLU whose output a maxpool alone
 * reads runs after it, on fewer elements.
 */
import { type LayerSpec, layerType } from './layers/table.ts';
import { type Network, sources } from './network.ts';

/** A layer and its place in the network, which names its parameters. */
export interface Placed {
  readonly spec: LayerSpec;
  readonly index: number;
  /** Whose outputs it reads: indices of layers that run before, or INPUT. */
  readonly inputs: readonly number[];
}

/** The layers in the order in which they run; the last gives the network's output. */
export function schedule(network: Network): Placed[] {
  const read = sources(network);
  const placed = network.layers.map((spec, index): Placed => ({ spec, index, inputs: read[index] }));
  for (let j = 1; j < placed.length; j++) {
    const pool = placed[j];
    if (pool.spec.type !== 'maxpool') continue;
    const i = placed.findIndex(({ index }) => index === pool.inputs[0]);
    if (i < 0 || layerType(placed[i].spec).monotone !== true || readers(placed, placed[i].index) > 1) continue;
    const before = placed[i];
    for (let k = j + 1; k < placed.length; k++) placed[k] = reading(placed[k], pool.index, before.index);
    placed[i] = { ...pool, inputs: before.inputs };
    placed[j] = { ...before, inputs: [pool.index] };
  }
  return placed;
}

/** How many inputs of layers an output is. */
export function readers(placed: readonly Placed[], index: number): number {
  let count = 0;
  for (const { inputs } of placed) for (const source of inputs) if (source === index) count++;
  return count;
}

function reading(layer: Placed, from: number, to: number): Placed {
  return { ...layer, inputs: layer.inputs.map((source) => (source === from ? to : source)) };
}
