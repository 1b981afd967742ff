/**
 * Fixed-point numbers in Z_{2^64}: x is stored as round(x · 2^f) mod 2^64, read back as a signed integer over 2^f.
 * Rounding is to nearest, ties towards +∞ (Math.round). Numbers are exact up to 53 significant bits (doubles).
 */
import { halves } from './z64.ts';

/** Largest |x · 2^f| that may be encoded: the bound of the dealt truncation (PROTOCOLS §1). */
const LIMIT = 2 ** 62;

/** An error names the element, never its value. */
export function encode(values: ArrayLike<number>, fractionBits: number): BigUint64Array {
  const out = new BigUint64Array(values.length);
  const z = halves(out);
  const factor = 2 ** fractionBits;
  for (let i = 0; i < values.length; i++) {
    const scaled = Math.round(values[i] * factor);
    if (!(Math.abs(scaled) < LIMIT)) {
      throw new RangeError(
        `encode: element ${i} does not fit: with ${fractionBits} fractional bits |x| must be below ${LIMIT / factor}`,
      );
    }
    const high = Math.floor(scaled / 2 ** 32);
    z[2 * i] = scaled - high * 2 ** 32;
    z[2 * i + 1] = high;
  }
  return out;
}

export function encodeOne(value: number, fractionBits: number): bigint {
  return encode([value], fractionBits)[0];
}

export function decode(ring: BigUint64Array, fractionBits: number): Float64Array {
  const out = new Float64Array(ring.length);
  const x = halves(ring);
  const unit = 2 ** -fractionBits;
  for (let i = 0; i < out.length; i++) out[i] = ((x[2 * i + 1] | 0) * 2 ** 32 + x[2 * i]) * unit;
  return out;
}
