import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Compute, GemmJob } from '../../runtime/compute.ts';
import { planGemm } from '../../runtime/wasm/gemm.ts';
import { REGION_BYTES } from '../../runtime/wasm/kernels.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { gemmReference } from '../reference/gemm.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';

const backends = new Map<number, Compute>();

beforeAll(async () => {
  for (const workers of [0, 1, 2]) backends.set(workers, await createWasmCompute({ workers }));
});

afterAll(async () => {
  for (const compute of backends.values()) await compute.close();
});

interface Shape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly terms: number;
  readonly addend: boolean;
}

function randomJob(shape: Shape, seed: number): GemmJob {
  const { m, k, n, transposeA, transposeB } = shape;
  const random = new TestRandom(seed);
  return {
    m,
    k,
    n,
    transposeA,
    transposeB,
    terms: Array.from({ length: shape.terms }, () => ({ a: random.ring(m * k), b: random.ring(k * n) })),
    ...(shape.addend ? { addend: random.ring(m * n) } : {}),
  };
}

/** A (B v) + addend v, in time (m + n)·k: a large product C is checked by C v = A (B v) + addend v for a random v. */
function applied(job: GemmJob, v: BigUint64Array): BigUint64Array {
  const { m, k, n, transposeA = false, transposeB = false } = job;
  const { addend = new BigUint64Array(m * n) } = job;
  const sums = gemmReference({ m, k: n, n: 1, terms: [{ a: addend, b: v }] });
  for (const { a, b } of job.terms) {
    const bv = gemmReference({ m: k, k: n, n: 1, transposeA: transposeB, terms: [{ a: b, b: v }] });
    const abv = gemmReference({ m, k, n: 1, transposeA, terms: [{ a, b: bv }] });
    abv.forEach((value, i) => (sums[i] += value));
  }
  return sums;
}

const combinations = [false, true].flatMap((transposeA) =>
  [false, true].flatMap((transposeB) =>
    [1, 2].flatMap((terms) => [false, true].map((addend) => ({ transposeA, transposeB, terms, addend }))),
  ),
);

/** What products of blocks do to a vector, by shape and combination. */
const blocksApplied = new Map<string, BigUint64Array>();

describe.each([0, 1, 2])('gemm with %i workers', (workers) => {
  test.each(combinations)('random shapes, %o', async (combination) => {
    const size = fc.integer({ min: 0, max: 19 });
    await fc.assert(
      fc.asyncProperty(size, size, size, fc.integer(), async (m, k, n, seed) => {
        const job = randomJob({ m, k, n, ...combination }, seed);
        expectSame(await backends.get(workers)?.gemm(job), gemmReference(job));
      }),
      { numRuns: 15 },
    );
  });

  // Past the blocks of the kernel (128 rows, 256 inner, 512 columns), none a multiple of the tile; large enough for workers.
  test.each([
    { m: 131, k: 263, n: 7 },
    { m: 5, k: 259, n: 517 },
    { m: 1, k: 784, n: 130 },
    // A few rows and more than one slice of the matrix.
    { m: 1, k: 801, n: 333 },
    { m: 4, k: 410, n: 131 },
    { m: 3, k: 5, n: 32_768 },
    { m: 1, k: 3, n: 32_769 },
    { m: 259, k: 3, n: 515 },
    { m: 302, k: 1025, n: 10 },
  ])('blocks, %o', async (shape) => {
    for (const combination of combinations.filter(({ terms, addend }) => addend === (terms === 2))) {
      const job = randomJob({ ...shape, ...combination }, 7);
      const v = new TestRandom(8).ring(shape.n);
      const key = JSON.stringify({ ...shape, ...combination });
      // The same with any number of workers.
      const expected = blocksApplied.get(key) ?? applied(job, v);
      blocksApplied.set(key, expected);
      const product = (await backends.get(workers)?.gemm(job)) as BigUint64Array;
      const { m, n } = shape;
      expectSame(gemmReference({ m, k: n, n: 1, terms: [{ a: product, b: v }] }), expected);
    }
  });
});

test('results do not depend on the number of workers', async () => {
  const job = randomJob({ m: 140, k: 2200, n: 37, transposeA: true, transposeB: false, terms: 2, addend: true }, 3);
  const [none, one, two] = await Promise.all([0, 1, 2].map(async (workers) => backends.get(workers)?.gemm(job)));
  expectSame(one, none as BigUint64Array);
  expectSame(two, none as BigUint64Array);
});

test('an inner dimension of 0 gives the addend', async () => {
  const addend = new TestRandom(1).ring(6);
  const empty = new BigUint64Array(0);
  const job = { m: 2, k: 0, n: 3, terms: [{ a: empty, b: empty }] };
  expect(await backends.get(0)?.gemm(job)).toEqual(new BigUint64Array(6));
  expect(await backends.get(0)?.gemm({ ...job, addend })).toEqual(addend);
});

test('shapes are checked', async () => {
  const compute = backends.get(0) as Compute;
  const of = (length: number): BigUint64Array => new BigUint64Array(length);
  const terms = [{ a: of(6), b: of(6) }];
  await expect(compute.gemm({ m: 2, k: 3, n: 2, terms: [] })).rejects.toThrow('1 or 2 terms expected, found 0');
  await expect(compute.gemm({ m: 3, k: 3, n: 2, terms })).rejects.toThrow('a[0] has 6 elements, (3,3) expected');
  await expect(compute.gemm({ m: 2, k: 3, n: 3, terms })).rejects.toThrow('b[0] has 6 elements, (3,3) expected');
  await expect(compute.gemm({ m: 2, k: 3, n: 2, terms, addend: of(3) })).rejects.toThrow('(2,2) expected');
  await expect(compute.gemm({ m: -1, k: 3, n: 2, terms })).rejects.toThrow('m must be a size');
});

test('every call fits a region, whatever the shape', () => {
  const dimension = fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 300_000 }));
  fc.assert(
    fc.property(
      dimension,
      dimension,
      dimension,
      fc.boolean(),
      fc.integer({ min: 0, max: 4 }),
      (m, k, n, two, workers) => {
        fc.pre(m * n < 2 ** 26 && m * k < 2 ** 28 && k * n < 2 ** 28);
        const empty = new BigUint64Array(0);
        const term = { a: empty, b: empty };
        const blocks = planGemm({ m, k, n, terms: two ? [term, term] : [term] }, empty, workers);
        for (const call of blocks.flat()) expect(call.bytes).toBeLessThanOrEqual(REGION_BYTES);
      },
    ),
  );
});
