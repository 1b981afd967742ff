/**
 * A checkpoint: what one party of a training run, or its owner, needs to go on after a step. `docs/checkpoints.md` has the format.
 * Bytes in, bytes out; no IO.
 *
 * It holds keys and shares. Nothing of them may enter an error message.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import type { PeerName } from '../channel/channel.ts';
import { sizeOf, type Shape } from '../ring/shape.ts';
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

const MAGIC = 'SNNckpt\n';
const VERSION = 3;
/** Magic, version and length of the header. */
const START_BYTES = 16;
const DIGEST_BYTES = 32;
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

export function formatCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const { keys, tensors, ...rest } = checkpoint;
  const json = Buffer.from(
    JSON.stringify({
      ...rest,
      keys: Object.fromEntries([...keys].map(([peer, key]) => [peer, Buffer.from(key).toString('hex')])),
      tensors: [...tensors].map(([name, { shape, fractionBits, opening }]) => ({
        name,
        shape: [...shape],
        fractionBits,
        opened: opening !== undefined,
      })),
    } satisfies z.input<typeof header>),
  );
  // Spaces bring the shares to a multiple of eight bytes.
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const shares = [...tensors.values()].flatMap(({ data, opening }) =>
    [data, opening].filter((part) => part !== null && part !== undefined),
  );
  const shareBytes = shares.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const bytes = Buffer.alloc(START_BYTES + headerBytes + shareBytes + DIGEST_BYTES, ' ');
  bytes.write(MAGIC);
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(headerBytes, 12);
  json.copy(bytes, START_BYTES);
  let at = START_BYTES + headerBytes;
  for (const { buffer, byteOffset, byteLength } of shares) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  digestOf(bytes).copy(bytes, at);
  return bytes;
}

/** Of everything before the digest itself. */
function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes.subarray(0, -DIGEST_BYTES)).digest();
}

/** Checks a file's bytes, all of them, before anything is used. `source` names the file in errors. */
export function parseCheckpoint(file: Uint8Array, source: string): Checkpoint {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < START_BYTES + DIGEST_BYTES || bytes.toString('latin1', 0, 8) !== MAGIC)
    throw new Problem(`${source}: is not a checkpoint`, CHECKPOINT_FIX);
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) {
    throw new Problem(
      `${source}: checkpoint version: expected ${VERSION}, found ${version}`,
      'go on with the version of securenn that wrote it',
    );
  }
  if (!timingSafeEqual(digestOf(bytes), bytes.subarray(-DIGEST_BYTES)))
    throw new Problem(`${source}: is damaged or cut off: its SHA-256 does not fit its content`, CHECKPOINT_FIX);
  const shareStart = START_BYTES + bytes.readUInt32LE(12);
  const { keys, tensors, ...rest } = parseHeader(bytes.subarray(START_BYTES, shareStart), source);
  const held = rest.keeper === 'P0' || rest.keeper === 'P1';
  const openings = held ? 1 : 2;
  const words = tensors.map(({ shape, opened }) => (Number(held) + (opened ? openings : 0)) * sizeOf(shape));
  const expected = shareStart + 8 * words.reduce((sum, count) => sum + count, 0) + DIGEST_BYTES;
  if (bytes.length !== expected)
    throw new Problem(`${source}: its tensors take ${expected} bytes, found ${bytes.length}`, CHECKPOINT_FIX);
  let at = shareStart;
  const next = (shape: Shape): BigUint64Array => {
    // A copy: the file's bytes need not lie at a multiple of eight.
    const values = new BigUint64Array(new Uint8Array(bytes.subarray(at, at + 8 * sizeOf(shape))).buffer);
    at += values.byteLength;
    return values;
  };
  const stored = tensors.map(({ name, shape, fractionBits, opened }): [string, StoredTensor] => {
    const data = held ? next(shape) : null;
    return [name, { shape, fractionBits, data, ...(opened ? { opening: next([openings, ...shape]) } : {}) }];
  });
  const hexKeys = Object.entries(keys) as [PeerName, string][];
  const keyBytes = hexKeys.map(([name, hex]) => [name, new Uint8Array(Buffer.from(hex, 'hex'))] as const);
  return { ...rest, keys: new Map(keyBytes), tensors: new Map(stored) };
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
