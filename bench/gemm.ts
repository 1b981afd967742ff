/**
 * Matrix products over Z_{2^64}, from operands in ordinary memory to the result in ordinary memory.
 *
 *   node dist/bench/gemm.js [--out bench/results/gemm.json]
 */
import { webcrypto } from 'node:crypto';
import type { GemmJob } from '../runtime/compute.ts';
import { createWasmCompute } from '../runtime/wasm/wasm.ts';
import { report } from './machine.ts';
import { measure, rounded } from './measure.ts';
import { optionsOf } from './options.ts';

const { values } = optionsOf(import.meta.url, { out: { type: 'string' } });

interface Shape {
  readonly name: string;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly terms: 1 | 2;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

const SHAPES: readonly Shape[] = [
  { name: 'square', m: 512, k: 512, n: 512, terms: 1 },
  { name: 'square, large', m: 1536, k: 1536, n: 1536, terms: 1 },
  { name: 'first dense layer, fused', m: 128, k: 784, n: 128, terms: 2 },
  { name: 'its weight gradient, fused', m: 784, k: 128, n: 128, terms: 2, transposeA: true },
  { name: 'its input gradient, fused', m: 128, k: 128, n: 784, terms: 2, transposeB: true },
  { name: 'last layer, fused', m: 128, k: 256, n: 10, terms: 2 },
  { name: 'one sample', m: 1, k: 784, n: 128, terms: 1 },
  { name: 'convolution, unrolled', m: 73_728, k: 25, n: 20, terms: 2 },
];

function ring(length: number): BigUint64Array {
  const values = new BigUint64Array(length);
  // At most 64 KiB of random bytes at a time; the values do not matter for the time.
  for (let i = 0; i < length; i += 8192) webcrypto.getRandomValues(values.subarray(i, Math.min(i + 8192, length)));
  return values;
}

const rows = [];
for (const workers of [0, 1, 2]) {
  const compute = await createWasmCompute({ workers });
  for (const { name, terms, ...shape } of SHAPES) {
    const { m, k, n } = shape;
    const operands = Array.from({ length: terms }, () => ({ a: ring(m * k), b: ring(k * n) }));
    const job: GemmJob = { ...shape, terms: operands, addend: ring(m * n) };
    const { median, best } = await measure(() => compute.gemm(job));
    const work = m * k * n * terms;
    rows.push({
      product: name,
      shape: `(${m},${terms * k}) x (${terms * k},${n})`,
      workers,
      milliseconds: rounded(median),
      'G multiply-adds/s': rounded(work / median / 1e6),
      best: rounded(work / best / 1e6),
    });
  }
  await compute.close();
}
await report('gemm', rows, values.out);
