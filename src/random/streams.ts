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
import { aesKey } from '#aes';
import { addressOf, checkPlace, counterBlock, STREAM_BYTES } from './address.ts';
import { type AesKey, BLOCK_BYTES, type KeyStream } from './aes.ts';
import { release } from '../ring/release.ts';
import { counterBlocks, MOST_COUNTER_BLOCKS } from '../ring/vector.ts';
import { STREAM_KEY_BYTES } from './primitives.ts';
import { CipherStream, type FastSamplers, type Stream, type StreamCipher } from './stream.ts';

export type { Stream };

/**
 * A stream whose first piece is at most this long takes it from the key's block cipher, counter block by counter block: most streams are
 * short, and a cipher in counter mode of their own costs more to make, and to collect, than these bytes.
 */
const SHORT_BYTES: number = BLOCK_BYTES * MOST_COUNTER_BLOCKS;

/** AES of one key, block by block, and in counter mode from any block. */
class BlockCipher {
  readonly #key: AesKey;

  constructor(key: AesKey) {
    this.#key = key;
  }

  /** `length` bytes of the key stream at an address from block `from` on, up to SHORT_BYTES. */
  short(address: Uint8Array, from: number, length: number): Uint8Array<ArrayBuffer> {
    return this.gather(address, [from], Math.ceil(length / BLOCK_BYTES)).subarray(0, length);
  }

  /** `count` blocks of the key stream at an address from each of `starts` on, one run after the other; together up to SHORT_BYTES. */
  gather(address: Uint8Array, starts: readonly number[], count: number): Uint8Array<ArrayBuffer> {
    return this.#key.blocks(counterBlocks(address, starts, count));
  }

  /** Counter mode at an address from block `from` on. */
  counter(address: Uint8Array, from: number): KeyStream {
    return this.#key.counter(counterBlock(address, from));
  }
}

/** The key stream at one address. */
class AddressCipher implements StreamCipher {
  readonly #cipher: BlockCipher;
  readonly #address: Uint8Array;
  #given = 0;
  #counter: KeyStream | undefined;

  constructor(cipher: BlockCipher, address: Uint8Array) {
    this.#cipher = cipher;
    this.#address = address;
  }

  /** `zeros` are what is encrypted. */
  update(zeros: Uint8Array): Uint8Array<ArrayBuffer> {
    if (this.#counter === undefined && this.#given === 0 && zeros.length <= SHORT_BYTES) {
      this.#given = zeros.length;
      return this.#cipher.short(this.#address, 0, zeros.length);
    }
    if (this.#counter === undefined) {
      this.#counter = this.#cipher.counter(this.#address, Math.floor(this.#given / BLOCK_BYTES));
      this.#counter.update(new Uint8Array(this.#given % BLOCK_BYTES)); // given already
    }
    return this.#counter.update(zeros);
  }
}

/** A stream that is read at any place, as often as one likes: the masks of a data set's rows. */
export class MaskTable {
  readonly #cipher: BlockCipher;
  readonly #address: Uint8Array;

  constructor(cipher: BlockCipher, address: Uint8Array) {
    this.#cipher = cipher;
    this.#address = address;
  }

  /** n uniform elements of Z_{2^64}: elements from … from + n − 1 of the stream. */
  z64(from: number, n: number): BigUint64Array {
    checkPlace(from, n);
    const block = Math.floor((8 * from) / BLOCK_BYTES);
    const skip = 8 * from - BLOCK_BYTES * block;
    const length = skip + 8 * n;
    const bytes =
      length <= SHORT_BYTES
        ? this.#cipher.short(this.#address, block, length)
        : this.#cipher.counter(this.#address, block).update(new Uint8Array(length));
    return new BigUint64Array(bytes.buffer, bytes.byteOffset + skip, n);
  }

  /** Rows of n elements, one after the other, each from an element of `starts` on. */
  rows(starts: readonly number[], n: number): BigUint64Array {
    for (const from of starts) checkPlace(from, n);
    const out = new BigUint64Array(starts.length * n);
    const count = Math.floor(n / 2) + 1; // blocks of a row, also of one that begins within a block
    const together = Math.floor(MOST_COUNTER_BLOCKS / count);
    if (together === 0) {
      starts.forEach((from, i) => out.set(this.z64(from, n), i * n));
      return out;
    }
    for (let first = 0; first < starts.length; first += together) {
      const some = starts.slice(first, first + together);
      const firstBlocks: number[] = [];
      for (const from of some) firstBlocks.push(Math.floor(from / 2));
      const blocks = this.#cipher.gather(this.#address, firstBlocks, count);
      const { buffer, byteOffset } = blocks;
      for (const [i, from] of some.entries()) {
        const at = byteOffset + BLOCK_BYTES * count * i + 8 * (from % 2);
        out.set(new BigUint64Array(buffer, at, n), (first + i) * n);
      }
      release(blocks);
    }
    return out;
  }
}

/** All streams under one key. The key is out of reach of `util.inspect`, `JSON.stringify` and enumeration. */
export class PairStreams {
  readonly #cipher: BlockCipher;
  readonly #fast: FastSamplers | undefined;
  /** The last one made. V8 drops what it compiled for a class when a full collection finds none of its objects alive, so one is kept. */
  readonly #last: Stream[] = [];

  /**
   * @param key 16 bytes; copied.
   * @param fast faster ways to the same samples: a `Compute`.
   */
  constructor(key: Uint8Array, fast?: FastSamplers) {
    if (key.length !== STREAM_KEY_BYTES)
      throw new RangeError(`stream key: expected ${STREAM_KEY_BYTES} bytes, found ${key.length}`);
    this.#cipher = new BlockCipher(aesKey(key));
    this.#fast = fast;
  }

  /**
   * The stream at this address, from its beginning: asking twice gives the same values twice, so an operation asks once for each
   * purpose. A path or purpose is any well-formed string.
   */
  stream(path: string, purpose: string): Stream {
    const cipher = new AddressCipher(this.#cipher, addressOf(path, purpose));
    return (this.#last[0] = new CipherStream(cipher, STREAM_BYTES, this.#fast));
  }

  /** The same stream, to be read at any place. */
  table(path: string, purpose: string): MaskTable {
    return new MaskTable(this.#cipher, addressOf(path, purpose));
  }
}
