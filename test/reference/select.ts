/** Products with a shared bit (PROTOCOLS §1, §3) by their formulas, in BigInt. */
import type { SelectJob } from '../../runtime/compute.ts';

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

/** Element i of bits packed into ⌈bits/8⌉ bytes each, modulo 2^bits. */
export function packedBit(packed: Uint8Array, bits: number, i: number): bigint {
  const width = Math.ceil(bits / 8);
  let value = 0n;
  for (let b = width - 1; b >= 0; b--) value = (value << 8n) | BigInt(packed[i * width + b]);
  return BigInt.asUintN(bits, value);
}

/** t·x + (1 − 2t)·(opened·q − qMask). */
export function selectReference({ t, opened, q, qMask }: SelectJob, x: BigUint64Array): BigUint64Array {
  return x.map((value, i) => {
    const known = BigInt(t[i]);
    return u64(known * value + (1n - 2n * known) * (opened[i] * q[i] - qMask[i]));
  });
}

/** sum + (1 − 2t)·(opened·(2q − [P0]) − qMask). */
export function selectSignedReference(
  party: 0 | 1,
  { t, opened, q, qMask }: SelectJob,
  sum: BigUint64Array,
): BigUint64Array {
  const one = BigInt(1 - party);
  return sum.map((value, i) => u64(value + (1n - 2n * BigInt(t[i])) * (opened[i] * (2n * q[i] - one) - qMask[i])));
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
