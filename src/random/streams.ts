/**
 * The random streams of one pair of parties (PROTOCOLS §0, Randomness rule 1): AES-128 in counter mode under the pair key, addressed
 * by (operation path, purpose). Both ends of the pair draw the same values, whatever the order in which their operations run.
 *
 * Counter block, 16 bytes: `SHA-256(len(path) ‖ path ‖ len(purpose) ‖ purpose)` cut to 12 bytes, then a big-endian 32-bit block
 * counter from 0. Lengths are 32-bit big-endian counts of UTF-8 bytes, so no two addresses encode alike.
 *
 * Two different addresses under one key share a stream with probability 2^-96 a pair of addresses: for 2^32 addresses below 2^-33.
 * Streams cannot overlap otherwise, because a stream ends before its 32-bit counter wraps (2^36 bytes). As everywhere in counter mode,
 * blocks of one stream never repeat; after b blocks that is distinguishable from random with advantage about b^2 / 2^129: 2^-65 for a
 * whole stream of 2^32 blocks, about 2^-33 for all 2^48 blocks of a very long session.
 */
import { createCipheriv, hash, createSecretKey, type KeyObject } from 'node:crypto';
import { CipherStream, type FastSamplers, type Stream } from './stream.ts';

export type { Stream };

export const STREAM_KEY_BYTES = 16;
const ADDRESS_BYTES = 12;
/** 2^32 blocks of 16 bytes. */
const STREAM_BYTES = 2 ** 36;

/** All streams under one key. The key is out of reach of `util.inspect`, `JSON.stringify` and enumeration. */
export class PairStreams {
  readonly #key: KeyObject;
  readonly #fast: FastSamplers | undefined;

  /**
   * @param key 16 bytes; copied.
   * @param fast faster ways to the same samples: a `Compute`.
   */
  constructor(key: Uint8Array, fast?: FastSamplers) {
    if (key.length !== STREAM_KEY_BYTES)
      throw new RangeError(`stream key: expected ${STREAM_KEY_BYTES} bytes, found ${key.length}`);
    this.#key = createSecretKey(key);
    this.#fast = fast;
  }

  /**
   * The stream at this address, from its beginning: asking twice gives the same values twice, so an operation asks once for each
   * purpose. A path or purpose is any well-formed string.
   */
  stream(path: string, purpose: string): Stream {
    const counter = Buffer.alloc(16);
    addressOf(path, purpose).copy(counter, 0, 0, ADDRESS_BYTES);
    return new CipherStream(createCipheriv('aes-128-ctr', this.#key, counter), STREAM_BYTES, this.#fast);
  }
}

function addressOf(path: string, purpose: string): Buffer {
  // Lone surrogates all become U+FFFD in UTF-8, so they would let two addresses meet.
  if (/\p{Surrogate}/u.test(path) || /\p{Surrogate}/u.test(purpose))
    throw new RangeError('a stream address must be well-formed Unicode');
  const pathBytes = Buffer.byteLength(path);
  const purposeBytes = Buffer.byteLength(purpose);
  const text = Buffer.allocUnsafe(8 + pathBytes + purposeBytes);
  text.writeUInt32BE(pathBytes, 0);
  text.write(path, 4);
  text.writeUInt32BE(purposeBytes, 4 + pathBytes);
  text.write(purpose, 8 + pathBytes);
  return hash('sha256', text, 'buffer');
}
