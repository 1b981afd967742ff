/** Whether a model is of the network that was asked for, and how the two differ. */
import { isDeepStrictEqual } from 'node:util';
import { layerName, type LayerSpec } from '../nn/layers/table.ts';
import type { Network } from '../nn/network.ts';
import { sameShape } from '../ring/shape.ts';
import type { Model } from './model-file.ts';
import { Problem } from './problem.ts';

/** Refuses a model that was trained as another network; the name alone may differ. */
export function checkModelNetwork(model: Model, network: Network, source: string): void {
  if (isDeepStrictEqual({ ...model.network, name: '' }, { ...network, name: '' })) return;
  const [found, expected] = [describe(model.network), describe(network)];
  const difference = found === expected ? `a network ${found} with other layers` : `network ${found}`;
  throw new Problem(
    `${source}: holds ${difference}, not the network ${expected} asked for: ${firstDifference(model.network, network)}`,
    'leave --network out: the model file holds its network',
  );
}

/** Where two networks part: their inputs, or a layer. */
function firstDifference(found: Network, expected: Network): string {
  if (!sameShape(found.input, expected.input))
    return `its input is [${found.input.join(',')}], not [${expected.input.join(',')}]`;
  const last = Math.max(found.layers.length, expected.layers.length);
  const i = Array.from({ length: last }, (_, k) => k).find(
    (k) => !isDeepStrictEqual(found.layers[k], expected.layers[k]),
  )!;
  const [mine, asked] = [found.layers[i], expected.layers[i]];
  if (mine === undefined) return `it has no ${layerName(asked, i)}`;
  if (asked === undefined) return `its ${layerName(mine, i)} is one more than was asked for`;
  return `its ${layerName(mine, i)} is not ${layerName(asked, i)}${differing(mine, asked, i)}`;
}

/** Of layers that are named alike: the fields in which they differ. */
function differing(a: LayerSpec, b: LayerSpec, i: number): string {
  if (layerName(a, i) !== layerName(b, i)) return '';
  const fields = (spec: LayerSpec): Map<string, unknown> => new Map(Object.entries(spec));
  const [mine, asked] = [fields(a), fields(b)];
  const all = [...new Set([...mine.keys(), ...asked.keys()])];
  return ` in ${all.filter((key) => !isDeepStrictEqual(mine.get(key), asked.get(key))).join(' and ')}`;
}

function describe(network: Network): string {
  const units = network.layers.flatMap((layer) => (layer.type === 'dense' ? [layer.units] : []));
  return `${network.name} (${[...network.input, ...units].join('-')})`;
}
