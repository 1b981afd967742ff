/**
 * Z_p in sixteen byte lanes, values canonical (< p) unless said otherwise. Reductions select with an unsigned minimum: of x and
 * x ± p exactly one has not wrapped around. So nothing here branches on a value.
 */

/** x mod p for x in [0, 2p). */
@inline
export function reduce(x: v128, p: v128): v128 {
  return i8x16.min_u(x, i8x16.sub(x, p));
}

/** x mod p for x in [-p, p) as signed bytes (-p gives 0). */
@inline
export function reduceSigned(x: v128, p: v128): v128 {
  return i8x16.min_u(x, i8x16.add(x, p));
}

@inline
export function add(x: v128, y: v128, p: v128): v128 {
  return reduce(i8x16.add(x, y), p);
}

@inline
export function sub(x: v128, y: v128, p: v128): v128 {
  return reduceSigned(i8x16.sub(x, y), p);
}

/** Lanes moved up by 1, 2, 4, 8; zeros come in below. */
@inline
export function up1(x: v128): v128 {
  return i8x16.shuffle(i64x2.splat(0), x, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
}

@inline
export function up2(x: v128): v128 {
  return i8x16.shuffle(i64x2.splat(0), x, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
}

@inline
export function up4(x: v128): v128 {
  return i8x16.shuffle(i64x2.splat(0), x, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27);
}

@inline
export function up8(x: v128): v128 {
  return i8x16.shuffle(i64x2.splat(0), x, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23);
}

/**
 * s · c mod 17 for s in [1, 16]: Z_17* is cyclic of order 16 with generator 3, so the product is a sum of four-bit logarithms,
 * and both tables are one register. c = 0 looks up lane 255, which swizzle answers with 0, and is masked out at the end.
 */
@inline
export function mul17(s: v128, c: v128): v128 {
  const log = i8x16(0, 14, 1, 12, 5, 15, 11, 10, 2, 3, 7, 13, 4, 9, 6, 8); // log[v - 1], 3^log = v
  const exp = i8x16(1, 3, 9, 10, 13, 5, 15, 11, 16, 14, 8, 7, 4, 12, 2, 6);
  const one = i8x16.splat(1);
  const sum = i8x16.add(i8x16.swizzle(log, i8x16.sub(s, one)), i8x16.swizzle(log, i8x16.sub(c, one)));
  const product = i8x16.swizzle(exp, v128.and(sum, i8x16.splat(15)));
  return v128.and(product, i8x16.ne(c, i64x2.splat(0)));
}

/** s · c mod 31: 16-bit products below 30² = 900, folded at bit 5 (2^5 ≡ 1) to below 60. */
@inline
export function mul31(s: v128, c: v128): v128 {
  const low = fold31(i16x8.extmul_low_i8x16_u(s, c));
  const high = fold31(i16x8.extmul_high_i8x16_u(s, c));
  return reduce(i8x16.narrow_i16x8_u(low, high), i8x16.splat(31));
}

@inline
function fold31(x: v128): v128 {
  return i16x8.add(v128.and(x, i16x8.splat(31)), i16x8.shr_u(x, 5));
}

/**
 * s · c mod 67: 16-bit products up to 66² = 4356, minus 67 times the rounded quotient. 489 / 2^15 is 1/67 to 2.3e-6, so the
 * quotient's argument errs by less than 0.01 and the remainder lies in [-34, 34].
 */
@inline
export function mul67(s: v128, c: v128): v128 {
  const low = remainder67(i16x8.extmul_low_i8x16_u(s, c));
  const high = remainder67(i16x8.extmul_high_i8x16_u(s, c));
  return reduceSigned(i8x16.narrow_i16x8_s(low, high), i8x16.splat(67));
}

@inline
function remainder67(x: v128): v128 {
  const quotient = i16x8.q15mulr_sat_s(x, i16x8.splat(489));
  return i16x8.sub(x, i16x8.mul(quotient, i16x8.splat(67)));
}
