/** Matrix products on the GPU (shaders/gemmPortable.wgsl, gemmBytes.wgsl). */
import type { GemmJob } from '../compute.ts';
import type { Dispatcher } from './dispatch.ts';
import { runProduct, type ProductOptions, type Tier } from './product.ts';

const FILES: Readonly<Record<Tier, string>> = { portable: 'gemmPortable.wgsl', bytes: 'gemmBytes.wgsl' };

/** Elements of the operands and the result. */
export function gemmLengths({ m, k, n }: GemmJob): number[] {
  return [m * k, k * n, m * n];
}

/** (m,n); the job has passed checkGemm. */
export async function gpuGemm(dispatcher: Dispatcher, options: ProductOptions, job: GemmJob): Promise<BigUint64Array> {
  const { m, k, n, transposeA = false, transposeB = false, terms, addend } = job;
  // A buffer of no bytes cannot be bound, and there is nothing to compute.
  if (m === 0 || n === 0 || k === 0) return addend?.slice() ?? new BigUint64Array(m * n);
  return runProduct(dispatcher, options, {
    m,
    k,
    n,
    file: FILES[options.tier],
    constants: {},
    innerFirst: { a: !transposeA, b: transposeB },
    terms,
    addend,
    operandLayout: [...(transposeA ? [1, m] : [k, 1]), ...(transposeB ? [1, k] : [n, 1])],
  });
}
