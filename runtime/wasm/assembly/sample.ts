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

/** One vector of the module's own memory. */
const SCRATCH: usize = memory.data(16, 16);
