/**
 * A worker's part of PrivateCompare (PROTOCOLS §1; SecureNN Alg. 3 steps 3-10 in digits): d_i = s_i c_i ± u_i over Z_p, rotated.
 * Per comparison, with g the thermometer share of one digit of X and y that digit of Y:
 *
 *   strict = [x > y] = g_{y+1}     weak = [x >= y] = g_y     g_0 = 1, g_B = 0 public
 *   hit    = strict (β = 0, tests X > Y) or 1 - weak (β = 1, tests Y >= X)
 *   c      = 1 - hit + sum over the digits above of (1 - weak + strict)
 *
 * The last digit decides equality: strict if the test is X > Y, weak if it is X >= Y, for both values of β. Public constants
 * are P0's alone; P1's share of them is 0. No branch and, but for the rotation by ρ, no address depends on g, y, β, s, u or ρ.
 *
 * g: n · codeLength, s, u, out: n · digits bytes; y: n u64; beta, rho: n bytes; scratch: ROTATE_ROWS · 128 bytes.
 */
import { bytes32, bytes64High, bytesOfQuarter, lowerBits, singleBits, upperBits } from './digits';
import { add, mul17, mul31, mul67, reduce, sub, up1, up2, up4, up8 } from './field';

/** Rows longer than a vector are rotated through memory, several at once so that no load waits for the store before it. */
const ROTATE_ROWS: u32 = 16;

/** 255 in lane `index` alone. */
@inline
function lane(index: u8): v128 {
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return i8x16.eq(lanes, i8x16.splat(index));
}

/** 255 everywhere if the byte is 1, else 0. */
@inline
function mask(bit: usize): v128 {
  return i8x16.sub(i8x16.splat(0), v128.load8_splat(bit));
}

/** [x > y] for two-bit digits: g1, g2, g3, 0 for y = 0..3. */
@inline
function strictOf(g1: v128, g2: v128, g3: v128, upper: v128, lower: v128): v128 {
  return v128.bitselect(v128.andnot(g3, lower), v128.bitselect(g2, g1, lower), upper);
}

/** [x >= y] for two-bit digits: 1, g1, g2, g3 for y = 0..3. */
@inline
function weakOf(g1: v128, g2: v128, g3: v128, upper: v128, lower: v128, one: v128): v128 {
  return v128.bitselect(v128.bitselect(g3, g2, lower), v128.bitselect(g1, one, lower), upper);
}

/** 1 - hit: the test reads `weak` where `pick` is set; β turns it round. */
@inline
function missOf(strict: v128, weak: v128, pick: v128, beta: v128, one: v128, p: v128): v128 {
  const test = v128.bitselect(weak, strict, pick);
  return v128.bitselect(test, sub(one, test, p), beta);
}

/** 1 - [x = y]. */
@inline
function differOf(strict: v128, weak: v128, one: v128, p: v128): v128 {
  return add(sub(one, weak, p), strict, p);
}

/** ± u, up to p. */
@inline
function refresh(u: usize, isP1: v128, p: v128): v128 {
  const value = v128.load(u);
  return v128.bitselect(i8x16.sub(p, value), value, isP1);
}

/** Sixteen digits, one vector. */
export function compareShare17(
  n: u32,
  party: u32,
  orEqual: u32,
  g: usize,
  y: usize,
  beta: usize,
  s: usize,
  u: usize,
  rho: usize,
  out: usize,
  scratch: usize,
): void {
  const p = i8x16.splat(17);
  const one = i8x16.splat(<i8>(1 - party));
  const isP1 = i8x16.splat(-(<i8>party));
  const last = lane(15);
  const pickLast = i8x16.splat(-(<i8>orEqual));
  const nibble = i8x16.splat(15);
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (let i: u32 = 0; i < n; i++) {
    const bytes = bytes32(v128.load32_splat(y));
    const upper = upperBits(bytes);
    const lower = lowerBits(bytes);
    const g1 = v128.load(g);
    const g2 = v128.load(g, 16);
    const g3 = v128.load(g, 32);
    const strict = strictOf(g1, g2, g3, upper, lower);
    const weak = weakOf(g1, g2, g3, upper, lower, one);
    const flip = mask(beta + i);
    const miss = missOf(strict, weak, v128.bitselect(pickLast, flip, last), flip, one, p);

    // Fifteen terms of at most 16 fit a byte. 16 = -1 mod 17: the sum is its low nibble minus its high one.
    let above = up1(differOf(strict, weak, one, p));
    above = i8x16.add(above, up1(above));
    above = i8x16.add(above, up2(above));
    above = i8x16.add(above, up4(above));
    above = i8x16.add(above, up8(above));
    above = sub(v128.and(above, nibble), v128.and(i16x8.shr_u(above, 4), nibble), p);
    const c = add(miss, above, p);

    const d = add(mul17(v128.load(s), c), refresh(u, isP1, p), p);
    const turn = v128.and(i8x16.add(lanes, v128.load8_splat(rho + i)), nibble);
    v128.store(out, i8x16.swizzle(d, turn));
    g += 48;
    y += 8;
    s += 16;
    u += 16;
    out += 16;
  }
}

/** Sum over the lanes up to and including each, nearly reduced: at most 76. */
@inline
function runningSum31(x: v128): v128 {
  x = i8x16.add(x, up1(x));
  x = i8x16.add(x, up2(x));
  x = i8x16.add(x, up4(x));
  x = fold31(x); // eight terms, at most 240, folded to at most 38
  return i8x16.add(x, up8(x));
}

/** 32 = 1 mod 31: bytes to at most 38. */
@inline
function fold31(x: v128): v128 {
  return i8x16.add(v128.and(x, i8x16.splat(31)), v128.and(i16x8.shr_u(x, 5), i8x16.splat(7)));
}

/** d before the rotation from 1 - hit and the (unreduced, at most 152) sum over the digits above. */
@inline
function masked31(miss: v128, above: v128, s: usize, u: usize, isP1: v128): v128 {
  const p = i8x16.splat(31);
  const c = reduce(fold31(i8x16.add(miss, above)), p);
  return add(mul31(v128.load(s), c), refresh(u, isP1, p), p);
}

/** Thirty digits: two vectors, the last two lanes of the second belong to the next row and are dropped on the way. */
export function compareShare31(
  n: u32,
  party: u32,
  orEqual: u32,
  g: usize,
  y: usize,
  beta: usize,
  s: usize,
  u: usize,
  rho: usize,
  out: usize,
  scratch: usize,
): void {
  const p = i8x16.splat(31);
  const one = i8x16.splat(<i8>(1 - party));
  const isP1 = i8x16.splat(-(<i8>party));
  const last = lane(13);
  const pickLast = i8x16.splat(-(<i8>orEqual));
  for (let start: u32 = 0; start < n; start += ROTATE_ROWS) {
    const end = min(start + ROTATE_ROWS, n);
    let row = scratch;
    for (let i = start; i < end; i++) {
      const value = i64x2.splat(load<i64>(y) << 4);
      const bytes0 = bytes64High(value);
      const bytes1 = bytes32(value);
      const upper0 = upperBits(bytes0);
      const lower0 = lowerBits(bytes0);
      const upper1 = upperBits(bytes1);
      const lower1 = lowerBits(bytes1);
      const g10 = v128.load(g);
      const g20 = v128.load(g, 30);
      const g30 = v128.load(g, 60);
      const g11 = v128.load(g, 16);
      const g21 = v128.load(g, 46);
      const g31 = v128.load(g, 76);
      const strict0 = strictOf(g10, g20, g30, upper0, lower0);
      const strict1 = strictOf(g11, g21, g31, upper1, lower1);
      const weak0 = weakOf(g10, g20, g30, upper0, lower0, one);
      const weak1 = weakOf(g11, g21, g31, upper1, lower1, one);
      const flip = mask(beta + i);
      const miss0 = missOf(strict0, weak0, flip, flip, one, p);
      const miss1 = missOf(strict1, weak1, v128.bitselect(pickLast, flip, last), flip, one, p);

      const sum0 = runningSum31(differOf(strict0, weak0, one, p));
      const sum1 = runningSum31(differOf(strict1, weak1, one, p));
      const carry = i8x16.swizzle(sum0, i8x16.splat(15));
      const d0 = masked31(miss0, up1(sum0), s, u, isP1);
      const d1 = masked31(miss1, i8x16.add(up1(sum1), carry), s + 16, u + 16, isP1);

      // The row twice in succession; its junk lanes are overwritten or lie behind the end.
      v128.store(row, d0);
      v128.store(row, d1, 16);
      v128.store(row, d0, 30);
      v128.store(row, d1, 46);
      row += 64;
      g += 90;
      y += 8;
      s += 30;
      u += 30;
    }
    row = scratch;
    for (let i = start; i < end; i++) {
      const from = row + load<u8>(rho + i);
      v128.store(out, v128.load(from));
      v128.store(out, v128.load(from, 16), 16);
      row += 64;
      out += 30;
    }
  }
}

/** Sum over the lanes up to and including each, canonical. */
@inline
function runningSum67(x: v128): v128 {
  const p = i8x16.splat(67);
  x = add(x, up1(x), p);
  x = add(x, up2(x), p);
  x = add(x, up4(x), p);
  return add(x, up8(x), p);
}

/** Sixty-four digits of one bit: four vectors, all of codeLength 64 (g_1 is the bit, g_2 = 0). */
export function compareShare67(
  n: u32,
  party: u32,
  orEqual: u32,
  g: usize,
  y: usize,
  beta: usize,
  s: usize,
  u: usize,
  rho: usize,
  out: usize,
  scratch: usize,
): void {
  const p = i8x16.splat(67);
  const one = i8x16.splat(<i8>(1 - party));
  const isP1 = i8x16.splat(-(<i8>party));
  const last = lane(15);
  const pickLast = i8x16.splat(-(<i8>orEqual));
  for (let start: u32 = 0; start < n; start += ROTATE_ROWS) {
    const end = min(start + ROTATE_ROWS, n);
    let row = scratch;
    for (let i = start; i < end; i++) {
      const value = v128.load64_splat(y);
      const flip = mask(beta + i);
      const lastPick = v128.bitselect(pickLast, flip, last);
      let carry = i64x2.splat(0);
      for (let quarter: u32 = 0; quarter < 4; quarter++) {
        const bit = singleBits(bytesOfQuarter(value, quarter));
        const g1 = v128.load(g);
        const strict = v128.andnot(g1, bit);
        const weak = v128.bitselect(g1, one, bit);
        const pick = quarter == 3 ? lastPick : flip;
        const miss = missOf(strict, weak, pick, flip, one, p);
        const sum = runningSum67(differOf(strict, weak, one, p));
        const c = add(miss, add(up1(sum), carry, p), p);
        const d = add(mul67(v128.load(s), c), refresh(u, isP1, p), p);
        carry = add(carry, i8x16.swizzle(sum, i8x16.splat(15)), p);
        v128.store(row, d);
        v128.store(row, d, 64);
        row += 16;
        g += 16;
        s += 16;
        u += 16;
      }
      row += 64;
      y += 8;
    }
    row = scratch;
    for (let i = start; i < end; i++) {
      const from = row + load<u8>(rho + i);
      v128.store(out, v128.load(from));
      v128.store(out, v128.load(from, 16), 16);
      v128.store(out, v128.load(from, 32), 32);
      v128.store(out, v128.load(from, 48), 48);
      row += 128;
      out += 64;
    }
  }
}
