/**
 * A labelled set of images on its way to the parties (PROTOCOLS §1, "Owners' inputs"), chunk by chunk (`federation/chunks.ts`): opened
 * under masks that the owner deals. Whatever the size of the set, one chunk exists at a time. No IO.
 *
 * Streams: `maskPath('images' | 'labels')` under each key, a key for ⟨U⟩₀ and one for ⟨U⟩₁. What each party then has: P_j E and ⟨U⟩_j, uniform both; P2 U.
 * Keys serve one set alone: with other data under them the difference of two openings would be the difference of the data.
 */
import { BLOCK_ELEMENTS } from '../../channel/blocks.ts';
import type { ImageSet } from '../../data/dataset.ts';
import { oneHotSource, type Source, valueSource } from '../../data/encode.ts';
import { MASK, maskPath } from '../../data/mask-address.ts';
import {
  CHUNK_BYTES,
  chunkBytes,
  chunksOf,
  CONTENT_KEY_BYTES,
  maskCommitment,
  OPENED,
  PARTS,
  type Part,
} from '../../federation/chunks.ts';
import type { Digest } from '../../federation/canonical.ts';
import type { DataDocument } from '../../federation/documents.ts';
import { type Primitives, STREAM_KEY_BYTES } from '../../random/primitives.ts';
import { toHex } from '../../random/text.ts';
import { decrease } from '../../ring/z64.ts';

/** Of one data set. */
export interface SharingKeys {
  /** Encrypts chunks for P0 and P1. */
  readonly content: Uint8Array;
  /** Of ⟨U⟩₀ and ⟨U⟩₁. */
  readonly masks: readonly [Uint8Array, Uint8Array];
}

export function freshKeys(by: Primitives): SharingKeys {
  const key = (bytes: number): Uint8Array => by.randomBytes(bytes);
  return { content: key(CONTENT_KEY_BYTES), masks: [key(STREAM_KEY_BYTES), key(STREAM_KEY_BYTES)] };
}

/** A set that is whole: with labels, one an image, below `classes`. */
export interface LabelledSet extends Omit<ImageSet, 'name'> {
  readonly labels: Uint8Array;
  readonly classes: number;
}

const ELEMENT_BYTES = 8;

/** Chunks of a set as its owner opens them under masks. */
export class OpenedSet {
  readonly #set: LabelledSet;
  readonly #sources: Readonly<Record<Part, Source>>;
  readonly #keys: SharingKeys;
  readonly #by: Primitives;
  readonly fractionBits: number;

  constructor(by: Primitives, set: LabelledSet, keys: SharingKeys, fractionBits: number) {
    this.#by = by;
    this.#set = set;
    this.#keys = keys;
    this.fractionBits = fractionBits;
    this.#sources = {
      images: valueSource(set.images, set.scaling, fractionBits),
      labels: oneHotSource(set.labels, set.classes),
    };
  }

  /** What a document says of sizes. */
  get sizes(): Pick<DataDocument, 'images' | 'rows' | 'columns' | 'channels' | 'classes'> {
    const { count, rows, columns, channels, classes } = this.#set;
    return { images: count, rows, columns, channels, classes };
  }

  /** All chunks there are, labels first: they are few, and a mistake in them shows early. */
  *places(): Generator<{ readonly part: Part; readonly number: number; readonly bytes: number }, void> {
    for (const part of PARTS.toReversed()) {
      for (let number = 0; number < chunksOf(this.sizes, part); number++)
        yield { part, number, bytes: chunkBytes(this.sizes, part, number) };
    }
  }

  get bytes(): number {
    return [...this.places()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** E = X − ⟨U⟩₀ − ⟨U⟩₁ of one chunk. */
  chunk(part: Part, number: number): Promise<Uint8Array> {
    const from = (number * CHUNK_BYTES) / ELEMENT_BYTES;
    const to = from + chunkBytes(this.sizes, part, number) / ELEMENT_BYTES;
    return open(this.#by, this.#sources[part], part, this.#keys.masks, from, to);
  }

  /**
   * Goes through the whole set once and says what its document commits to.
   * @param onChunk awaited after each chunk, so that the program lives meanwhile
   */
  async commit(onChunk: (bytes: number) => Promise<void>): Promise<Pick<DataDocument, 'opened' | 'masks'>> {
    const digests: Record<Part, Uint8Array[]> = { images: [], labels: [] };
    for (const { part, number, bytes } of this.places()) {
      digests[part].push(await this.#by.sha256(await this.chunk(part, number)));
      await onChunk(bytes);
    }
    const opened = async (part: Part): Promise<Digest> =>
      toHex(await this.#by.hmac(this.#keys.content, OPENED, ...digests[part]));
    const [P0, P1] = this.#keys.masks.map(maskCommitment);
    return { opened: { images: await opened('images'), labels: await opened('labels') }, masks: { P0, P1 } };
  }
}

/** A block at a time, which stays in the cache. */
async function open(
  by: Primitives,
  source: Source,
  name: Part,
  keys: SharingKeys['masks'],
  from: number,
  to: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const masks = keys.map((key) => by.masks(key, maskPath(name), MASK));
  const out = new BigUint64Array(to - from);
  for (let at = from; at < to; at += BLOCK_ELEMENTS) {
    const end = Math.min(at + BLOCK_ELEMENTS, to);
    const block = source.block(at, end);
    for (const mask of masks) decrease(block, await mask.z64(at, end - at));
    out.set(block, at - from);
  }
  return new Uint8Array(out.buffer);
}

/** Images for an inference session, opened whole. @param images one a row */
export function openImages(by: Primitives, images: Source, keys: SharingKeys['masks']): Promise<Uint8Array> {
  return open(by, images, 'images', keys, 0, images.elements);
}
