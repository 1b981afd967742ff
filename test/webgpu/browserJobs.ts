/** Products that the page (browserPage.ts) and the test both make, from the same seed. */
import type { ConvJob, ConvMap, GemmJob } from '../../runtime/compute.ts';
import { filterLength, imageLength, outputLength } from '../reference/conv.ts';
import { TestRandom } from '../reference/random.ts';

export interface Jobs {
  readonly gemm: readonly GemmJob[];
  readonly conv: readonly ConvJob[];
}

/** Sizes a whole number of tiles, then sizes that are none, of one row, and a fused product of transposed operands. */
export function makeJobs(): Jobs {
  const random = new TestRandom(21);
  const ring = (length: number): BigUint64Array => random.ring(length);
  const plain = [
    [64, 64, 64],
    [67, 129, 41],
    [1, 300, 5],
  ].map(([m, k, n]): GemmJob => ({ m, k, n, terms: [{ a: ring(m * k), b: ring(k * n) }] }));
  const [m, k, n] = [33, 50, 70];
  const terms = Array.from({ length: 2 }, () => ({ a: ring(m * k), b: ring(k * n) }));
  const fused: GemmJob = { m, k, n, transposeA: true, transposeB: true, terms, addend: ring(m * n) };
  const size = { batch: 3, height: 9, width: 7, channels: 3, kernelHeight: 3, kernelWidth: 2, filters: 5 };
  const shape = { ...size, stride: 2, padding: 1 };
  const [image, filter, output] = [imageLength(shape), filterLength(shape), outputLength(shape)];
  const lengths: Record<ConvMap, readonly [x: number, y: number]> = {
    forward: [image, filter],
    inputGradient: [output, filter],
    weightGradient: [image, output],
  };
  const conv = (Object.entries(lengths) as [ConvMap, readonly [number, number]][]).map(([map, [x, y]]): ConvJob => ({
    map,
    shape,
    terms: [{ x: ring(x), y: ring(y) }],
  }));
  return { gemm: [...plain, fused], conv };
}
