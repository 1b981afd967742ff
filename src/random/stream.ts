/**
 * A stream of uniform bytes and the samples drawn from it. Samplers read the stream's bytes from left to right and keep what they
 * did not use for the next call, so the values depend on the sequence of calls alone, never on how bytes are fetched.
 */
import { release } from '../ring/release.ts';
import { checkPrime, sampleBits, sampleBytes, sampleNibblesPlusOne, tableFor } from './uniform.ts';

/** Successive draws continue where the last one stood. Every sample is exactly uniform. */
export interface Stream {
  /** n uniform bytes. */
  bytes(n: number): Uint8Array;
  /** n uniform elements of Z_{2^64}. */
  z64(n: number): BigUint64Array;
  /** n uniform elements of Z_p, one a byte, in `out` if given (n bytes). */
  zp(prime: number, n: number, out?: Uint8Array): Uint8Array;
  /** n uniform nonzero elements of Z_p, one a byte, in `out` if given (n bytes). */
  zpStar(prime: number, n: number, out?: Uint8Array): Uint8Array;
  /** n uniform integers in 0…bound−1, 1 ≤ bound ≤ 256. */
  below(bound: number, n: number): Uint8Array;
  /** n uniform bits, one a byte. */
  bits(n: number): Uint8Array;
}

/** A cipher that goes on where its last call ended; it is given zeros, whose encryption is the key stream. */
export interface StreamCipher {
  update(data: Uint8Array): Uint8Array<ArrayBuffer>;
}

/** Longest piece that samples are made from: longer ones fall out of the cache. */
const PIECE_BYTES = 128 * 1024;
/** Longest piece that is handed over as it comes from the cipher. What is longer is copied together, at twice the cost. */
const WHOLE_BYTES = 1024 * 1024;
/** Shortest piece: below this the call costs more than the bytes. */
const SMALL_PIECE_BYTES = 256;
/** Below this what is left of a piece stays where it is. */
const SHRUNK_BYTES = 4096;
/** The key stream is the encryption of zeros. Never written. */
const ZEROS = new Uint8Array(WHOLE_BYTES);

/** Faster ways to the same samples (`Compute`). */
export interface FastSamplers {
  /** Samples of offset … offset + bound − 1, bound ≥ LEAST_FAST_BOUND, as `sampleBytes` makes them; returns the new end. */
  sample(bound: number, offset: number, source: Uint8Array, out: Uint8Array, at: number): number;
  /** `count` samples of 1…16 in `out` from `at`, as `sampleNibblesPlusOne` does, from ⌈count / 2⌉ bytes. */
  sampleNibbles(source: Uint8Array, count: number, out: Uint8Array, at: number): void;
}

/** Fetched beyond the bytes that samples take on average: then few draws need a second piece. */
const SPARE_BYTES = 128;
/** Least bound that `FastSamplers` take. */
const LEAST_FAST_BOUND = 16;
/** Fewer bytes than this are quicker done here than handed over. */
const LEAST_FAST_BYTES = 64;

const EMPTY = new Uint8Array(0);

/** Reads an AES-CTR cipher. At most `limitBytes`, after which the block counter would wrap and the stream repeat or meet another. */
export class CipherStream implements Stream {
  readonly #cipher: StreamCipher;
  readonly #limitBytes: number;
  readonly #fast: FastSamplers | undefined;
  #fetched = 0;
  /** Bytes fetched and not yet used: `#piece[#at …]`. */
  #piece: Uint8Array<ArrayBuffer> = EMPTY;
  #at = 0;

  constructor(cipher: StreamCipher, limitBytes: number, fast?: FastSamplers) {
    this.#cipher = cipher;
    this.#limitBytes = limitBytes;
    this.#fast = fast;
  }

  bytes(n: number): Uint8Array {
    checkCount(n);
    return this.#take(n);
  }

  z64(n: number): BigUint64Array {
    checkCount(n);
    const { buffer, byteOffset } = this.#take(8 * n);
    return new BigUint64Array(buffer, byteOffset, n);
  }

  zp(prime: number, n: number, out?: Uint8Array): Uint8Array {
    checkPrime(prime);
    return this.#sample(prime, 0, n, out);
  }

  zpStar(prime: number, n: number, out?: Uint8Array): Uint8Array {
    checkPrime(prime);
    if (prime !== 17) return this.#sample(prime - 1, 1, n, out);
    const fast = this.#fast;
    if (fast === undefined) return this.#expand(n, 2, sampleNibblesPlusOne, out);
    return this.#expand(
      n,
      2,
      (source, from, count, target, at) =>
        fast.sampleNibbles(source.subarray(from, from + Math.ceil(count / 2)), count, target, at),
      out,
    );
  }

  below(bound: number, n: number): Uint8Array {
    return this.#sample(bound, 0, n);
  }

  bits(n: number): Uint8Array {
    return this.#expand(n, 8, sampleBits);
  }

  /** One sample of offset … offset + bound − 1 from each accepted byte. */
  #sample(bound: number, offset: number, n: number, given?: Uint8Array): Uint8Array {
    const out = outOf(n, given);
    const table = tableFor(bound, offset);
    const fast = bound < LEAST_FAST_BOUND ? undefined : this.#fast;
    let made = 0;
    while (made < n) {
      this.#need(Math.ceil(((n - made) * 256) / table.accepted) + SPARE_BYTES);
      const from = this.#at;
      // A byte gives at most one sample, so this many can neither overrun `out` nor be more than is needed.
      this.#at += Math.min(this.#piece.length - from, n - made);
      made =
        fast === undefined || this.#at - from < LEAST_FAST_BYTES
          ? sampleBytes(table, this.#piece, from, this.#at, out, made)
          : fast.sample(bound, offset, this.#piece.subarray(from, this.#at), out, made);
    }
    this.#shrink();
    return out;
  }

  /** `perByte` samples from each byte, none rejected. */
  #expand(
    n: number,
    perByte: number,
    expand: (source: Uint8Array, from: number, count: number, out: Uint8Array, at: number) => void,
    given?: Uint8Array,
  ): Uint8Array {
    const out = outOf(n, given);
    for (let made = 0; made < n;) {
      this.#need(Math.ceil((n - made) / perByte));
      const count = Math.min((this.#piece.length - this.#at) * perByte, n - made);
      expand(this.#piece, this.#at, count, out, made);
      this.#at += Math.ceil(count / perByte);
      made += count;
    }
    this.#shrink();
    return out;
  }

  /** The next n bytes, in memory that nobody else has: the cipher's own where one piece is just what is asked for. */
  #take(n: number): Uint8Array<ArrayBuffer> {
    if (this.#at === this.#piece.length && n >= SMALL_PIECE_BYTES && n <= WHOLE_BYTES) {
      this.#need(n, WHOLE_BYTES);
      if (this.#piece.length === n && this.#piece.byteOffset % 8 === 0) {
        const { buffer, byteOffset } = this.#piece;
        this.#piece = EMPTY;
        this.#at = 0;
        return new Uint8Array(buffer, byteOffset, n);
      }
    }
    const out = new Uint8Array(n);
    for (let made = 0; made < n;) {
      this.#need(n - made);
      const count = Math.min(this.#piece.length - this.#at, n - made);
      out.set(this.#piece.subarray(this.#at, this.#at + count), made);
      this.#at += count;
      made += count;
    }
    return out;
  }

  /** What is left of a piece is short, and its stream may live long. */
  #shrink(): void {
    const left = this.#piece.length - this.#at;
    if (this.#piece.length < SHRUNK_BYTES || 2 * left > this.#piece.length) return;
    const rest = left === 0 ? EMPTY : new Uint8Array(this.#piece.subarray(this.#at)); // of a Buffer slice() is a view
    release(this.#piece);
    this.#piece = rest;
    this.#at = 0;
  }

  /** Fetches the next piece when the last one is used up. */
  #need(wanted: number, most: number = PIECE_BYTES): void {
    if (this.#at < this.#piece.length) return;
    const left = this.#limitBytes - this.#fetched;
    if (left <= 0)
      throw new RangeError(`a random stream ends after ${this.#limitBytes} bytes: draw from several purposes or forks`);
    const length = Math.min(Math.max(wanted, SMALL_PIECE_BYTES), most, left);
    release(this.#piece); // what was handed over whole is no piece any more
    this.#piece = this.#cipher.update(ZEROS.subarray(0, length));
    this.#fetched += length;
    this.#at = 0;
  }
}

function outOf(n: number, given: Uint8Array | undefined): Uint8Array {
  checkCount(n);
  if (given === undefined) return new Uint8Array(n);
  if (given.length !== n) throw new RangeError(`${n} samples do not fill ${given.length} bytes`);
  return given;
}

function checkCount(n: number): void {
  if (!Number.isSafeInteger(n) || n < 0) throw new RangeError(`cannot draw ${n} samples`);
}
