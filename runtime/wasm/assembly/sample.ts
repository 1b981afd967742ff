/**
 * Uniform samples from uniform bytes, by rejection: a byte below the largest multiple of the bound is taken mod the bound, any other is
 * dropped. The same samples in the same order as one byte after the other.
 */

/** For each set of accepted lanes among eight: their numbers in order, the rest 0. */
const ACCEPTED: usize = memory.data(256 * 8, 16);

for (let set: u32 = 0; set < 256; set++) {
  let at: usize = ACCEPTED + (set << 3);
  for (let lane: u32 = 0; lane < 8; lane++) {
    store<u8>(at, <u8>lane);
    at += (set >> lane) & 1;
  }
}

/** x mod m for x below 2m; x if m does not fit a byte. Of x and x − m exactly one has not wrapped around. */
@inline
function below(x: v128, m: u32): v128 {
  return i8x16.min_u(x, i8x16.sub(x, i8x16.splat(m < 256 ? <u8>m : 0)));
}

/** Samples of offset … offset + bound − 1, 16 ≤ bound ≤ 256. Writes at most n of them to out; returns how many. */
export function sample(n: u32, bound: u32, offset: u32, source: usize, out: usize): u32 {
  const start = out;
  const end = source + n;
  const largest: u32 = 255 - (256 % bound);
  const limit = i8x16.splat(<u8>largest);
  const first = i8x16.splat(<u8>offset);
  const upper = i8x16.splat(8);
  while (source + 16 <= end) {
    const bytes = v128.load(source);
    const rest = below(below(below(below(bytes, bound << 3), bound << 2), bound << 1), bound); // bytes are below 16 · bound
    const value = i8x16.add(rest, first);
    const mask = <u32>i8x16.bitmask(i8x16.le_u(bytes, limit));
    if (mask == 0xffff) {
      v128.store(out, value);
      out += 16;
    } else {
      const left = v128.load64_zero(ACCEPTED + ((mask & 255) << 3));
      v128.store64_lane(out, i8x16.swizzle(value, left), 0);
      out += popcnt(mask & 255);
      const right = i8x16.add(v128.load64_zero(ACCEPTED + ((mask >> 8) << 3)), upper);
      v128.store64_lane(out, i8x16.swizzle(value, right), 0);
      out += popcnt(mask >> 8);
    }
    source += 16;
  }
  for (; source < end; source++) {
    const byte = <u32>load<u8>(source);
    store<u8>(out, <u8>((byte % bound) + offset));
    out += <usize>(byte <= largest);
  }
  return <u32>(out - start);
}

/**
 * 2 · n samples of 1…16 from the nibbles of n bytes, low nibble first: two a byte, none rejected. Whole vectors: up to 15 bytes too many
 * are read and 30 written.
 */
export function sampleNibbles(n: u32, source: usize, out: usize): void {
  const nibble = i8x16.splat(15);
  const one = i8x16.splat(1);
  for (let i: u32 = 0; i < n; i += 16) {
    const bytes = v128.load(source + i);
    const low = i8x16.add(v128.and(bytes, nibble), one);
    const high = i8x16.add(v128.and(i16x8.shr_u(bytes, 4), nibble), one); // shifts of 16 lanes take more
    v128.store(out, v128.shuffle<i8>(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    v128.store(out, v128.shuffle<i8>(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16);
    out += 32;
  }
}
