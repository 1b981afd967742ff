/**
 * Elements of Z_{2^width} as one little-endian stream of bits, `width` bits each, 1 ≤ width ≤ 56 or 64, so that one load holds any of them.
 * Reading and writing touch up to 8 bytes behind the last one.
 */

/** 2^width − 1. */
@inline
export function insideOf(width: u32): u64 {
  return u64.MAX_VALUE >> (64 - width);
}

/** The element that begins at bit `at`. */
@inline
export function readField(stream: usize, at: u32, inside: u64): u64 {
  return (load<u64>(stream + (at >> 3)) >> (at & 7)) & inside;
}
