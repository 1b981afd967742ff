/** Truncation of shares over Z_{2^64} by `bits` fractional bits (PROTOCOLS §1). Two lanes at a time; an odd n reads and writes one value of padding. */
import { readField } from './fields';

/** Alg. 11. P0: floor(z / 2^bits); P1: -floor(-z / 2^bits). z, out: n u64. */
export function truncateLocal(n: u32, party: u32, z: usize, out: usize, bits: i32): void {
  // Two's complement negation as (x ^ sign) - sign, so that both parties run one loop.
  const sign = i64x2.splat(-(<i64>party));
  for (let i: u32 = 0; i < n; i += 2) {
    const shifted = i64x2.shr_u(i64x2.sub(v128.xor(v128.load(z), sign), sign), bits);
    v128.store(out, i64x2.sub(v128.xor(shifted, sign), sign));
    z += 16;
    out += 16;
  }
}

/**
 * Step 2 of the dealt truncation: (c >> bits) - shift + R_63 · (1 - c_63) · 2^(64-bits) - 2^(62-bits); the first and the last term are
 * public, added by P0 alone. c, shift, out: n u64; top: shares of R_63, fields of `width` bits as in select.ts; 1 <= bits <= 61.
 */
export function truncateDealt(
  n: u32,
  party: u32,
  bits: i32,
  width: u32,
  c: usize,
  shift: usize,
  top: usize,
  out: usize,
): void {
  const isP0 = i64x2.splat(<i64>party - 1);
  const offset = i64x2.splat((<i64>1) << (62 - bits));
  for (let i: u32 = 0; i < n; i += 2) {
    const opened = v128.load(c);
    const shared = v128.and(i64x2.sub(i64x2.shr_u(opened, bits), offset), isP0);
    const first = readField(top, i * width, u64.MAX_VALUE);
    const second = readField(top, (i + 1) * width, u64.MAX_VALUE);
    const high = i64x2.shl(i64x2.replace_lane(i64x2.splat(<i64>first), 1, <i64>second), 64 - bits);
    const correction = v128.andnot(high, i64x2.shr_s(opened, 63));
    v128.store(out, i64x2.add(i64x2.sub(shared, v128.load(shift)), correction));
    c += 16;
    shift += 16;
    out += 16;
  }
}
