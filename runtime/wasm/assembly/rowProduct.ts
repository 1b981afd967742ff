/**
 * A few rows times a matrix over Z_{2^64}: c (m,n) += a (m,k) x b (k,n), all row-major u64. Every element of b is used m times, so for one
 * image it is not worth packing (`gemm.ts`): b is read once, in order, four rows at a time, while a row of c stays in L1.
 */
export function rowProduct(m: usize, k: usize, n: usize, a: usize, b: usize, c: usize): void {
  const row: usize = n << 3;
  const pairs: usize = row & ~15;
  for (let i: usize = 0; i < m; i++) {
    let at = b;
    let p: usize = 0;
    for (; p + 4 <= k; p += 4) {
      const x0 = i64x2.splat(load<i64>(a));
      const x1 = i64x2.splat(load<i64>(a, 8));
      const x2 = i64x2.splat(load<i64>(a, 16));
      const x3 = i64x2.splat(load<i64>(a, 24));
      const b1 = at + row;
      const b2 = b1 + row;
      const b3 = b2 + row;
      let j: usize = 0;
      for (; j < pairs; j += 16) {
        const low = i64x2.add(i64x2.mul(x0, v128.load(at + j)), i64x2.mul(x1, v128.load(b1 + j)));
        const high = i64x2.add(i64x2.mul(x2, v128.load(b2 + j)), i64x2.mul(x3, v128.load(b3 + j)));
        v128.store(c + j, i64x2.add(v128.load(c + j), i64x2.add(low, high)));
      }
      if (j < row) {
        const low = load<u64>(a) * load<u64>(at + j) + load<u64>(a, 8) * load<u64>(b1 + j);
        const high = load<u64>(a, 16) * load<u64>(b2 + j) + load<u64>(a, 24) * load<u64>(b3 + j);
        store<u64>(c + j, load<u64>(c + j) + low + high);
      }
      a += 32;
      at = b3 + row;
    }
    for (; p < k; p++) {
      for (let j: usize = 0; j < row; j += 8) {
        store<u64>(c + j, load<u64>(c + j) + load<u64>(a) * load<u64>(at + j));
      }
      a += 8;
      at += row;
    }
    c += row;
  }
}
