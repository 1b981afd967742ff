/**
 * Arithmetic on vectors over Z_{2^64}, element by element. No BigInt is made: sums and products are computed on SIMD lanes (`vector.ts`),
 * for the rest elements are read as little-endian pairs of u32. Results are new arrays unless a function says otherwise.
 */
import { fresh } from './pool.ts';
import { release } from './release.ts';
import * as vector from './vector.ts';

/** Elements that a row is repeated to, or that products are summed of at a time. */
const TILE = 2048;

/** The u32 halves of a vector, low half first. */
export function halves(x: BigUint64Array): Uint32Array {
  return new Uint32Array(x.buffer, x.byteOffset, x.length * 2);
}

function checkLengths(what: string, a: { length: number }, b: { length: number }): void {
  if (a.length !== b.length) throw new RangeError(`${what}: ${a.length} elements against ${b.length}`);
}

/** In `out` if given, as `sub`; it may be an operand. */
export function add(a: BigUint64Array, b: BigUint64Array, out: BigUint64Array = fresh(a.length)): BigUint64Array {
  checkLengths('add', a, b);
  checkLengths('add', a, out);
  vector.add(a, b, 0, out);
  return out;
}

export function sub(a: BigUint64Array, b: BigUint64Array, out: BigUint64Array = fresh(a.length)): BigUint64Array {
  checkLengths('sub', a, b);
  checkLengths('sub', a, out);
  vector.subtract(a, b, out);
  return out;
}

/** b ← a − b in place: a share from its value and a fresh mask, without another array. */
export function subtractFrom(a: BigUint64Array, b: BigUint64Array): BigUint64Array {
  checkLengths('subtractFrom', a, b);
  vector.subtract(a, b, b);
  return b;
}

/** Subtracts b from a in place and returns a. */
export function decrease(a: BigUint64Array, b: BigUint64Array): BigUint64Array {
  checkLengths('decrease', a, b);
  vector.subtract(a, b, a);
  return a;
}

export function negate(a: BigUint64Array): BigUint64Array {
  const out = new BigUint64Array(a.length);
  vector.subtract(out, a, out);
  return out;
}

/**
 * Adds b to a in place and returns a; b is repeated when it is shorter (its length divides a's): a row vector added to every row.
 * `high`·2^32 is added to every element besides.
 */
export function accumulate(a: BigUint64Array, b: BigUint64Array, high = 0): BigUint64Array {
  if (a.length === 0) return a;
  if (b.length === 0 || a.length % b.length !== 0) {
    throw new RangeError(`accumulate: ${b.length} elements do not divide ${a.length}`);
  }
  vector.add(a, b, high, a);
  return a;
}

/** The same, of as many elements; b is given back (`release.ts`). */
export function absorb(a: BigUint64Array, b: BigUint64Array): BigUint64Array {
  checkLengths('absorb', a, b);
  vector.add(a, b, 0, a);
  release(b);
  return a;
}

/** Adds one public constant to every element. */
export function addConstant(a: BigUint64Array, constant: bigint): BigUint64Array {
  return accumulate(a.slice(), BigUint64Array.of(BigInt.asUintN(64, constant)));
}

/** Element product; b is repeated element-wise `repeat` times (b[i / repeat]): a column against every column of a matrix. */
export function multiply(a: BigUint64Array, b: BigUint64Array, repeat = 1): BigUint64Array {
  if (a.length !== b.length * repeat)
    throw new RangeError(`multiply: ${a.length} elements against ${b.length} × ${repeat}`);
  const out = fresh(a.length);
  vector.multiply(a, b, repeat, out);
  return out;
}

/** Element product with a row that is repeated for every row of a. */
export function multiplyRow(a: BigUint64Array, row: BigUint64Array): BigUint64Array {
  const copies = Math.max(1, Math.floor(TILE / row.length));
  const tile = new BigUint64Array(copies * row.length);
  for (let from = 0; from < tile.length; from += row.length) tile.set(row, from);
  const out = fresh(a.length);
  for (let from = 0; from < a.length; from += tile.length) {
    const part = a.subarray(from, from + tile.length);
    vector.multiply(part, tile.subarray(0, part.length), 1, out.subarray(from, from + part.length));
  }
  return out;
}

/** out ← out + the rows of a · b, each as long as `out`, of which the last may be shorter; returns out. */
export function accumulateProducts(a: BigUint64Array, b: BigUint64Array, out: BigUint64Array): BigUint64Array {
  checkLengths('accumulateProducts', a, b);
  const step = Math.max(1, Math.floor(TILE / out.length)) * out.length;
  const products = new BigUint64Array(Math.min(step, a.length));
  for (let from = 0; from < a.length; from += step) {
    const to = Math.min(a.length, from + step);
    const part = products.subarray(0, to - from);
    vector.multiply(a.subarray(from, to), b.subarray(from, to), 1, part);
    const whole = part.length - (part.length % out.length);
    vector.sumRows(part.subarray(0, whole), out);
    if (whole < part.length) accumulate(out.subarray(0, part.length - whole), part.subarray(whole));
  }
  return out;
}

/** Every element times one public constant. */
export function scale(a: BigUint64Array, constant: bigint): BigUint64Array {
  return multiply(a, BigUint64Array.of(BigInt.asUintN(64, constant)), a.length);
}

/** The same in place; returns a. */
export function scaleInPlace(a: BigUint64Array, constant: bigint): BigUint64Array {
  vector.multiply(a, BigUint64Array.of(BigInt.asUintN(64, constant)), a.length, a);
  return a;
}

/** A linear combination with public factors: Σ factors[i] · terms[i], at least one; in `out` if given, which may be a term. */
export function combine(
  terms: readonly BigUint64Array[],
  factors: readonly bigint[],
  out: BigUint64Array = fresh(terms[0].length),
): BigUint64Array {
  checkLengths('combine', terms, factors);
  for (const term of terms) checkLengths('combine', out, term);
  vector.combine(terms, factors, out);
  return out;
}

/** Left shift by 0 … 63 bits: times 2^bits. */
export function shiftLeft(a: BigUint64Array, bits: number): BigUint64Array {
  checkShift(bits);
  return scale(a, 1n << BigInt(bits));
}

/** Logical right shift by 0 … 63 bits. */
export function shiftRight(a: BigUint64Array, bits: number): BigUint64Array {
  return bitField(a, bits, 64);
}

function checkShift(bits: number): void {
  if (!Number.isInteger(bits) || bits < 0 || bits > 63) throw new RangeError(`shift by ${bits} bits: expected 0 … 63`);
}

/** The lowest `bits` bits (0 … 64) of every element. */
export function lowBits(a: BigUint64Array, bits: number): BigUint64Array {
  return bitField(a, 0, bits);
}

/** Bit `index` (0 = lowest) of every element, one byte each. */
export function bitAt(a: BigUint64Array, index: number): Uint8Array {
  checkShift(index);
  const out = new Uint8Array(a.length);
  const x = halves(a);
  const offset = index >> 5;
  const shift = index & 31;
  for (let i = 0; i < out.length; i++) out[i] = (x[2 * i + offset] >>> shift) & 1;
  return out;
}

/** Bits `from` (0 … 63) up to and without `to` (`from` … 64) of every element, as a number. */
export function bitField(a: BigUint64Array, from: number, to: number): BigUint64Array {
  checkShift(from);
  if (!Number.isInteger(to) || to < from || to > 64)
    throw new RangeError(`bits ${from} up to ${to}: expected ${from} … 64`);
  const out = fresh(a.length);
  vector.bitField(a, from, (1n << BigInt(to - from)) - 1n, out);
  return out;
}

/** out ← x ⊕ y ⊕ (bit `index` of every element) ⊕ flip, on bytes 0/1; returns out, which may be x or y. */
export function xorBitAt(
  x: Uint8Array,
  y: Uint8Array,
  a: BigUint64Array,
  index: number,
  flip: 0 | 1,
  out: Uint8Array,
): Uint8Array {
  checkShift(index);
  for (const bits of [x, y, out]) checkLengths('xorBitAt', bits, a);
  vector.xorBitAt(x, y, a, index, flip, out);
  return out;
}

/** Bytes 0/1 (or small integers) as ring elements. */
export function fromBytes(bytes: Uint8Array): BigUint64Array {
  const out = new BigUint64Array(bytes.length);
  const z = halves(out);
  for (let i = 0; i < bytes.length; i++) z[2 * i] = bytes[i];
  return out;
}

/** x where the byte is 1, zero where it is 0. Masked, not branched. */
export function keepWhere(bits: Uint8Array, a: BigUint64Array): BigUint64Array {
  checkLengths('keepWhere', bits, a);
  const out = fresh(a.length);
  const x = halves(a);
  const z = halves(out);
  for (let i = 0; i < bits.length; i++) {
    const mask = -bits[i];
    z[2 * i] = x[2 * i] & mask;
    z[2 * i + 1] = x[2 * i + 1] & mask;
  }
  return out;
}

/** a where the byte is 0, −a where it is 1. */
export function negateWhere(bits: Uint8Array, a: BigUint64Array): BigUint64Array {
  checkLengths('negateWhere', bits, a);
  const out = fresh(a.length);
  const x = halves(a);
  const z = halves(out);
  for (let i = 0; i < bits.length; i++) {
    // Two's complement: (x ^ mask) + bit, with the carry out of the low half where it becomes zero.
    const bit = bits[i];
    const low = ((x[2 * i] ^ -bit) + bit) >>> 0;
    z[2 * i] = low;
    z[2 * i + 1] = (x[2 * i + 1] ^ -bit) + (low === 0 ? bit : 0);
  }
  return out;
}

/** (m,n) → (n,m), row-major. */
export function transpose(a: BigUint64Array, m: number, n: number): BigUint64Array {
  const out = fresh(a.length);
  const x = halves(a);
  const z = halves(out);
  for (let r = 0, i = 0; r < m; r++) {
    for (let c = 0, j = 2 * r; c < n; c++, i += 2, j += 2 * m) {
      z[j] = x[i];
      z[j + 1] = x[i + 1];
    }
  }
  return out;
}

/** Columns from, from + step, … below `to` of a row-major matrix. */
export function columns(a: BigUint64Array, rows: number, from: number, to: number, step = 1): BigUint64Array {
  const n = rows === 0 ? 0 : a.length / rows;
  const out = fresh(rows * Math.ceil((to - from) / step));
  const x = halves(a);
  const z = halves(out);
  for (let r = 0, i = 0; r < rows; r++) {
    for (let c = 2 * (r * n + from); c < 2 * (r * n + to); c += 2 * step, i += 2) {
      z[i] = x[c];
      z[i + 1] = x[c + 1];
    }
  }
  return out;
}

/** Row-major matrices of as many rows each, side by side. */
export function concatColumns(parts: readonly BigUint64Array[], rows: number): BigUint64Array {
  const out = fresh(parts.reduce((total, part) => total + part.length, 0));
  const z = halves(out);
  const step = rows === 0 ? 0 : z.length / rows;
  let offset = 0;
  for (const part of parts) {
    const x = halves(part);
    const width = rows === 0 ? 0 : x.length / rows;
    for (let r = 0, i = 0; r < rows; r++) {
      for (let j = r * step + offset; j < r * step + offset + width; i++, j++) z[j] = x[i];
    }
    offset += width;
  }
  return out;
}

/** A column, n times side by side. */
export function repeatColumn(column: BigUint64Array, n: number): BigUint64Array {
  const out = fresh(column.length * n);
  const x = halves(column);
  const z = halves(out);
  for (let r = 0, i = 0; r < x.length; r += 2) {
    for (let c = 0; c < n; c++, i += 2) {
      z[i] = x[r];
      z[i + 1] = x[r + 1];
    }
  }
  return out;
}

/** Column sums of a row-major (rows, columns) matrix: a vector of `columns`. */
export function sumRows(a: BigUint64Array, rows: number, columns: number): BigUint64Array {
  const out = new BigUint64Array(columns);
  vector.sumRows(a.subarray(0, rows * columns), out);
  return out;
}

/** Row sums of a row-major (rows, columns) matrix: a vector of `rows`. */
export function sumColumns(a: BigUint64Array, rows: number, columns: number): BigUint64Array {
  const out = fresh(rows);
  const x = halves(a);
  const z = halves(out);
  for (let r = 0; r < rows; r++) {
    let low = 0;
    let high = 0;
    for (let i = 2 * r * columns; i < 2 * (r + 1) * columns; i += 2) {
      const next = (low + x[i]) >>> 0;
      high = (high + x[i + 1] + (next < low ? 1 : 0)) >>> 0;
      low = next;
    }
    z[2 * r] = low;
    z[2 * r + 1] = high;
  }
  return out;
}

export function concat(...parts: readonly BigUint64Array[]): BigUint64Array {
  const out = fresh(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
