/** Vectors of bits, one byte 0/1 each, and on the wire eight to a byte, the first in the lowest place. On SIMD lanes (`vector.ts`). */
import * as vector from './vector.ts';

export function packedBitsLength(count: number): number {
  return Math.ceil(count / 8);
}

export function packBits(bits: Uint8Array): Uint8Array {
  const packed = new Uint8Array(packedBitsLength(bits.length));
  vector.packBits(bits, packed);
  return packed;
}

/** Inverse of `packBits`; bits behind the last one are not looked at. */
export function unpackBits(packed: Uint8Array, count: number): Uint8Array {
  if (packed.length !== packedBitsLength(count))
    throw new RangeError(`${packed.length} bytes do not hold ${count} bits`);
  const bits = new Uint8Array(count);
  vector.unpackBits(packed, count, bits, 0);
  return bits;
}

/** a ← a ⊕ b; returns a. */
export function xorInto(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length !== b.length) throw new RangeError(`xor: ${a.length} bits against ${b.length}`);
  vector.xorInto(a, b);
  return a;
}
