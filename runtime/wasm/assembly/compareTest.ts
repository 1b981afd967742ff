/**
 * P2's part of PrivateCompare (PROTOCOLS §1): out_i = [some digit has d0 + d1 = 0 mod p]. Canonical values sum to 0 mod p
 * exactly when the sum is 0 or p. d0, d1: n · (16 | 30 | 64) bytes; out: n bytes 0/1.
 */

@inline
function zeros(d0: usize, d1: usize, p: v128): v128 {
  const sum = i8x16.add(v128.load(d0), v128.load(d1));
  return v128.or(i8x16.eq(sum, i64x2.splat(0)), i8x16.eq(sum, p));
}

export function compareTest17(n: u32, d0: usize, d1: usize, out: usize): void {
  const p = i8x16.splat(17);
  for (let i: u32 = 0; i < n; i++) {
    store<u8>(out + i, v128.any_true(zeros(d0, d1, p)));
    d0 += 16;
    d1 += 16;
  }
}

/** The last two lanes belong to the next row. */
export function compareTest31(n: u32, d0: usize, d1: usize, out: usize): void {
  const p = i8x16.splat(31);
  const inside = i8x16(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0);
  for (let i: u32 = 0; i < n; i++) {
    const found = v128.or(zeros(d0, d1, p), v128.and(zeros(d0 + 16, d1 + 16, p), inside));
    store<u8>(out + i, v128.any_true(found));
    d0 += 30;
    d1 += 30;
  }
}

export function compareTest67(n: u32, d0: usize, d1: usize, out: usize): void {
  const p = i8x16.splat(67);
  for (let i: u32 = 0; i < n; i++) {
    const left = v128.or(zeros(d0, d1, p), zeros(d0 + 16, d1 + 16, p));
    const right = v128.or(zeros(d0 + 32, d1 + 32, p), zeros(d0 + 48, d1 + 48, p));
    store<u8>(out + i, v128.any_true(v128.or(left, right)));
    d0 += 64;
    d1 += 64;
  }
}
