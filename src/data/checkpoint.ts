/**
 * A checkpoint: what one party of a training run, or its owner, needs to go on after a step. `docs/checkpoints.md` has the format.
 * Bytes in, bytes out; no IO.
 *
 * It holds keys and shares. Nothing of them may enter an error message.
 */
import { createHash, type Hash, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import type { PeerName } from '../channel/channel.ts';
import { sizeOf, type Shape } from '../ring/shape.ts';
import { PART_BYTES } from './file-parts.ts';
import { HeldBack } from './held-back.ts';
import { Problem } from './problem.ts';

/** A tensor of the training state. */
export interface StoredTensor {
  readonly shape: Shape;
  readonly fractionBits: number;
  /** A worker's share; null at the helper, which holds none. */
  readonly data: BigUint64Array | null;
  /** Of a weight that is opened for the step to come: what the workers opened; at the helper, the two shares of the mask it is opened under. */
  readonly opening?: BigUint64Array;
}

export interface Checkpoint {
  /** Whose it is. */
  readonly keeper: PeerName;
  /** Session in which the run began. */
  readonly run: string;
  /** The step after which the run goes on; 0: the run has begun. */
  readonly step: number;
  /** The job of the run, as JSON. Public. */
  readonly job: unknown;
  /** Stream keys shared with each peer. */
  readonly keys: ReadonlyMap<PeerName, Uint8Array>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Whatever else its keeper wants back, as JSON. */
  readonly notes?: unknown;
}

/** What is said of a tensor before it comes. */
export interface TensorFacts extends Pick<StoredTensor, 'shape' | 'fractionBits'> {
  readonly name: string;
  /** Its opening comes, too. */
  readonly opened: boolean;
}

/** Tensors that are written while they come. */
export interface TensorSource {
  /** In the order in which they come. */
  readonly facts: readonly TensorFacts[];
  readonly held: () => Iterable<HeldTensor> | AsyncIterable<HeldTensor>;
}

export type HeldTensor = Pick<StoredTensor, 'data' | 'opening'>;

/** One that is written. */
export interface NewCheckpoint extends Omit<Checkpoint, 'tensors'> {
  readonly tensors: ReadonlyMap<string, StoredTensor> | TensorSource;
}

const MAGIC = 'SNNckpt\n';
const VERSION = 3;
/** Magic, version and length of the header. */
const START_BYTES = 16;
const DIGEST_BYTES = 32;
const NONE = new BigUint64Array(0);
export const CHECKPOINT_FIX = 'restore the file from a copy, or go on from an older step with --resume-step';

const peer = z.enum(['P0', 'P1', 'P2', 'owner'] satisfies PeerName[]);
const header = z.strictObject({
  keeper: peer,
  run: z.string().min(1).max(128),
  step: z.int().min(0),
  job: z.unknown(),
  keys: z.partialRecord(peer, z.string().regex(/^[0-9a-f]{32}$/)),
  tensors: z.array(
    z.strictObject({
      name: z.string().min(1),
      shape: z.array(z.int().min(1)).min(1).max(8),
      fractionBits: z.int().min(0).max(63),
      opened: z.boolean(),
    }),
  ),
  notes: z.unknown().optional(),
});

/** A checkpoint's bytes, some at a time: one tensor is taken when the one before is out. */
export async function* checkpointBytes(checkpoint: NewCheckpoint): AsyncGenerator<Uint8Array, void> {
  const { keys, tensors, ...rest } = checkpoint;
  const { facts, held } = 'facts' in tensors ? tensors : sourceOfTensors(tensors);
  const json = Buffer.from(
    JSON.stringify({
      ...rest,
      keys: Object.fromEntries([...keys].map(([peer, key]) => [peer, Buffer.from(key).toString('hex')])),
      tensors: facts.map(({ name, shape, fractionBits, opened }) => ({
        name,
        shape: [...shape],
        fractionBits,
        opened,
      })),
    } satisfies z.input<typeof header>),
  );
  // Spaces bring the shares to a multiple of eight bytes.
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const start = Buffer.alloc(START_BYTES + headerBytes, ' ');
  start.write(MAGIC);
  start.writeUInt32LE(VERSION, 8);
  start.writeUInt32LE(headerBytes, 12);
  json.copy(start, START_BYTES);
  const digest = createHash('sha256').update(start);
  yield start;
  let next = 0;
  for await (const { data, opening } of held()) {
    const { name, opened } = facts[next++];
    if ((opening !== undefined) !== opened) throw new Error(`tensor ${name}: said to be ${opened ? '' : 'not '}opened`);
    for (const shares of [data, opening])
      for (const part of pieces(shares ?? NONE)) {
        digest.update(part);
        yield part;
      }
  }
  if (next !== facts.length) throw new Error(`${next} tensors came, ${facts.length} were said to come`);
  yield digest.digest();
}

function* pieces({ buffer, byteOffset, byteLength }: BigUint64Array): Generator<Uint8Array, void> {
  for (let from = 0; from < byteLength; from += PART_BYTES)
    yield new Uint8Array(buffer, byteOffset + from, Math.min(PART_BYTES, byteLength - from));
}

/** Tensors that are all here. */
export function sourceOfTensors(tensors: ReadonlyMap<string, StoredTensor>): TensorSource {
  const facts = [...tensors].map(([name, { shape, fractionBits, opening }]) => ({
    ...{ name, shape, fractionBits },
    opened: opening !== undefined,
  }));
  return { facts, held: () => tensors.values() };
}

/** A checkpoint in a file, all of whose bytes have been checked. */
export interface StoredCheckpoint extends Omit<Checkpoint, 'tensors'> {
  readonly facts: ReadonlyMap<string, Omit<TensorFacts, 'name'>>;
  /** Reads the file once more, a tensor at a time, in the order of `facts`. Ends with an error if the file is another one by now. */
  readonly tensors: () => AsyncIterable<readonly [name: string, tensor: StoredTensor]>;
}

/**
 * Checks a file's bytes, all of them, before anything is used.
 * @param read the bytes, from the first on  @param source names the file in errors
 */
export async function openCheckpoint(read: () => AsyncIterable<Uint8Array>, source: string): Promise<StoredCheckpoint> {
  const { start, length, digest } = await checkedFile(read(), source);
  const { tensors, keys, ...rest } = parseHeader(start.subarray(START_BYTES), source);
  const held = rest.keeper === 'P0' || rest.keeper === 'P1';
  const openings = held ? 1 : 2;
  const words = tensors.map(({ shape, opened }) => (Number(held) + (opened ? openings : 0)) * sizeOf(shape));
  const expected = start.length + 8 * words.reduce((sum, count) => sum + count, 0) + DIGEST_BYTES;
  if (length !== expected)
    throw new Problem(`${source}: its tensors take ${expected} bytes, found ${length}`, CHECKPOINT_FIX);
  const hexKeys = Object.entries(keys) as [PeerName, string][];
  return {
    ...rest,
    keys: new Map(hexKeys.map(([name, hex]) => [name, new Uint8Array(Buffer.from(hex, 'hex'))])),
    facts: new Map(tensors.map(({ name, ...facts }) => [name, facts])),
    tensors: async function* () {
      const file = new Reader(read(), source);
      await file.next(start.length);
      for (const { name, shape, fractionBits, opened } of tensors) {
        const data = held ? await file.elements(sizeOf(shape)) : null;
        const opening = opened ? { opening: await file.elements(openings * sizeOf(shape)) } : {};
        yield [name, { shape, fractionBits, data, ...opening }];
      }
      const found = file.digest();
      if (!timingSafeEqual(found, digest) || !timingSafeEqual(await file.next(DIGEST_BYTES), digest))
        throw damaged(source);
    },
  };
}

/** All of it at once. */
export async function readCheckpoint(checkpoint: StoredCheckpoint): Promise<Checkpoint> {
  const { keeper, run, step, job, keys, notes } = checkpoint;
  const tensors = new Map<string, StoredTensor>();
  for await (const [name, tensor] of checkpoint.tensors()) tensors.set(name, tensor);
  return { keeper, run, step, job, keys, tensors, notes };
}

interface CheckedFile {
  /** All that stands before the tensors. */
  readonly start: Buffer;
  readonly length: number;
  readonly digest: Buffer;
}

async function checkedFile(parts: AsyncIterable<Uint8Array>, source: string): Promise<CheckedFile> {
  const hash = createHash('sha256');
  const last = new HeldBack(DIGEST_BYTES);
  const first: Uint8Array[] = [];
  let [length, wanted] = [0, START_BYTES];
  for await (const part of parts) {
    for (const bytes of last.take(part)) hash.update(bytes);
    if (length < wanted) first.push(part);
    length += part.length;
    if (wanted === START_BYTES && length >= START_BYTES) wanted += headerLength(Buffer.concat(first), source);
  }
  if (length < START_BYTES + DIGEST_BYTES) throw noCheckpoint(source);
  const digest = hash.digest();
  if (!timingSafeEqual(digest, last.bytes)) throw damaged(source);
  return { start: Buffer.concat(first).subarray(0, wanted), length, digest };
}

/** From the first bytes of a file. */
function headerLength(start: Buffer, source: string): number {
  if (start.toString('latin1', 0, MAGIC.length) !== MAGIC) throw noCheckpoint(source);
  const version = start.readUInt32LE(8);
  if (version === VERSION) return start.readUInt32LE(12);
  throw new Problem(
    `${source}: checkpoint version: expected ${VERSION}, found ${version}`,
    'go on with the version of securenn that wrote it',
  );
}

function noCheckpoint(source: string): Problem {
  return new Problem(`${source}: is not a checkpoint`, CHECKPOINT_FIX);
}

function damaged(source: string): Problem {
  return new Problem(`${source}: is damaged or cut off: its SHA-256 does not fit its content`, CHECKPOINT_FIX);
}

/** Reads what comes in parts in pieces of other sizes. */
class Reader {
  readonly #parts: AsyncIterator<Uint8Array>;
  readonly #source: string;
  readonly #hash: Hash = createHash('sha256');
  #rest: Uint8Array = new Uint8Array(0);

  constructor(parts: AsyncIterable<Uint8Array>, source: string) {
    [this.#parts, this.#source] = [parts[Symbol.asyncIterator](), source];
  }

  async next(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count;) {
      if (this.#rest.length === 0) {
        const part = await this.#parts.next();
        if (part.done === true) throw damaged(this.#source);
        this.#rest = part.value;
      }
      const some = this.#rest.subarray(0, count - at);
      bytes.set(some, at);
      at += some.length;
      this.#rest = this.#rest.subarray(some.length);
    }
    this.#hash.update(bytes);
    return bytes;
  }

  async elements(count: number): Promise<BigUint64Array> {
    return new BigUint64Array((await this.next(8 * count)).buffer);
  }

  /** Of all that has been read. */
  digest(): Buffer {
    return this.#hash.copy().digest();
  }
}

/** Errors name a field, never what is in it. */
function parseHeader(bytes: Buffer, source: string): z.infer<typeof header> {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    // The parser's own words quote the text.
    throw new Problem(`${source}: its header is not JSON`, CHECKPOINT_FIX);
  }
  const parsed = header.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path, code } = parsed.error.issues[0];
  throw new Problem(`${source}: header: ${path.join('.') || 'fields'}: ${code}`, CHECKPOINT_FIX);
}
