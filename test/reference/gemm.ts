import type { GemmJob } from '../../runtime/compute.ts';

/** Matrix product by the definition, in BigInt. */
export function gemmReference(job: GemmJob): BigUint64Array {
  const { m, k, n, transposeA = false, transposeB = false, terms, addend } = job;
  const out = new BigUint64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = addend === undefined ? 0n : addend[i * n + j];
      for (const { a, b } of terms) {
        for (let p = 0; p < k; p++) {
          sum += a[transposeA ? p * m + i : i * k + p] * b[transposeB ? j * k + p : p * n + j];
        }
      }
      out[i * n + j] = BigInt.asUintN(64, sum);
    }
  }
  return out;
}
