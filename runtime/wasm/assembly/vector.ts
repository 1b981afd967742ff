/**
 * Vectors over Z_{2^64}, two elements at a time: what src/ring/vector.ts calls. A module of its own, small enough to stand in the source
 * (scripts/embed-vector.ts), so that src/ring needs no file and no start. Pointers are byte offsets; nothing behind an array is touched.
 */
import { insideOf, readField } from './fields';

/** x += y + high, n elements. */
@inline
function addRun(n: u32, x: usize, y: usize, high: v128): void {
  const end = x + (<usize>n << 3);
  for (; x + 16 <= end; x += 16, y += 16) {
    v128.store(x, i64x2.add(i64x2.add(v128.load(x), v128.load(y)), high));
  }
  if (x < end) store<u64>(x, load<u64>(x) + load<u64>(y) + i64x2.extract_lane(high, 0));
}

/** x += y + high · 2^32; x of n elements, y of `period`, which divides n, again and again. */
export function add(n: u32, x: usize, y: usize, period: u32, high: u32): void {
  const constant = i64x2.splat(<i64>high << 32);
  for (let i: u32 = 0; i < n; i += period) addRun(period, x + (<usize>i << 3), y, constant);
}

/** x -= y. */
export function subtract(n: u32, x: usize, y: usize): void {
  const end = x + (<usize>n << 3);
  for (; x + 16 <= end; x += 16, y += 16) v128.store(x, i64x2.sub(v128.load(x), v128.load(y)));
  if (x < end) store<u64>(x, load<u64>(x) - load<u64>(y));
}

/** x = (x >> from) & inside. */
export function bitField(n: u32, x: usize, from: u32, inside: u64): void {
  const mask = i64x2.splat(<i64>inside);
  const end = x + (<usize>n << 3);
  for (; x + 16 <= end; x += 16) v128.store(x, v128.and(i64x2.shr_u(v128.load(x), from), mask));
  if (x < end) store<u64>(x, (load<u64>(x) >> from) & inside);
}

/** x *= y; x of n elements, y of n / repeat, each for `repeat` elements of x. */
export function multiply(n: u32, x: usize, y: usize, repeat: u32): void {
  const end = x + (<usize>n << 3);
  if (repeat == 1) {
    for (; x + 16 <= end; x += 16, y += 16) v128.store(x, i64x2.mul(v128.load(x), v128.load(y)));
    if (x < end) store<u64>(x, load<u64>(x) * load<u64>(y));
    return;
  }
  for (; x < end; y += 8) {
    const factor = v128.load64_splat(y);
    const stop = x + (<usize>repeat << 3);
    for (; x + 16 <= stop; x += 16) v128.store(x, i64x2.mul(v128.load(x), factor));
    if (x < stop) {
      store<u64>(x, load<u64>(x) * load<u64>(y));
      x += 8;
    }
  }
}

/** sums = sums ± x · 2^shift, whole pairs of n elements. */
@inline
function addShifted(n: u32, x: usize, shift: i32, minus: bool, first: bool, sums: usize): void {
  for (const end = x + (<usize>(n >> 1) << 4); x < end; x += 16, sums += 16) {
    const term = i64x2.shl(v128.load(x), shift);
    const before = first ? i64x2.splat(0) : v128.load(sums);
    v128.store(sums, minus ? i64x2.sub(before, term) : i64x2.add(before, term));
  }
}

/** sums = sums + factor · x, n elements; the first term replaces what was there. Powers of two and their negatives are shifts. */
export function addMultiple(n: u32, x: usize, factor: u64, first: bool, sums: usize): void {
  const minus = <i64>factor < 0;
  const size = minus ? 0 - factor : factor;
  if (popcnt(size) == 1) {
    const shift = <i32>ctz(size);
    if (first) {
      if (minus) addShifted(n, x, shift, true, true, sums);
      else addShifted(n, x, shift, false, true, sums);
    } else if (minus) addShifted(n, x, shift, true, false, sums);
    else addShifted(n, x, shift, false, false, sums);
  } else {
    const factors = i64x2.splat(<i64>factor);
    for (let i: usize = 0; i < <usize>(n >> 1) << 4; i += 16) {
      const term = i64x2.mul(v128.load(x + i), factors);
      v128.store(sums + i, first ? term : i64x2.add(v128.load(sums + i), term));
    }
  }
  if (n & 1) {
    const last = <usize>(n - 1) << 3;
    store<u64>(sums + last, load<u64>(x + last) * factor + (first ? 0 : load<u64>(sums + last)));
  }
}

/** sums += the rows of x (rows, columns). */
export function sumRows(rows: u32, columns: u32, x: usize, sums: usize): void {
  const zero = i64x2.splat(0);
  for (let row: u32 = 0; row < rows; row++) {
    addRun(columns, sums, x, zero);
    x += <usize>columns << 3;
  }
}

/** to = `rows` x `columns` runs of `run` elements, one behind another, which begin every `rowStep` and `step` elements at `from`. */
export function gather(rows: u32, columns: u32, run: u32, rowStep: u32, step: u32, from: usize, to: usize): void {
  for (let row: u32 = 0; row < rows; row++) {
    let at = from + (<usize>(row * rowStep) << 3);
    for (let column: u32 = 0; column < columns; column++) {
      const end = to + (<usize>run << 3);
      let x = at;
      for (; to + 16 <= end; to += 16, x += 16) v128.store(to, v128.load(x));
      if (to < end) store<u64>(to, load<u64>(x));
      to = end;
      at += <usize>step << 3;
    }
  }
}

/** The transpose: adds the runs, one behind another at `from`, to where they belong at `to`. */
export function scatter(rows: u32, columns: u32, run: u32, rowStep: u32, step: u32, from: usize, to: usize): void {
  const zero = i64x2.splat(0);
  for (let row: u32 = 0; row < rows; row++) {
    let at = to + (<usize>(row * rowStep) << 3);
    for (let column: u32 = 0; column < columns; column++) {
      addRun(run, at, from, zero);
      from += <usize>run << 3;
      at += <usize>step << 3;
    }
  }
}

/** to = bits `from` … from + width − 1 of each of n elements, as a stream of fields. */
export function packFields(n: u32, x: usize, from: u32, width: u32, to: usize): void {
  const inside = insideOf(width);
  let pending: u64 = 0;
  let filled: u32 = 0;
  for (let i: u32 = 0; i < n; i++, x += 8) {
    pending |= ((load<u64>(x) >> from) & inside) << filled;
    store<u64>(to, pending);
    filled += width;
    pending >>= filled & ~7;
    to += filled >> 3;
    filled &= 7;
  }
}

/** x = x + the fields of a stream, modulo 2^width. */
export function addFields(n: u32, width: u32, stream: usize, x: usize): void {
  const inside = insideOf(width);
  for (let i: u32 = 0; i < n; i++, x += 8) {
    store<u64>(x, (load<u64>(x) + readField(stream, i * width, inside)) & inside);
  }
}

/** Bits, one byte 0/1 each, eight to a byte, the first in the lowest place; n is a multiple of 16. */
export function packBits(n: u32, bits: usize, to: usize): void {
  const end = bits + n;
  for (; bits < end; bits += 16, to += 2) store<u16>(to, <u16>i8x16.bitmask(i16x8.shl(v128.load(bits), 7)));
}

/** The reverse, n a multiple of 16. */
export function unpackBits(n: u32, packed: usize, to: usize): void {
  const places = i64x2.splat(0x8040201008040201);
  const one = i8x16.splat(1);
  const end = to + n;
  for (; to < end; packed += 2, to += 16) {
    const bytes = i8x16.swizzle(v128.load16_splat(packed), i8x16(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
    v128.store(to, v128.and(i8x16.eq(v128.and(bytes, places), places), one));
  }
}

/** x ^= y, n bytes; up to 15 behind them are touched. */
export function xorBytes(n: u32, x: usize, y: usize): void {
  const end = x + n;
  for (; x < end; x += 16, y += 16) v128.store(x, v128.xor(v128.load(x), v128.load(y)));
}

/** x ^= y ^ (bit `index` of each of n elements) ^ flip, on bytes 0/1. */
export function xorBitAt(n: u32, x: usize, y: usize, elements: usize, index: u32, flip: u32): void {
  let at = elements + (index >> 3);
  const place = index & 7;
  for (const end = x + n; x < end; x++, y++, at += 8)
    store<u8>(x, load<u8>(x) ^ load<u8>(y) ^ ((load<u8>(at) >> <u8>place) & 1) ^ <u8>flip);
}

/** n blocks of 16 bytes for a cipher in counter mode: the 12 bytes at `address`, then a big-endian counter from `from` on. */
export function counterBlocks(n: u32, address: usize, from: u32, to: usize): void {
  let block = i32x4.replace_lane(v128.load(address), 3, from);
  for (const end = to + (<usize>n << 4); to < end; to += 16) {
    v128.store(to, v128.shuffle<u8>(block, block, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 14, 13, 12));
    block = i32x4.add(block, i32x4(0, 0, 0, 1));
  }
}
