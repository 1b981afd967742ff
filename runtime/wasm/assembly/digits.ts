/**
 * A number as digits, one a lane, top digit first: masks (0 or 255) of each digit's bits. Bytes come from a vector that holds
 * the number in both halves; little-endian byte 7 is the top one.
 */

/** Upper bits of the two-bit digits whose bytes are replicated four times in `bytes`. */
@inline
export function upperBits(bytes: v128): v128 {
  const mask = i32x4.splat(0x02082080); // 80, 20, 08, 02 in lane order
  return i8x16.eq(v128.and(bytes, mask), mask);
}

/** Lower bits of the same digits. */
@inline
export function lowerBits(bytes: v128): v128 {
  const mask = i32x4.splat(0x01041040);
  return i8x16.eq(v128.and(bytes, mask), mask);
}

/** Single bits; bytes replicated eight times. */
@inline
export function singleBits(bytes: v128): v128 {
  const mask = i64x2.splat(0x0102040810204080);
  return i8x16.eq(v128.and(bytes, mask), mask);
}

/** Bytes 3..0, four lanes each: the sixteen digits of a 32-bit value. */
@inline
export function bytes32(value: v128): v128 {
  return i8x16.swizzle(value, i8x16(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0));
}

/** Bytes 7..4, four lanes each: the upper sixteen digits of a 64-bit value. */
@inline
export function bytes64High(value: v128): v128 {
  return i8x16.swizzle(value, i8x16(7, 7, 7, 7, 6, 6, 6, 6, 5, 5, 5, 5, 4, 4, 4, 4));
}

/** Bytes 7-2v and 6-2v, eight lanes each: bits of quarter v of a 64-bit value, v = 0..3. */
@inline
export function bytesOfQuarter(value: v128, quarter: u32): v128 {
  const first = i8x16(7, 7, 7, 7, 7, 7, 7, 7, 6, 6, 6, 6, 6, 6, 6, 6);
  return i8x16.swizzle(value, i8x16.sub(first, i8x16.splat(<i8>(quarter << 1))));
}
