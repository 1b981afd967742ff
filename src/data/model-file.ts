/**
 * A trained model as a file: safetensors with the network and the fixed-point format in its metadata, so that a model is never run
 * as another network. Numbers are doubles: a model trained with 16 fractional bits can be served with another number of them.
 */
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { parameters, type Network } from '../nn/network.ts';
import { parseNetwork } from '../nn/networkFile.ts';
import { sameShape } from '../ring/shape.ts';
import { Problem } from './problem.ts';
import { formatSafetensors, parseSafetensors, type FloatTensor, type TensorFile } from './safetensors.ts';

const FORMAT = 'securenn-model';
const VERSION = '1';
const FIX = 'use a model file that securenn wrote';

export interface Model {
  readonly network: Network;
  /** Fractional bits it was trained with. */
  readonly fractionBits: number;
  /** One tensor for each of parameters(network), under its name. */
  readonly tensors: ReadonlyMap<string, FloatTensor>;
}

/** The bytes of a model file. */
export function formatModel(model: Model): Uint8Array {
  const metadata = new Map([
    ['format', FORMAT],
    ['version', VERSION],
    ['network', JSON.stringify(model.network)],
    ['fractionBits', String(model.fractionBits)],
  ]);
  return formatSafetensors({ tensors: model.tensors, metadata });
}

function readMetadata({ metadata }: TensorFile, source: string): { network: Network; fractionBits: number } {
  if (metadata.get('format') !== FORMAT) {
    throw new Problem(`${source}: format: expected ${FORMAT}, found ${metadata.get('format') ?? 'none'}`, FIX);
  }
  if (metadata.get('version') !== VERSION) {
    throw new Problem(
      `${source}: format version: expected ${VERSION}, found ${metadata.get('version') ?? 'none'}`,
      FIX,
    );
  }
  const fractionBits = Number(metadata.get('fractionBits'));
  if (!Number.isInteger(fractionBits) || fractionBits < 1 || fractionBits > 52) {
    throw new Problem(`${source}: fractionBits: expected 1 to 52, found ${metadata.get('fractionBits')}`, FIX);
  }
  let network: unknown;
  try {
    network = JSON.parse(metadata.get('network') ?? '');
  } catch (error) {
    throw new Problem(`${source}: its network is not JSON`, FIX, { cause: error });
  }
  return { network: parseNetwork(network, `${source}: network`), fractionBits };
}

/** A model from a file's bytes: every parameter of its network is there, of the right shape and finite, and nothing else. */
export function parseModel(bytes: Uint8Array, source: string): Model {
  const file = parseSafetensors(bytes, source);
  const { network, fractionBits } = readMetadata(file, source);
  const specs = parameters(network);
  for (const { name, shape } of specs) {
    const tensor = file.tensors.get(name);
    if (!tensor) throw new Problem(`${source}: tensor ${name} is missing`, FIX);
    if (!sameShape(tensor.shape, shape)) {
      throw new Problem(
        `${source}: tensor ${name}: expected [${shape.join(',')}], found [${tensor.shape.join(',')}]`,
        FIX,
      );
    }
    if (!tensor.data.every(Number.isFinite))
      throw new Problem(`${source}: tensor ${name} holds a number that is not finite`, FIX);
  }
  if (file.tensors.size !== specs.length) {
    const known = new Set(specs.map(({ name }) => name));
    const stranger = [...file.tensors.keys()].find((name) => !known.has(name));
    throw new Problem(`${source}: tensor ${stranger} does not belong to network ${network.name}`, FIX);
  }
  return { network, fractionBits, tensors: file.tensors };
}

/** Refuses a model that was trained as another network. */
export function checkModelNetwork(model: Model, network: Network, source: string): void {
  if (isDeepStrictEqual(model.network, network)) return;
  const [found, expected] = [describe(model.network), describe(network)];
  const difference = found === expected ? `a network ${found} with other layers` : `network ${found}`;
  throw new Problem(
    `${source}: holds ${difference}, not the network ${expected} asked for`,
    'name the network it was trained as with --network',
  );
}

function describe(network: Network): string {
  const units = network.layers.flatMap((layer) => (layer.type === 'dense' ? [layer.units] : []));
  return `${network.name} (${[...network.input, ...units].join('-')})`;
}

export async function readModel(path: string): Promise<Model> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem(
      `model file ${path}: cannot be read: ${reason}`,
      'train a model first, or give an existing file to --model',
      {
        cause: error,
      },
    );
  }
  return parseModel(bytes, path);
}
