/**
 * Elements of Z_{2^width} on the wire, 1 ≤ width ≤ 56: `width` bits each, one behind another, the first in the lowest bits of the first
 * byte. In memory they are the low bits of 64-bit words.
 */
import * as vector from './vector.ts';

/** Widest element that one load holds wherever it begins. */
const MOST_BITS = 56;

/** Bits that an element of Z_{2^bits} takes: its own, or those of a word. A share modulo 2^64 is one modulo 2^bits. */
export function fieldWidth(bits: number): number {
  return bits <= MOST_BITS ? bits : 64;
}

/** Bytes that `count` elements take. */
export function fieldsLength(count: number, width: number): number {
  return Math.ceil((count * width) / 8);
}

/** Elements from … to of a packed stream; `from` is a multiple of 8. */
export function fieldsOf(packed: Uint8Array, from: number, to: number, width: number): Uint8Array {
  return packed.subarray((from * width) / 8, fieldsLength(to, width));
}

/** Bits from … from + width − 1 of every word. */
export function packFields(x: BigUint64Array, from: number, width: number): Uint8Array {
  checkWidth(width);
  const out = new Uint8Array(fieldsLength(x.length, width));
  if (!Number.isInteger(from) || from < 0 || from + width > 64)
    throw new RangeError(`bits ${from} … ${from + width - 1} of 64-bit words`);
  vector.packFields(x, from, width, out);
  return out;
}

/** Inverse of `packFields(x, 0, width)`; bits behind the last element are not looked at. */
export function unpackFields(packed: Uint8Array, width: number, count: number): BigUint64Array {
  return addFields(new BigUint64Array(count), packed, width);
}

/** a ← a + b modulo 2^width, b packed; returns a. */
export function addFields(a: BigUint64Array, b: Uint8Array, width: number): BigUint64Array {
  checkWidth(width);
  const expected = fieldsLength(a.length, width);
  if (b.length !== expected)
    throw new RangeError(`${a.length} elements of ${width} bits take ${expected} bytes, found ${b.length}`);
  vector.addFields(b, width, a);
  return a;
}

function checkWidth(width: number): void {
  if (!Number.isInteger(width) || width < 1 || width > MOST_BITS)
    throw new RangeError(`elements of ${width} bits: expected 1 … ${MOST_BITS}`);
}
