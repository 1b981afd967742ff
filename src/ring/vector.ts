/**
 * The arithmetic of z64.ts on SIMD lanes, and counter blocks for AES: one small WASM instance (runtime/wasm/assembly/vector.ts), whose memory
 * holds a slice of each operand. Slices are copied in and results out; with these copies, which stay in the first-level cache, an addition takes
 * a quarter of what it takes on u32 halves in JavaScript. `out` may be an operand. Lengths are checked by the caller.
 */
import { VECTOR_WASM } from './vectorWasm.ts';

/** Elements of a slice. */
const SLICE = 2048;
/** Where the slices of x and y begin: in elements, and in bytes. */
const [X, Y] = [0, SLICE];
const [X_BYTES, Y_BYTES] = [8 * X, 8 * Y];
/** Counter blocks at most, 16 bytes each, and where they lie. */
export const MOST_COUNTER_BLOCKS = 4096;
const COUNTER_BYTES = 16 * SLICE;
/** Behind them a slab, and the runs that are taken from it or added to it. */
const SLAB: number = 2 * (SLICE + MOST_COUNTER_BLOCKS);
const PAGE_BYTES = 65536;

interface Kernels {
  add(n: number, x: number, y: number, period: number, high: number): void;
  subtract(n: number, x: number, y: number): void;
  bitField(n: number, x: number, from: number, inside: bigint): void;
  multiply(n: number, x: number, y: number, repeat: number): void;
  addMultiple(n: number, x: number, factor: bigint, first: boolean, sums: number): void;
  sumRows(rows: number, columns: number, x: number, sums: number): void;
  gather(rows: number, columns: number, run: number, rowStep: number, step: number, from: number, to: number): void;
  scatter(rows: number, columns: number, run: number, rowStep: number, step: number, from: number, to: number): void;
  packFields(n: number, x: number, from: number, width: number, to: number): void;
  addFields(n: number, width: number, stream: number, x: number): void;
  packBits(n: number, bits: number, to: number): void;
  unpackBits(n: number, packed: number, to: number): void;
  xorBytes(n: number, x: number, y: number): void;
  xorBitAt(n: number, x: number, y: number, elements: number, index: number, flip: number): void;
  counterBlocks(n: number, address: number, from: number, to: number): void;
}

/** Runs of `run` elements: `rows` × `columns` of them, which begin every `rowStep` and every `step` elements. */
export interface Runs {
  readonly rows: number;
  readonly columns: number;
  readonly run: number;
  readonly rowStep: number;
  readonly step: number;
}

const memory = new WebAssembly.Memory({ initial: Math.ceil((8 * SLAB) / PAGE_BYTES) });
let words = new BigUint64Array(memory.buffer);
let memoryBytes = new Uint8Array(memory.buffer);
const bytes = Uint8Array.from(atob(VECTOR_WASM), (character) => character.charCodeAt(0));
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
const kernels = exports as unknown as Kernels;

/** out ← x + y + high·2^32; y is repeated when it is shorter. */
export function add(x: BigUint64Array, y: BigUint64Array, high: number, out: BigUint64Array): void {
  const period = y.length;
  if (period > SLICE) {
    for (let row = 0; row < x.length; row += period) {
      for (let from = 0; from < period; from += SLICE) {
        const to = Math.min(period, from + SLICE);
        add(x.subarray(row + from, row + to), y.subarray(from, to), high, out.subarray(row + from, row + to));
      }
    }
    return;
  }
  words.set(y, Y);
  const step = SLICE - (SLICE % period);
  for (let from = 0; from < x.length; from += step) {
    const n = load(X, x, from, step);
    kernels.add(n, X_BYTES, Y_BYTES, period, high);
    store(n, out, from);
  }
}

/** out ← x − y. */
export function subtract(x: BigUint64Array, y: BigUint64Array, out: BigUint64Array): void {
  for (let from = 0; from < x.length; from += SLICE) {
    const n = load(X, x, from, SLICE);
    load(Y, y, from, SLICE);
    kernels.subtract(n, X_BYTES, Y_BYTES);
    store(n, out, from);
  }
}

/** out ← (x >> from) & inside. */
export function bitField(x: BigUint64Array, from: number, inside: bigint, out: BigUint64Array): void {
  for (let at = 0; at < x.length; at += SLICE) {
    const n = load(X, x, at, SLICE);
    kernels.bitField(n, X_BYTES, from, inside);
    store(n, out, at);
  }
}

/** out ← x · y, each element of y for `repeat` of x. */
export function multiply(x: BigUint64Array, y: BigUint64Array, repeat: number, out: BigUint64Array): void {
  // A slice of y with what it is for of x, or one element of y with a part of that.
  const factors = Math.max(1, Math.floor(SLICE / repeat));
  const step = Math.min(SLICE, repeat);
  for (let at = 0, from = 0; at < y.length; at += factors) {
    load(Y, y, at, factors);
    const end = Math.min(x.length, from + factors * repeat);
    while (from < end) {
      const n = load(X, x, from, Math.min(factors * step, end - from));
      kernels.multiply(n, X_BYTES, Y_BYTES, Math.min(n, repeat));
      store(n, out, from);
      from += n;
    }
  }
}

/** out ← Σ factors[i] · terms[i]. */
export function combine(terms: readonly BigUint64Array[], factors: readonly bigint[], out: BigUint64Array): void {
  for (let from = 0; from < out.length; from += SLICE) {
    let n = 0;
    for (let i = 0; i < terms.length; i++) {
      if (i === 0 && factors[i] === 1n) {
        n = load(X, terms[i], from, SLICE);
        continue;
      }
      n = load(Y, terms[i], from, SLICE);
      kernels.addMultiple(n, Y_BYTES, factors[i], i === 0, X_BYTES);
    }
    store(n, out, from);
  }
}

/** out ← out + the rows of x, each as long as out. */
export function sumRows(x: BigUint64Array, out: BigUint64Array): void {
  const columns = out.length;
  if (columns > SLICE) {
    for (let row = 0; row < x.length; row += columns) add(out, x.subarray(row, row + columns), 0, out);
    return;
  }
  const step = SLICE - (SLICE % columns);
  words.set(out, Y);
  for (let from = 0; from < x.length; from += step) {
    const n = load(X, x, from, step);
    kernels.sumRows(n / columns, columns, X_BYTES, Y_BYTES);
  }
  out.set(words.subarray(Y, Y + columns));
}

/** out ← bits from … from + width − 1 of every element, 1 ≤ width ≤ 56, one behind another. */
export function packFields(x: BigUint64Array, from: number, width: number, out: Uint8Array): void {
  for (let at = 0; at < x.length; at += SLICE) {
    const n = load(X, x, at, SLICE);
    kernels.packFields(n, X_BYTES, from, width, Y_BYTES);
    out.set(new Uint8Array(memory.buffer, Y_BYTES, Math.ceil((n * width) / 8)), (at * width) / 8);
  }
}

/** out ← out + the fields of a packed stream, modulo 2^width. */
export function addFields(stream: Uint8Array, width: number, out: BigUint64Array): void {
  const slice = new Uint8Array(memory.buffer, Y_BYTES, SLICE * 8);
  for (let at = 0; at < out.length; at += SLICE) {
    const n = load(X, out, at, SLICE);
    slice.set(stream.subarray((at * width) / 8, Math.ceil(((at + n) * width) / 8)));
    kernels.addFields(n, width, Y_BYTES, X_BYTES);
    store(n, out, at);
  }
}

/** Bytes of a slice of bits. */
const BITS = 8 * SLICE;

/** out ← bits, one byte 0/1 each, eight to a byte. */
export function packBits(bits: Uint8Array, out: Uint8Array): void {
  for (let at = 0; at < bits.length; at += BITS) {
    const n = loadBytes(X_BYTES, bits, at, BITS);
    if (n % 16 !== 0) bytesAt(X_BYTES + n, 16).fill(0);
    kernels.packBits(Math.ceil(n / 16) * 16, X_BYTES, Y_BYTES);
    out.set(bytesAt(Y_BYTES, Math.ceil(n / 8)), at / 8);
  }
}

/** out[at …] ← `count` bits, one byte 0/1 each, of packed ones. */
export function unpackBits(packed: Uint8Array, count: number, out: Uint8Array, at: number): void {
  for (let from = 0; from < count; from += BITS) {
    const n = Math.min(BITS, count - from);
    loadBytes(X_BYTES, packed, from / 8, BITS / 8);
    kernels.unpackBits(Math.ceil(n / 16) * 16, X_BYTES, Y_BYTES);
    out.set(bytesAt(Y_BYTES, n), at + from);
  }
}

/** x ← x ⊕ y, byte by byte. */
export function xorInto(x: Uint8Array, y: Uint8Array): void {
  for (let at = 0; at < x.length; at += BITS) {
    const n = loadBytes(X_BYTES, x, at, BITS);
    loadBytes(Y_BYTES, y, at, BITS);
    kernels.xorBytes(n, X_BYTES, Y_BYTES);
    x.set(bytesAt(X_BYTES, n), at);
  }
}

/** out ← x ⊕ y ⊕ (bit `index` of every element of a) ⊕ flip, on bytes 0/1. */
export function xorBitAt(
  x: Uint8Array,
  y: Uint8Array,
  a: BigUint64Array,
  index: number,
  flip: 0 | 1,
  out: Uint8Array,
): void {
  for (let at = 0; at < out.length; at += SLICE) {
    const n = load(X, a, at, SLICE);
    loadBytes(Y_BYTES, x, at, SLICE);
    loadBytes(Y_BYTES + SLICE, y, at, SLICE);
    kernels.xorBitAt(n, Y_BYTES, Y_BYTES + SLICE, X_BYTES, index, flip);
    out.set(bytesAt(Y_BYTES, n), at);
  }
}

/**
 * Runs of `count` blocks for AES in counter mode (random/streams.ts), MOST_COUNTER_BLOCKS together at most: the first 12 bytes of `address`, then a
 * big-endian counter from one of `starts` on. A view of the memory, which the next call writes again.
 */
export function counterBlocks(address: Uint8Array, starts: readonly number[], count: number): Uint8Array {
  const length = 16 * count * starts.length;
  if (length > 16 * MOST_COUNTER_BLOCKS)
    throw new RangeError(`${length / 16} counter blocks: no more than ${MOST_COUNTER_BLOCKS}`);
  loadBytes(X_BYTES, address, 0, 12);
  let to = COUNTER_BYTES;
  for (const from of starts) {
    kernels.counterBlocks(count, X_BYTES, from, to);
    to += 16 * count;
  }
  return bytesAt(COUNTER_BYTES, length);
}

/** A stretch of elements in the memory, of which runs are taken and to which runs are added: one at a time. */
export class Slab {
  readonly #length: number;
  /** Where runs lie one behind another. */
  readonly #runs: number;

  /** @param values to begin with; zeros if there are none */
  constructor(length: number, values?: BigUint64Array) {
    this.#length = length;
    this.#runs = SLAB + length;
    const pages = Math.ceil((8 * (this.#runs + length)) / PAGE_BYTES) - memory.buffer.byteLength / PAGE_BYTES;
    if (pages > 0) {
      memory.grow(pages);
      words = new BigUint64Array(memory.buffer);
      memoryBytes = new Uint8Array(memory.buffer);
    }
    if (values === undefined)
      memoryBytes.fill(0, 8 * SLAB, 8 * this.#runs); // many times as fast as with 0n
    else words.set(values, SLAB);
  }

  /** out[at …] ← runs, which begin at `from`. */
  gather({ rows, columns, run, rowStep, step }: Runs, from: number, out: BigUint64Array, at: number): void {
    kernels.gather(rows, columns, run, rowStep, step, 8 * (SLAB + from), 8 * this.#runs);
    out.set(words.subarray(this.#runs, this.#runs + rows * columns * run), at);
  }

  /** Adds x[at …] to runs, which begin at `to`. */
  scatter({ rows, columns, run, rowStep, step }: Runs, x: BigUint64Array, at: number, to: number): void {
    load(this.#runs, x, at, rows * columns * run);
    kernels.scatter(rows, columns, run, rowStep, step, 8 * this.#runs, 8 * (SLAB + to));
  }

  get values(): BigUint64Array {
    return words.subarray(SLAB, SLAB + this.#length);
  }
}

/** Copies up to `count` elements of `values` from `from` to where a slice begins; returns how many. */
function load(at: number, values: BigUint64Array, from: number, count: number): number {
  const slice = values.length <= count ? values : values.subarray(from, from + count);
  words.set(slice, at);
  return slice.length;
}

/** The same with bytes. */
function loadBytes(address: number, values: Uint8Array, from: number, count: number): number {
  const slice = values.length <= count ? values : values.subarray(from, from + count);
  memoryBytes.set(slice, address);
  return slice.length;
}

function bytesAt(address: number, length: number): Uint8Array {
  return memoryBytes.subarray(address, address + length);
}

/** Copies `n` results out. */
function store(n: number, out: BigUint64Array, from: number): void {
  out.set(words.subarray(X, X + n), from);
}
