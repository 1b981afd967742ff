import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Compute, GemmJob } from '../../runtime/compute.ts';
import { FOLD_INNER } from '../../runtime/webgpu/tileProduct.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { gemmReference } from '../reference/gemm.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';
import { LARGE_TILES, SMALL_TILES, openTestCompute, type TestCompute } from './open.ts';

interface Shape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly terms?: number;
  readonly addend?: boolean;
}

function makeJob(shape: Shape, make: (length: number) => BigUint64Array): GemmJob {
  const { m, k, n, terms = 1, addend = false, ...sides } = shape;
  return {
    m,
    k,
    n,
    ...sides,
    terms: Array.from({ length: terms }, () => ({ a: make(m * k), b: make(k * n) })),
    ...(addend ? { addend: make(m * n) } : {}),
  };
}

function randomJob(shape: Shape, seed: number): GemmJob {
  const random = new TestRandom(seed);
  return makeJob(shape, (length) => random.ring(length));
}

const combinations = [false, true].flatMap((transposeA) =>
  [false, true].flatMap((transposeB) =>
    [1, 2].flatMap((terms) => [false, true].map((addend) => ({ transposeA, transposeB, terms, addend }))),
  ),
);

let wasm: Compute;

beforeAll(async () => {
  wasm = await createWasmCompute({ workers: 0 });
});

afterAll(() => wasm.close());

describe.each(SMALL_TILES)('gemm, %s', (choice) => {
  let opened: TestCompute;

  beforeAll(async () => {
    opened = await openTestCompute(choice);
  });

  afterAll(() => opened.compute.close());

  test.each(combinations)('random shapes, %o', async (combination) => {
    const size = fc.integer({ min: 0, max: 19 });
    await fc.assert(
      fc.asyncProperty(size, size, size, fc.integer(), async (m, k, n, seed) => {
        const job = randomJob({ m, k, n, ...combination }, seed);
        expectSame(await opened.compute.gemm(job), gemmReference(job));
      }),
      { numRuns: 8 },
    );
  });

  // One element; a tile and one more or less; several tiles each way, none full.
  test.each([
    { m: 1, k: 1, n: 1 },
    { m: 1, k: 100, n: 1 },
    { m: 32, k: 16, n: 32 },
    { m: 33, k: 17, n: 31 },
    { m: 65, k: 15, n: 67 },
  ])('tiles, %o', async (shape) => {
    for (const combination of combinations.filter(({ terms, addend }) => addend === (terms === 2))) {
      const job = randomJob({ ...shape, ...combination }, 7);
      expectSame(await opened.compute.gemm(job), await wasm.gemm(job));
    }
  });

  test('all ones', async () => {
    const job = makeJob({ m: 5, k: 70, n: 6, terms: 2, addend: true }, (n) =>
      new BigUint64Array(n).fill(2n ** 64n - 1n),
    );
    expectSame(await opened.compute.gemm(job), gemmReference(job));
  });

  // One part below 1024, then two; a last part shorter than the others, and by less than a tile; two tiles.
  test.each([
    { m: 3, k: 1023, n: 2 },
    { m: 3, k: 1024, n: 2 },
    { m: 3, k: 1601, n: 33 },
  ])('an inner dimension in parts, %o', async (shape) => {
    for (const terms of [1, 2]) {
      const job = randomJob({ ...shape, transposeA: true, terms, addend: terms === 2 }, 9);
      expectSame(await opened.compute.gemm(job), await wasm.gemm(job));
    }
  });

  test('jobs at once do not disturb one another', async () => {
    const jobs = Array.from({ length: 6 }, (_, i) => randomJob({ m: 20 + i, k: 30, n: 9, terms: 2, addend: true }, i));
    const products = await Promise.all(jobs.map((job) => opened.compute.gemm(job)));
    for (const [i, job] of jobs.entries()) expectSame(products[i], gemmReference(job));
  });

  test('an inner dimension of 0 gives the addend', async () => {
    const addend = new TestRandom(1).ring(6);
    const empty = new BigUint64Array(0);
    const job = { m: 2, k: 0, n: 3, terms: [{ a: empty, b: empty }] };
    expectSame(await opened.compute.gemm(job), new BigUint64Array(6));
    expectSame(await opened.compute.gemm({ ...job, addend }), addend);
  });

  test('operands may be parts of larger arrays, shared by terms, and stay as they are', async () => {
    const all = new TestRandom(2).ring(60);
    const [a, b] = [all.subarray(3, 23), all.subarray(30, 50)];
    const job = {
      m: 5,
      k: 4,
      n: 5,
      terms: [
        { a, b },
        { a: b, b: a },
      ],
      addend: all.subarray(20, 45),
    };
    const before = all.slice();
    expectSame(await opened.compute.gemm(job), gemmReference(job));
    expectSame(all, before);
  });

  test('shapes are checked', async () => {
    const terms = [{ a: new BigUint64Array(6), b: new BigUint64Array(6) }];
    await expect(opened.compute.gemm({ m: 3, k: 3, n: 2, terms })).rejects.toThrow(
      'a[0] has 6 elements, (3,3) expected',
    );
  });
});

describe.each(LARGE_TILES)('gemm, %s', (choice) => {
  // One for all: SwiftShader takes seconds to compile a kernel.
  let opened: TestCompute;

  beforeAll(async () => {
    opened = await openTestCompute(choice);
  });

  afterAll(() => opened.compute.close());

  // Less than a tile, one tile, and several each way, none full.
  test.each([
    { m: 3, k: 5, n: 7, terms: 2 },
    { m: 64, k: 16, n: 64 },
    { m: 63, k: 17, n: 65, transposeA: true },
    { m: 259, k: 33, n: 70, transposeB: true, terms: 2, addend: true },
    { m: 5, k: 1601, n: 3, transposeA: true, transposeB: true },
  ])('%o', async (shape) => {
    const job = randomJob(shape, 8);
    expectSame(await opened.compute.gemm(job), await wasm.gemm(job));
  });
});

// In one part: cut into parts, the inner dimension would not come near the bound.
describe('gemm, bytes, around the fold', () => {
  let opened: TestCompute;

  beforeAll(async () => {
    opened = await openTestCompute('bytes/small', { busyGroups: 1 });
  });

  afterAll(() => opened.compute.close());

  // All digits 255 fill the diagonals as fast as can be. Of the smaller k with two terms, the first term ends below the bound.
  test.each([
    { k: FOLD_INNER - 1, terms: 1 },
    { k: FOLD_INNER, terms: 1 },
    { k: FOLD_INNER + 1, terms: 1 },
    { k: FOLD_INNER / 2 - 1, terms: 2 },
    { k: FOLD_INNER / 2 + 1, terms: 2 },
    { k: FOLD_INNER + 1, terms: 2 },
  ])('%o', async ({ k, terms }) => {
    const job = makeJob({ m: 2, k, n: 3, terms }, (length) => new BigUint64Array(length).fill(2n ** 64n - 1n));
    // (-1)(-1) = 1, so the product counts the steps.
    expectSame(await opened.compute.gemm(job), new BigUint64Array(6).fill(BigInt(k * terms)));
    const drawn = randomJob({ m: 2, k, n: 3, terms }, k);
    expectSame(await opened.compute.gemm(drawn), await wasm.gemm(drawn));
  });
});
