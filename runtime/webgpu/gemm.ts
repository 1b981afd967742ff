/** Matrix products on the GPU (shaders/gemm….wgsl). */
import type { GemmJob } from '../compute.ts';
import type { Product } from './product.ts';

/** The job, which has passed checkGemm, for the kernels; undefined where there is nothing to compute: no buffer of no bytes can be bound. */
export function gemmProduct(job: GemmJob): Product | undefined {
  const { m, k, n, transposeA = false, transposeB = false, terms, addend } = job;
  if (m === 0 || n === 0 || k === 0) return undefined;
  return {
    m,
    k,
    n,
    kind: 'gemm',
    constants: {},
    innerFirst: { a: !transposeA, b: transposeB },
    terms,
    addend,
    operandLayout: [...(transposeA ? [1, m] : [k, 1]), ...(transposeB ? [1, k] : [n, 1])],
  };
}
