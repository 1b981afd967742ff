/**
 * A trained model as a file: safetensors with the network and the fixed-point format in its metadata, so that a model is never run
 * as another network. Numbers are doubles: a model trained with 16 fractional bits can be served with another number of them.
 */
import * as z from 'zod';
import { classCount, parameters, type Network } from '../nn/network.ts';
import { parseNetwork } from '../nn/networkFile.ts';
import { sameShape, sizeOf } from '../ring/shape.ts';
import type { ImageShape } from './elements.ts';
import { Problem } from './problem.ts';
import {
  FIX,
  formatSafetensors,
  listTensors,
  parseSafetensors,
  type FloatTensor,
  type Listing,
} from './safetensors.ts';
import { checkScaling, OF_BYTES, sameScaling, type Scaling, scalingSchema } from './scaling.ts';

const FORMAT = 'securenn-model';
/** Of files that every version reads: what they are to be given are bytes over 255. */
const VERSION = '1';
/** Of files that say otherwise: who does not read that must not take them. */
const SCALED_VERSION = '2';

/** A network with its weights, and what it keeps of the data that it was trained on. */
export interface Model {
  readonly network: Network;
  /** Fractional bits it was trained with. */
  readonly fractionBits: number;
  /** One tensor for each of parameters(network), under its name. */
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  /** What became of the values that it was trained on, and becomes of those that it classifies; undefined: its file does not say. */
  readonly scaling?: Scaling | undefined;
  /** Of its classes, where they have names. */
  readonly classNames?: readonly string[] | undefined;
}

/** What a model keeps of the data that it was trained on. */
export function keptOf({
  scaling,
  classNames,
}: Pick<Model, 'scaling' | 'classNames'>): Pick<Model, 'scaling' | 'classNames'> {
  return { ...(scaling && { scaling }), ...(classNames && { classNames }) };
}

/** The bytes of a model file. */
export function formatModel(model: Model): Uint8Array<ArrayBuffer> {
  const metadata = new Map([
    ['format', FORMAT],
    ['version', model.scaling === undefined || sameScaling(model.scaling, OF_BYTES) ? VERSION : SCALED_VERSION],
    ['network', JSON.stringify(model.network)],
    ['fractionBits', String(model.fractionBits)],
    ...(model.scaling === undefined ? [] : [['scaling', JSON.stringify(model.scaling)] as const]),
    ...(model.classNames === undefined ? [] : [['classes', JSON.stringify(model.classNames)] as const]),
  ]);
  return formatSafetensors({ tensors: model.tensors, metadata });
}

/** The network that a file says it was trained as; its tensors are not looked at. */
export function modelNetwork(bytes: Uint8Array, source: string): Network {
  return readMetadata(listTensors(bytes, source), source).network;
}

function readMetadata(listing: Listing, source: string, expected?: Network): Omit<Model, 'tensors'> {
  const { metadata, entries } = listing;
  if (metadata.get('format') !== FORMAT) {
    const wanted = expected === undefined ? '' : `; network ${expected.name} expects ${wantedTensors(expected)}`;
    throw new Problem(
      `${source}: a safetensors file of another program: format: expected ${FORMAT}, found ${metadata.get('format') ?? 'none'}; ` +
        `it holds ${foundTensors(entries)}${wanted}`,
      FIX,
    );
  }
  if (![VERSION, SCALED_VERSION].includes(metadata.get('version') ?? '')) {
    throw new Problem(
      `${source}: format version: expected ${VERSION} or ${SCALED_VERSION}, found ${metadata.get('version') ?? 'none'}`,
      FIX,
    );
  }
  const fractionBits = Number(metadata.get('fractionBits'));
  if (!Number.isInteger(fractionBits) || fractionBits < 1 || fractionBits > 52) {
    throw new Problem(`${source}: fractionBits: expected 1 to 52, found ${metadata.get('fractionBits')}`, FIX);
  }
  const kept = keptOf({
    scaling: readEntry(metadata, 'scaling', scalingSchema, source),
    classNames: readEntry(metadata, 'classes', namesSchema, source),
  });
  const written = metadata.get('network');
  if (written === undefined && expected !== undefined) return { network: expected, fractionBits, ...kept };
  let network: unknown;
  try {
    network = JSON.parse(written ?? '');
  } catch (error) {
    throw new Problem(`${source}: its network is not JSON`, FIX, { cause: error });
  }
  return { network: parseNetwork(network, `${source}: network`), fractionBits, ...kept };
}

const namesSchema = z.array(z.string().max(256)).max(65_536);

/** What a file says as JSON, if it does. */
function readEntry<T>(metadata: Listing['metadata'], key: string, schema: z.ZodType<T>, source: string): T | undefined {
  const written = metadata.get(key);
  if (written === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(written));
  } catch (error) {
    throw new Problem(`${source}: its ${key} cannot be read`, FIX, { cause: error });
  }
}

const TENSORS_SHOWN = 12;

function listed(tensors: readonly string[]): string {
  if (tensors.length === 0) return 'no tensor';
  const more = tensors.length - TENSORS_SHOWN;
  return `${tensors.slice(0, TENSORS_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function foundTensors(entries: Listing['entries']): string {
  return listed(entries.map(({ name, dtype, shape }) => `${name} ${dtype} [${shape.join(',')}]`));
}

function wantedTensors(network: Network): string {
  return listed(parameters(network).map(({ name, shape }) => `${name} F64 [${shape.join(',')}]`));
}

/**
 * A model from a file's bytes: every parameter of its network is there, of the right shape and finite, and nothing else.
 * @param expected the network asked for: for an error's text, and of a file that does not say its own.
 */
export function parseModel(bytes: Uint8Array, source: string, expected?: Network): Model {
  // What it says comes first: of a file of another program it is the names that help.
  const listing = listTensors(bytes, source);
  const kept = readMetadata(listing, source, expected);
  const { network, scaling, classNames } = kept;
  const file = parseSafetensors(bytes, source);
  const specs = parameters(network);
  const all = `: the file holds ${foundTensors(listing.entries)}; network ${network.name} expects ${wantedTensors(network)}`;
  for (const { name, shape } of specs) {
    const tensor = file.tensors.get(name);
    if (!tensor) throw new Problem(`${source}: tensor ${name} is missing${all}`, FIX);
    if (!sameShape(tensor.shape, shape)) {
      throw new Problem(
        `${source}: tensor ${name}: expected [${shape.join(',')}], found [${tensor.shape.join(',')}]${transposed(tensor.shape, shape)}`,
        FIX,
      );
    }
    if (!tensor.data.every(Number.isFinite))
      throw new Problem(`${source}: tensor ${name} holds a number that is not finite`, FIX);
  }
  if (file.tensors.size !== specs.length) {
    const known = new Set(specs.map(({ name }) => name));
    const stranger = [...file.tensors.keys()].find((name) => !known.has(name));
    throw new Problem(`${source}: tensor ${stranger} does not belong to network ${network.name}${all}`, FIX);
  }
  if (scaling !== undefined) checkScaling(scaling, shapeOf(network), source);
  if (classNames !== undefined && classNames.length > classCount(network)) {
    throw new Problem(`${source}: names ${classNames.length} classes, its network has ${classCount(network)}`, FIX);
  }
  return { ...kept, tensors: file.tensors };
}

function shapeOf({ input }: Network): ImageShape {
  const [rows, columns, channels] = input.length === 3 ? input : [1, sizeOf(input), 1];
  return { rows, columns, channels };
}

function transposed(found: readonly number[], expected: readonly number[]): string {
  return sameShape(found.toReversed(), expected) ? ', which is its transpose' : '';
}
