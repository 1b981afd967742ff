/**
 * Uniform samples of Z_17 from uniform bytes, by rejection: a byte below 255 = 15 · 17 is taken mod 17, 255 is dropped. The same samples
 * in the same order as one byte after the other.
 */

/** Writes at most n samples to out; returns how many. */
export function sample17(n: u32, source: usize, out: usize): u32 {
  const start = out;
  const end = source + n;
  while (source + 16 <= end) {
    const bytes = v128.load(source);
    // 16 ≡ −1: the byte 16·high + low is low − high, lifted by 17 and brought below it.
    const low = v128.and(bytes, i8x16.splat(15));
    const high = i8x16.shr_u(bytes, 4);
    const lifted = i8x16.sub(i8x16.add(low, i8x16.splat(17)), high);
    const value = i8x16.min_u(lifted, i8x16.sub(lifted, i8x16.splat(17)));
    const rejected = i8x16.eq(bytes, i8x16.splat(-1));
    if (v128.any_true(rejected)) {
      const mask = i8x16.bitmask(rejected);
      v128.store(SCRATCH, value);
      for (let i: u32 = 0; i < 16; i++) {
        store<u8>(out, load<u8>(SCRATCH + i));
        out += 1 ^ ((mask >> i) & 1);
      }
    } else {
      v128.store(out, value);
      out += 16;
    }
    source += 16;
  }
  for (; source < end; source++) {
    const byte = <u32>load<u8>(source);
    store<u8>(out, <u8>(byte % 17));
    out += <usize>(byte != 255);
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
    const high = i8x16.add(i8x16.shr_u(bytes, 4), one);
    v128.store(out, v128.shuffle<i8>(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    v128.store(out, v128.shuffle<i8>(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16);
    out += 32;
  }
}

/** One vector of the module's own memory. */
const SCRATCH: usize = memory.data(16, 16);
