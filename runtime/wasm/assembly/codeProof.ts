/**
 * What proves dealt codes (PROTOCOLS §10): vectors over extensions of Z_p, STRIDE = 16 bytes an element, so that one element is one register.
 * X^degree = root. Coordinates from `degree` on are zero in all operands, and in results.
 */
import { add as addLanes, reduce, up1 } from './field';




/** Eight lanes of 16 bits modulo p, below 2p: m = floor(2^16 / p), p < 128. */
@inline
function remainder(x: v128, p: v128, m: v128): v128 {
  const low = i32x4.shr_u(i32x4.extmul_low_i16x8_u(x, m), 16);
  const high = i32x4.shr_u(i32x4.extmul_high_i16x8_u(x, m), 16);
  return i16x8.sub(x, i16x8.mul(i16x8.narrow_i32x4_u(low, high), p));
}

/** Sixteen lanes of 16 bits modulo p, as bytes. */
@inline
function canonical(low: v128, high: v128, prime: u32): v128 {
  const p = i16x8.splat(<i16>prime);
  const m = i16x8.splat(<i16>(65536 / prime));
  return reduce(i8x16.narrow_i16x8_u(remainder(low, p, m), remainder(high, p, m)), i8x16.splat(<i8>prime));
}

/** All ones in the lanes below degree. */
@inline
function inside(degree: u32): v128 {
  return i8x16.lt_u(
    i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    i8x16.splat(<i8>degree),
  );
}

/** root · x modulo p. */
@inline
function timesRoot(x: v128, root: u32, prime: u32): v128 {
  const by = i8x16.splat(<i8>root);
  return canonical(i16x8.extmul_low_i8x16_u(x, by), i16x8.extmul_high_i8x16_u(x, by), prime);
}

/** out = a + b, `bytes` bytes, a multiple of 16. */
export function proofAdd(bytes: u32, prime: u32, a: usize, b: usize, out: usize): void {
  const p = i8x16.splat(<i8>prime);
  for (let at: u32 = 0; at < bytes; at += 16) v128.store(out + at, addLanes(v128.load(a + at), v128.load(b + at), p));
}

/** out_i = a_i · b_i. Sums of degree products below p² fit 16 bits: 16·16², 15·30², 11·66². */
export function proofProducts(
  n: u32,
  prime: u32,
  degree: u32,
  root: u32,
  a: usize,
  b: usize,
  out: usize,
  scratch: usize,
): void {
  if (degree == 16) return products16(n, prime, root, a, b, out);
  const keep = inside(degree);
  for (let i: u32 = 0; i < n; i++) {
    // root·b, then b: sixteen bytes from degree − k on are X^k·b
    const second = v128.load(b);
    v128.store(scratch, timesRoot(second, root, prime));
    v128.store(scratch + degree, second);
    let low = i64x2.splat(0);
    let high = i64x2.splat(0);
    for (let k: u32 = 0; k < degree; k++) {
      const first = v128.load8_splat(a + k);
      const turned = v128.load(scratch + degree - k);
      low = i16x8.add(low, i16x8.extmul_low_i8x16_u(first, turned));
      high = i16x8.add(high, i16x8.extmul_high_i8x16_u(first, turned));
    }
    v128.store(out, v128.and(canonical(low, high, prime), keep));
    a += 16;
    b += 16;
    out += 16;
  }
}

function products16(n: u32, prime: u32, root: u32, a: usize, b: usize, out: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    let turned = v128.load(b);
    let next = timesRoot(turned, root, prime);
    let low = i64x2.splat(0);
    let high = i64x2.splat(0);
    for (let k: u32 = 0; k < 16; k += 2) {
      let first = v128.load8_splat(a + k);
      low = i16x8.add(low, i16x8.extmul_low_i8x16_u(first, turned));
      high = i16x8.add(high, i16x8.extmul_high_i8x16_u(first, turned));
      turned = i8x16.shuffle(next, turned, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
      next = up1(next);
      first = v128.load8_splat(a + k, 1);
      low = i16x8.add(low, i16x8.extmul_low_i8x16_u(first, turned));
      high = i16x8.add(high, i16x8.extmul_high_i8x16_u(first, turned));
      turned = i8x16.shuffle(next, turned, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
      next = up1(next);
    }
    v128.store(out, canonical(low, high, prime));
    a += 16;
    b += 16;
    out += 16;
  }
}

/**
 * Σ_i a_i[k]·b_i for k < degree, one vector each, room for 16: of them the caller makes Σ a_i·b_i. Adds to what is in `out`. Blocks of so many
 * products as 16 bits hold.
 */
export function proofInner(n: u32, prime: u32, degree: u32, a: usize, b: usize, out: usize): void {
  const p = i8x16.splat(<i8>prime);
  const most = 65535 / ((prime - 1) * (prime - 1));
  for (let start: u32 = 0; start < n; start += most) {
    const end = min(start + most, n);
    // Four at a time; beyond the degree a is zero, and so are they
    for (let k: u32 = 0; k < degree; k += 4) {
      let low0 = i64x2.splat(0);
      let high0 = i64x2.splat(0);
      let low1 = i64x2.splat(0);
      let high1 = i64x2.splat(0);
      let low2 = i64x2.splat(0);
      let high2 = i64x2.splat(0);
      let low3 = i64x2.splat(0);
      let high3 = i64x2.splat(0);
      let first = a + (start << 4) + k;
      let second = b + (start << 4);
      const stop = b + (end << 4);
      while (second < stop) {
        const value = v128.load(second);
        const low = i16x8.extend_low_i8x16_u(value);
        const high = i16x8.extend_high_i8x16_u(value);
        const x0 = i16x8.extend_low_i8x16_u(v128.load8_splat(first));
        const x1 = i16x8.extend_low_i8x16_u(v128.load8_splat(first, 1));
        const x2 = i16x8.extend_low_i8x16_u(v128.load8_splat(first, 2));
        const x3 = i16x8.extend_low_i8x16_u(v128.load8_splat(first, 3));
        low0 = i16x8.add(low0, i16x8.mul(x0, low));
        high0 = i16x8.add(high0, i16x8.mul(x0, high));
        low1 = i16x8.add(low1, i16x8.mul(x1, low));
        high1 = i16x8.add(high1, i16x8.mul(x1, high));
        low2 = i16x8.add(low2, i16x8.mul(x2, low));
        high2 = i16x8.add(high2, i16x8.mul(x2, high));
        low3 = i16x8.add(low3, i16x8.mul(x3, low));
        high3 = i16x8.add(high3, i16x8.mul(x3, high));
        first += 16;
        second += 16;
      }
      const at = out + (k << 4);
      v128.store(at, addLanes(v128.load(at), canonical(low0, high0, prime), p));
      v128.store(at, addLanes(v128.load(at, 16), canonical(low1, high1, prime), p), 16);
      v128.store(at, addLanes(v128.load(at, 32), canonical(low2, high2, prime), p), 32);
      v128.store(at, addLanes(v128.load(at, 48), canonical(low3, high3, prime), p), 48);
    }
  }
}

/**
 * f_i += Σ_j first[g_j][j], squares_i = Σ_j second[g_j][j] over the bytes j < length of the code of comparison i; tables of length elements for
 * each value. f and squares: n elements.
 */
export function proofFold(
  n: u32,
  prime: u32,
  length: u32,
  g: usize,
  first: usize,
  second: usize,
  f: usize,
  squares: usize,
): void {
  const most = 255 / (prime - 1);
  const row = length << 4;
  for (let i: u32 = 0; i < n; i++) {
    const before = v128.load(f);
    let low0 = i16x8.extend_low_i8x16_u(before);
    let high0 = i16x8.extend_high_i8x16_u(before);
    let low1 = i64x2.splat(0);
    let high1 = i64x2.splat(0);
    let table0 = first;
    let table1 = second;
    for (let start: u32 = 0; start < length; start += most) {
      const stop = g + min(most, length - start);
      let sum0 = i64x2.splat(0);
      let sum1 = i64x2.splat(0);
      while (g < stop) {
        const entry = <usize>load<u8>(g) * row;
        sum0 = i8x16.add(sum0, v128.load(table0 + entry));
        sum1 = i8x16.add(sum1, v128.load(table1 + entry));
        table0 += 16;
        table1 += 16;
        g++;
      }
      low0 = i16x8.add(low0, i16x8.extend_low_i8x16_u(sum0));
      high0 = i16x8.add(high0, i16x8.extend_high_i8x16_u(sum0));
      low1 = i16x8.add(low1, i16x8.extend_low_i8x16_u(sum1));
      high1 = i16x8.add(high1, i16x8.extend_high_i8x16_u(sum1));
    }
    v128.store(f, canonical(low0, high0, prime));
    v128.store(squares, canonical(low1, high1, prime));
    f += 16;
    squares += 16;
  }
}

/**
 * P2 counts: x in nibbles, top one first, the highest at bit 4·(nibbles − 1). pairs[a<b][s·16 + t] += Σ w_i [nibble a is s][nibble b is t], 256
 * elements a pair, and values[a][s] += Σ y_i [nibble a is s], 16 elements a nibble.
 */
export function proofCount(
  n: u32,
  prime: u32,
  nibbles: u32,
  x: usize,
  w: usize,
  y: usize,
  pairs: usize,
  values: usize,
): void {
  const p = i8x16.splat(<i8>prime);
  for (let a: u32 = 0; a < nibbles; a++) {
    const shiftA = <u64>(4 * (nibbles - 1 - a));
    for (let i: u32 = 0; i < n; i++) {
      const at = values + ((<usize>(load<u64>(x + (i << 3)) >> shiftA) & 15) << 4);
      v128.store(at, addLanes(v128.load(at), v128.load(y + (i << 4)), p));
    }
    values += 256;
    for (let b = a + 1; b < nibbles; b++) {
      const shiftB = <u64>(4 * (nibbles - 1 - b));
      let from = x;
      let weight = w;
      const stop = x + (n << 3);
      while (from < stop) {
        const value = load<u64>(from);
        const s = <usize>(value >> shiftA) & 15;
        const t = <usize>(value >> shiftB) & 15;
        const at = pairs + (s << 8) + (t << 4);
        v128.store(at, addLanes(v128.load(at), v128.load(weight), p));
        from += 8;
        weight += 16;
      }
      pairs += 4096;
    }
  }
}

/**
 * A pair of nibbles' counts, spread over a pair of their digits: out[classes[u·B + v]] += pairs[s·16 + t] where the first digit, (s >> shiftA) & (B − 1),
 * is u and the second, (t >> shiftB) & (B − 1), is v. classes: B² bytes; 255: none.
 */
export function proofSpread(
  prime: u32,
  bits: u32,
  shiftA: u32,
  shiftB: u32,
  classes: usize,
  pairs: usize,
  out: usize,
): void {
  const p = i8x16.splat(<i8>prime);
  const digit = (1 << bits) - 1;
  for (let s: u32 = 0; s < 16; s++) {
    const u = ((s >> shiftA) & digit) << bits;
    for (let t: u32 = 0; t < 16; t++) {
      const found = <u32>load<u8>(classes + u + ((t >> shiftB) & digit));
      if (found != 255) {
        const at = out + (found << 4);
        v128.store(at, addLanes(v128.load(at), v128.load(pairs), p));
      }
      pairs += 16;
    }
  }
}

/** out[row][c] = Σ_term coefficients[row][term]·vectors[term][c], width elements c. */
export function proofSums(
  prime: u32,
  rows: u32,
  terms: u32,
  width: u32,
  coefficients: usize,
  vectors: usize,
  out: usize,
): void {
  const most = 65535 / ((prime - 1) * (prime - 1));
  const p = i8x16.splat(<i8>prime);
  for (let row: u32 = 0; row < rows; row++) {
    for (let c: u32 = 0; c < width; c++) {
      let sum = i64x2.splat(0);
      for (let start: u32 = 0; start < terms; start += most) {
        const end = min(start + most, terms);
        let low = i64x2.splat(0);
        let high = i64x2.splat(0);
        for (let term = start; term < end; term++) {
          const by = v128.load8_splat(coefficients + term);
          const value = v128.load(vectors + ((term * width + c) << 4));
          low = i16x8.add(low, i16x8.extmul_low_i8x16_u(by, value));
          high = i16x8.add(high, i16x8.extmul_high_i8x16_u(by, value));
        }
        sum = addLanes(sum, canonical(low, high, prime), p);
      }
      v128.store(out, sum);
      out += 16;
    }
    coefficients += terms;
  }
}
