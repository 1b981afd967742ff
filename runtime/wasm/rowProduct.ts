/**
 * Products of a few rows and a large matrix (assembly/rowProduct.ts), on the calling thread: an inference of one image. The matrix passes
 * through the cache in slices; to hand it to a worker would take longer than to multiply it.
 */
import type { GemmJob } from '../compute.ts';
import type { InlineKernels } from './instance.ts';

/** Rows that are still few. */
const MOST_ROWS = 4;
/** Of a slice of b: with it in the second-level cache goes what the kernel writes. */
const SLICE_BYTES = 256 * 1024;

/** Whether the product is of this kind. One row is stored the same way when it is transposed. */
export function isRowProduct({ m, k, n, transposeA = false, transposeB = false }: GemmJob): boolean {
  return m > 0 && m <= MOST_ROWS && !transposeB && (!transposeA || m === 1) && k > 0 && n > 0 && 8 * n <= SLICE_BYTES;
}

export function rowProduct(kernels: InlineKernels, job: GemmJob): BigUint64Array {
  const { m, k, n, terms, addend } = job;
  const out = addend === undefined ? new BigUint64Array(m * n) : addend.slice();
  const rows = Math.min(k, Math.floor(SLICE_BYTES / (8 * n)));
  for (const { a, b } of terms) {
    for (let from = 0; from < k; from += rows) {
      const count = Math.min(rows, k - from);
      kernels.begin();
      const atA = kernels.room(8 * m * count);
      for (let i = 0; i < m; i++)
        kernels.wordsAt(atA + 8 * i * count, count).set(a.subarray(i * k + from, i * k + from + count));
      const atB = kernels.words(b.subarray(from * n, (from + count) * n));
      const atC = kernels.words(out);
      kernels.call('rowProduct', m, count, n, atA, atB, atC);
      out.set(kernels.wordsAt(atC, m * n));
    }
  }
  return out;
}
