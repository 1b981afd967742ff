/**
 * P1's share of a thermometer code (PROTOCOLS §1, PrivateCompare): g_v - share0 mod p with g_v = [digit >= v] for every digit
 * of x, top digit first. Per value all g_1, then all g_2, then all g_3 (single-bit digits: g_1 only).
 *
 * x: n u64. share0, out: n · (48 | 90 | 64) bytes over Z_17, Z_31, Z_67.
 */
import { bytes32, bytes64High, bytesOfQuarter, lowerBits, singleBits, upperBits } from './digits';
import { sub } from './field';

/** Low 32 bits of x, sixteen two-bit digits. */
export function thermometer17(n: u32, x: usize, share0: usize, out: usize): void {
  const p = i8x16.splat(17);
  for (let i: u32 = 0; i < n; i++) {
    const bytes = bytes32(v128.load32_splat(x));
    const upper = upperBits(bytes);
    const lower = lowerBits(bytes);
    dealt(out, share0, v128.or(upper, lower), p);
    dealt(out + 16, share0 + 16, upper, p);
    dealt(out + 32, share0 + 32, v128.and(upper, lower), p);
    x += 8;
    share0 += 48;
    out += 48;
  }
}

/** Low 60 bits of x, thirty two-bit digits. A row is two vectors; the two bytes too many are overwritten by the next row. */
export function thermometer31(n: u32, x: usize, share0: usize, out: usize): void {
  const p = i8x16.splat(31);
  for (let i: u32 = 0; i < n; i++) {
    const value = i64x2.splat(load<i64>(x) << 4);
    const bytes0 = bytes64High(value);
    const bytes1 = bytes32(value);
    const upper0 = upperBits(bytes0);
    const upper1 = upperBits(bytes1);
    const lower0 = lowerBits(bytes0);
    const lower1 = lowerBits(bytes1);
    dealt(out, share0, v128.or(upper0, lower0), p);
    dealt(out + 16, share0 + 16, v128.or(upper1, lower1), p);
    dealt(out + 30, share0 + 30, upper0, p);
    dealt(out + 46, share0 + 46, upper1, p);
    dealt(out + 60, share0 + 60, v128.and(upper0, lower0), p);
    dealt(out + 76, share0 + 76, v128.and(upper1, lower1), p);
    x += 8;
    share0 += 90;
    out += 90;
  }
}

/** All 64 bits of x. */
export function thermometer67(n: u32, x: usize, share0: usize, out: usize): void {
  const p = i8x16.splat(67);
  for (let i: u32 = 0; i < n; i++) {
    const value = v128.load64_splat(x);
    dealt(out, share0, singleBits(bytesOfQuarter(value, 0)), p);
    dealt(out + 16, share0 + 16, singleBits(bytesOfQuarter(value, 1)), p);
    dealt(out + 32, share0 + 32, singleBits(bytesOfQuarter(value, 2)), p);
    dealt(out + 48, share0 + 48, singleBits(bytesOfQuarter(value, 3)), p);
    x += 8;
    share0 += 64;
    out += 64;
  }
}

/** [condition] - share0 mod p, sixteen lanes. */
@inline
function dealt(out: usize, share0: usize, condition: v128, p: v128): void {
  v128.store(out, sub(v128.and(condition, i8x16.splat(1)), v128.load(share0), p));
}
