/** Products with a shared bit (PROTOCOLS §1, §3) by their formulas, in BigInt. */
import type { SelectJob } from '../../runtime/compute.ts';

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

/** Bits that a shared bit over Z_{2^bits} takes, one behind another; bytes that n of them take. */
export const packedWidth = (bits: number): number => (bits <= 56 ? bits : 64);
export const packedBytes = (n: number, bits: number): number => Math.ceil((n * packedWidth(bits)) / 8);

/** Element i of a packed stream, modulo 2^bits. */
export function packedBit(packed: Uint8Array, bits: number, i: number): bigint {
  const from = i * packedWidth(bits);
  let value = 0n;
  for (let bit = bits - 1; bit >= 0; bit--)
    value = (value << 1n) | BigInt((packed[(from + bit) >> 3] >> ((from + bit) & 7)) & 1);
  return value;
}

/** t·x + (1 − 2t)·(opened·q − qMask). */
export function selectReference({ t, opened, q, qMask }: SelectJob, x: BigUint64Array): BigUint64Array {
  return x.map((value, i) => {
    const known = BigInt(t[i]);
    return u64(known * value + (1n - 2n * known) * (opened[i] * q[i] - qMask[i]));
  });
}

/** x + y + (1 − 2t)·(opened·(2q − [P0]) − qMask). */
export function selectLargerReference(
  party: 0 | 1,
  { t, opened, q, qMask }: SelectJob,
  x: BigUint64Array,
  y: BigUint64Array,
): BigUint64Array {
  const one = BigInt(1 - party);
  return x.map((value, i) => u64(value + y[i] + (1n - 2n * BigInt(t[i])) * (opened[i] * (2n * q[i] - one) - qMask[i])));
}

/** `selectReference` for x = z / 2^bits, from the opening of z + 2^62 + R. */
export function truncateSelectReference(
  party: 0 | 1,
  { t, opened, q, qMask }: SelectJob,
  { bits, shift, top }: { readonly bits: number; readonly shift: BigUint64Array; readonly top: Uint8Array },
  qTop: Uint8Array,
): BigUint64Array {
  const f = BigInt(bits);
  return opened.map((c, i) => {
    const C = (c >> f) - (1n << (62n - f));
    const wrap = (1n - (c >> 63n)) << (64n - f);
    const x = (party === 0 ? C : 0n) - shift[i] + packedBit(top, bits, i) * wrap;
    const qx = C * q[i] - qMask[i] + packedBit(qTop, bits, i) * wrap;
    const known = BigInt(t[i]);
    return u64(known * x + (1n - 2n * known) * qx);
  });
}
