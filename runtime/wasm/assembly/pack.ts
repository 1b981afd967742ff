/**
 * Values of Z_p between one byte each and the wire, whole groups at a time (the caller pads with zeros and cuts):
 *
 *   p = 17  64 values in 33 bytes: fours a + 17b + 17²c + 17³d < 83521; pairs of them u + 83521v < 2^33, v the four sixteen values after u;
 *           the low 32 bits of each of the 8 pairs, then their 8 high bits, pair i in bit i
 *   p = 31   8 values in 5 bytes: a little-endian stream of 5-bit values
 *   p = 67   8 values in 7 bytes: a little-endian stream of 7-bit values
 *
 * Every function returns 1 if some value (on unpacking: some pair) is out of range, else 0. Unpacking reads what a peer sent:
 * the flag is gathered over the whole input and no address depends on a value.
 */

export function pack17(groups: u32, values: usize, out: usize): u32 {
  let bad = i64x2.splat(0);
  for (let i: u32 = 0; i < groups; i++) {
    let high: i32 = 0;
    for (let half: u32 = 0; half < 2; half++) {
      const v = v128.load(values);
      const w = v128.load(values, 16);
      bad = v128.or(bad, v128.or(i8x16.ge_u(v, i8x16.splat(17)), i8x16.ge_u(w, i8x16.splat(17))));
      const second = join17(w);
      const product = i32x4.mul(second, i32x4.splat(83521));
      const low = i32x4.add(join17(v), product);
      // 83521v reaches 2^32 from v = 51424 on, or the sum does: then it has wrapped.
      high |= i32x4.bitmask(v128.or(i32x4.gt_s(second, i32x4.splat(51423)), i32x4.lt_u(low, product))) << (4 * half);
      v128.store(out, low);
      values += 32;
      out += 16;
    }
    store<u8>(out, high);
    out += 1;
  }
  return <u32>v128.any_true(bad);
}

export function unpack17(groups: u32, packed: usize, out: usize): u32 {
  const bits = i32x4(1, 2, 4, 8);
  let bad = i64x2.splat(0);
  for (let i: u32 = 0; i < groups; i++) {
    let high = i32x4.splat(<i32>load<u8>(packed, 32));
    for (let half: u32 = 0; half < 2; half++) {
      const low = v128.load(packed);
      const second = over83521(low, i32x4.eq(v128.and(high, bits), bits));
      bad = v128.or(bad, i32x4.gt_s(second, i32x4.splat(83520)));
      v128.store(out, split17(i32x4.sub(low, i32x4.mul(second, i32x4.splat(83521)))));
      v128.store(out, split17(second), 16);
      high = i32x4.shr_u(high, 4);
      packed += 16;
      out += 32;
    }
    packed += 1;
  }
  return <u32>v128.any_true(bad);
}

/** floor(x / 83521) of four x < 2^33: their low 32 bits, and a mask where bit 32 is set. */
@inline
function over83521(low: v128, high: v128): v128 {
  // 2^52 + x as the bits of a floating-point number: upper words 0x43300000 and bit 32.
  const upper = v128.or(i32x4.splat(0x43300000), v128.and(high, i32x4.splat(1)));
  const ab = i8x16.shuffle(low, upper, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const cd = i8x16.shuffle(low, upper, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  return i8x16.shuffle(quotient(ab), quotient(cd), 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
}

/**
 * Of 2^52 + x, in the low word: (x − 41760) / 83521 to the nearest integer, which is floor(x / 83521), for it lies within 41760 / 83521 of it.
 * Numbers of 3 · 2^51 and more have no fraction, so the sum is rounded so, and the quotient stands in its low bits.
 */
@inline
function quotient(x: v128): v128 {
  const less = f64x2.sub(x, f64x2.splat(4503599627370496 + 41760));
  return f64x2.add(f64x2.mul(less, f64x2.splat(1.0 / 83521)), f64x2.splat(6755399441055744));
}

/** Sixteen values, one a byte, to four of 17 bits: pairs a + 17b, then pairs of those p + 289q. */
@inline
function join17(v: v128): v128 {
  const pair = i16x8.add(v128.and(v, i16x8.splat(255)), i16x8.mul(i16x8.shr_u(v, 8), i16x8.splat(17)));
  return i32x4.dot_i16x8_s(pair, i32x4.splat((289 << 16) | 1));
}

/** The inverse. */
@inline
function split17(v: v128): v128 {
  // floor(v / 289) is (v − 144) / 289 to the nearest integer, in the low bits of a sum above 3 · 2^22 as above: 1/289 is off by 2^-24 of itself,
  // the margin is 1/578.
  const less = f32x4.convert_i32x4_s(i32x4.sub(v, i32x4.splat(144)));
  const q = f32x4.add(f32x4.mul(less, f32x4.splat(1.0 / 289)), f32x4.splat(12582912));
  // p + 2^16 q = v + (2^16 − 289) q, where q stands above the bits of the number that was added.
  const pair = i32x4.add(v, i32x4.mul(i32x4.sub(q, i32x4.splat(0x4b400000)), i32x4.splat(65536 - 289)));
  // floor(pair / 17) as the rounded (pair − 8) / 17; 1928 / 2^15 is 1/17 to 1.5e-5, the margin is 1/34.
  const b = i16x8.q15mulr_sat_s(i16x8.sub(pair, i16x8.splat(8)), i16x8.splat(1928));
  // a + 2^8 b = pair + (2^8 − 17) b
  return i16x8.add(pair, i16x8.mul(b, i16x8.splat(256 - 17)));
}

export function pack31(groups: u32, values: usize, out: usize): u32 {
  let bad: u64 = 0;
  for (let i: u32 = 0; i < groups; i++) {
    let v = load<u64>(values);
    // A byte is out of range when adding 128 - 31 reaches bit 7, or bit 7 was set.
    bad |= v | ((v & 0x7f7f7f7f7f7f7f7f) + 0x6161616161616161);
    v = (v & 0x001f001f001f001f) | ((v & 0x1f001f001f001f00) >> 3);
    v = (v & 0x000003ff000003ff) | ((v & 0x03ff000003ff0000) >> 6);
    v = (v & 0x00000000000fffff) | ((v & 0x000fffff00000000) >> 12);
    store<u64>(out, v); // three bytes too many, overwritten by the next group
    values += 8;
    out += 5;
  }
  return (bad & 0x8080808080808080) != 0;
}

export function unpack31(groups: u32, packed: usize, out: usize): u32 {
  let bad: u64 = 0;
  for (let i: u32 = 0; i < groups; i++) {
    let v = load<u64>(packed);
    v = (v & 0x00000000000fffff) | ((v & 0x000000fffff00000) << 12);
    v = (v & 0x000003ff000003ff) | ((v & 0x000ffc00000ffc00) << 6);
    v = (v & 0x001f001f001f001f) | ((v & 0x03e003e003e003e0) << 3);
    bad |= v + 0x6161616161616161;
    store<u64>(out, v);
    packed += 5;
    out += 8;
  }
  return (bad & 0x8080808080808080) != 0;
}

/** Two groups a vector. */
export function pack67(groups: u32, values: usize, out: usize): u32 {
  let bad = i64x2.splat(0);
  for (; groups >= 2; groups -= 2) {
    const v = v128.load(values);
    bad = v128.or(bad, i8x16.ge_u(v, i8x16.splat(67)));
    v128.store(out, join67(v)); // two bytes too many, overwritten by the next groups
    values += 16;
    out += 14;
  }
  if (groups != 0) {
    const v = v128.load64_zero(values);
    bad = v128.or(bad, i8x16.ge_u(v, i8x16.splat(67)));
    v128.store64_lane(out, join67(v), 0);
  }
  return <u32>v128.any_true(bad);
}

export function unpack67(groups: u32, packed: usize, out: usize): u32 {
  let bad = i64x2.splat(0);
  for (; groups >= 2; groups -= 2) {
    const v = split67(v128.load(packed));
    bad = v128.or(bad, i8x16.ge_u(v, i8x16.splat(67)));
    v128.store(out, v);
    packed += 14;
    out += 16;
  }
  if (groups != 0) {
    const v = split67(i64x2(load<i64>(packed) & 0x00ffffffffffffff, 0));
    bad = v128.or(bad, i8x16.ge_u(v, i8x16.splat(67)));
    v128.store64_lane(out, v, 0);
  }
  return <u32>v128.any_true(bad);
}

/** Sixteen values of 7 bits, one a byte, to 14 bytes: pairs to 14, then 28, then 56 bits. */
@inline
function join67(v: v128): v128 {
  v = v128.or(v128.and(v, i16x8.splat(0x007f)), v128.and(i16x8.shr_u(v, 1), i16x8.splat(0x3f80)));
  v = i32x4.dot_i16x8_s(v, i32x4.splat(0x40000001)); // the first of a pair + 2^14 times the second
  v = v128.or(v128.and(v, i64x2.splat(0x0fffffff)), v128.and(i64x2.shr_u(v, 4), i64x2.splat(0x00fffffff0000000)));
  return i8x16.swizzle(v, i8x16(0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, -1, -1));
}

/** The inverse; what stands behind the 14 bytes is dropped. */
@inline
function split67(v: v128): v128 {
  v = i8x16.swizzle(v, i8x16(0, 1, 2, 3, 4, 5, 6, -1, 7, 8, 9, 10, 11, 12, 13, -1));
  v = v128.or(v128.and(v, i64x2.splat(0x0fffffff)), v128.and(i64x2.shl(v, 4), i64x2.splat(0x0fffffff00000000)));
  v = v128.or(v128.and(v, i32x4.splat(0x00003fff)), v128.and(i32x4.shl(v, 2), i32x4.splat(0x3fff0000)));
  return v128.or(v128.and(v, i16x8.splat(0x007f)), v128.and(i16x8.shl(v, 1), i16x8.splat(0x7f00)));
}
