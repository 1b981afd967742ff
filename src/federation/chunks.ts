/**
 * What an owner uploads of a data set, and how parties keep it: E of the images and E of the one-hot labels (PROTOCOLS §1, "Owners' inputs"),
 * 64-bit little-endian elements, in chunks of 8 MiB, the last one shorter. A chunk is encrypted by its owner and stored as it came.
 *
 * Chunk: AES-256-GCM under the data set's content key; nonce = 4 bytes part (0 images, 1 labels) ‖ 8 bytes number, big-endian; additional data
 * `DIGEST/PART/NUMBER`; ciphertext ‖ 16 bytes tag. The key serves one data set, so no nonce comes twice: whoever sends a chunk again must send the
 * same one. P0 and P1 get the same chunks (the content key keeps E from whoever steals a disk, not from them).
 *
 * Digest of E (`opened` in a data document): HMAC-SHA256 under the content key over the SHA-256 of each chunk in order, so chunks can be hashed as they
 * come, in any order. Under a key that P2 lacks, for everybody reads the document, and P2 has both masks: with a plain digest of E it could try what
 * the labels of a few images are, or one image of which it knows the others, until the digest is right.
 */
import type { PartyName } from '../party/party.ts';
import { STREAM_KEY_BYTES } from '../random/primitives.ts';
import { sha256 } from '#aes';
import { concatBytes, toHex, utf8 } from '../random/text.ts';
import type { Digest } from './canonical.ts';
import type { DataDocument } from './documents.ts';

export const CHUNK_BYTES: number = 8 * 2 ** 20;
export const CONTENT_KEY_BYTES = 32;
export const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const ELEMENT_BYTES = 8;

export const PARTS = ['images', 'labels'] as const;
export type Part = (typeof PARTS)[number];

/** Where a chunk belongs. */
export interface ChunkPlace {
  /** Of the data document. */
  readonly data: Digest;
  readonly part: Part;
  /** From 0. */
  readonly number: number;
}

type Sizes = Pick<DataDocument, 'images' | 'rows' | 'columns' | 'channels' | 'classes'>;

/** Bytes of E. */
export function openedBytes({ images, rows, columns, channels, classes }: Sizes, part: Part): number {
  return ELEMENT_BYTES * images * (part === 'images' ? rows * columns * channels : classes);
}

/** How many chunks a part has. */
export function chunksOf(sizes: Sizes, part: Part): number {
  return Math.ceil(openedBytes(sizes, part) / CHUNK_BYTES);
}

/** Plaintext bytes of one chunk; 0: there is no such chunk. */
export function chunkBytes(sizes: Sizes, part: Part, number: number): number {
  if (number < 0) return 0;
  return Math.max(0, Math.min(CHUNK_BYTES, openedBytes(sizes, part) - number * CHUNK_BYTES));
}

/** Name of a chunk's file in the folder of its data set. */
export function chunkFile(part: Part, number: number): string {
  return `${part}-${String(number).padStart(5, '0')}.chunk`;
}

export function nonceOf({ part, number }: ChunkPlace): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  const view = new DataView(nonce.buffer);
  view.setUint32(0, PARTS.indexOf(part));
  view.setBigUint64(4, BigInt(number));
  return nonce;
}

/** What a chunk's tag covers besides. */
export function additionalOf({ data, part, number }: ChunkPlace): Uint8Array {
  return utf8(`${data}/${part}/${number}`);
}

/** What the digest of E begins with. */
export const OPENED: Uint8Array = utf8('securenn opened\0');

/** What a party is given of a data set, sealed to it. */
export interface DataKeys {
  /** P0 and P1. */
  readonly content?: Uint8Array | undefined;
  /** P0: of ⟨U⟩₀; P1: of ⟨U⟩₁; P2: of both. */
  readonly masks: readonly Uint8Array[];
}

/** P0, P1: content key ‖ own mask key. P2: both mask keys. */
export function packKeys({ content, masks }: DataKeys): Uint8Array {
  return concatBytes(...(content === undefined ? masks : [content, ...masks]));
}

/** Undefined: they have another length. */
export function unpackKeys(party: PartyName, bytes: Uint8Array): DataKeys | undefined {
  const head = party === 'P2' ? STREAM_KEY_BYTES : CONTENT_KEY_BYTES;
  if (bytes.length !== head + STREAM_KEY_BYTES) return undefined;
  const [first, last] = [bytes.slice(0, head), bytes.slice(head)];
  return party === 'P2' ? { masks: [first, last] } : { content: first, masks: [last] };
}

/** SHA-256 of a mask key, as the data document commits to it. */
export function maskCommitment(key: Uint8Array): Digest {
  return toHex(sha256(key));
}
