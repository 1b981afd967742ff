import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GemmJob } from '../../runtime/compute.ts';
import {
  FOLD_INNER,
  LIMBS,
  PRODUCTS,
  SUBGROUP_VARIANTS,
  VECTOR,
  planSubgroup,
  splitGroups,
  usableVariants,
  workgroupBytes,
  type SubgroupAdapter,
  type SubgroupVariant,
} from '../../runtime/webgpu/subgroupPlan.ts';
import { gemmReference } from '../reference/gemm.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';
import { splitTwin, subgroupTwin } from './subgroupTwin.ts';

const ONES = (1n << 64n) - 1n;

interface Shape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly terms?: number;
  readonly addend?: boolean;
}

function jobOf(shape: Shape, values: (length: number) => BigUint64Array): GemmJob {
  const { m, k, n, transposeA = false, transposeB = false, terms = 1, addend = false } = shape;
  return {
    m,
    k,
    n,
    transposeA,
    transposeB,
    terms: Array.from({ length: terms }, () => ({ a: values(m * k), b: values(k * n) })),
    ...(addend ? { addend: values(m * n) } : {}),
  };
}

function randomJob(shape: Shape, seed: number): GemmJob {
  const random = new TestRandom(seed);
  return jobOf(shape, (length) => random.ring(length));
}

const allOnes = (length: number): BigUint64Array => new BigUint64Array(length).fill(ONES);

const combinations = [false, true].flatMap((transposeA) =>
  [false, true].flatMap((transposeB) =>
    [1, 2].map((terms) => ({ transposeA, transposeB, terms, addend: terms === 2 })),
  ),
);

function variantOf(name: string): SubgroupVariant {
  const found = SUBGROUP_VARIANTS.find((variant) => variant.name === name);
  if (found === undefined) throw new Error(`no variant ${name}`);
  return found;
}

describe.each(SUBGROUP_VARIANTS)('$name', (variant) => {
  test.each(combinations)('random shapes, %o', (combination) => {
    const size = fc.integer({ min: 0, max: 40 });
    fc.assert(
      fc.property(size, size, size, fc.integer(), (m, k, n, seed) => {
        const job = randomJob({ m, k, n, ...combination }, seed);
        expectSame(subgroupTwin(job, variant), gemmReference(job));
      }),
      { numRuns: 6 },
    );
  });

  // Several blocks each way, tiles and steps cut short by one and begun by one.
  test.each([
    { m: 65, k: 33, n: 65, transposeB: true, terms: 2 },
    { m: 127, k: 31, n: 15, transposeA: true },
    { m: 16, k: 64, n: 130, addend: true },
  ])('blocks, %o', (shape) => {
    const job = randomJob(shape, 5);
    expectSame(subgroupTwin(job, variant), gemmReference(job));
  });

  test('1 x 1, empty, and an inner dimension of 0', () => {
    for (const [m, k, n] of [
      [1, 1, 1],
      [0, 3, 2],
      [2, 3, 0],
      [2, 0, 3],
    ]) {
      for (const addend of [false, true]) {
        const job = randomJob({ m, k, n, addend }, 1);
        expectSame(subgroupTwin(job, variant), gemmReference(job));
      }
    }
  });
});

describe('the fold bound', () => {
  // One subgroup: the tiles beside it would multiply padding for thousands of steps.
  const narrow = ['wide-narrow', 'thin-narrow'].map((name): SubgroupVariant => ({
    ...variantOf(name),
    subgroups: [1, 1],
  }));

  test('is the largest inner dimension that u32 accumulators bear', () => {
    const most = Math.max(...Array.from({ length: LIMBS }, (_, d) => PRODUCTS.filter((p) => p.diagonal === d).length));
    expect(most).toBe(8);
    expect(most * 255 ** 2 * FOLD_INNER).toBeLessThan(2 ** 32);
    expect(most * 255 ** 2 * (FOLD_INNER + 1)).toBeGreaterThan(2 ** 32);
    expect(FOLD_INNER).toBe(8256);
  });

  test.each(['wide-narrow', 'thin-narrow'])(
    'is kept by %s at k = bound − 1, bound, bound + 1, all bits set',
    (name) => {
      const variant = variantOf(name);
      for (const [k, passes] of [
        [FOLD_INNER - 1, 1],
        [FOLD_INNER, 1],
        [FOLD_INNER + 1, 2],
      ]) {
        const shape = { m: 2, k, n: 3, addend: true };
        expect(planSubgroup({ ...shape, terms: 1 }, variant).passes.length).toBe(passes);
        const job = jobOf(shape, allOnes);
        expectSame(subgroupTwin(job, variant), gemmReference(job));
      }
    },
  );

  test.each(narrow)('counts both terms of a fused product, $name', (variant) => {
    for (const [k, passes] of [
      [FOLD_INNER / 2, 1],
      [FOLD_INNER / 2 + 1, 2],
    ]) {
      const shape = { m: 3, k, n: 1, transposeA: true, terms: 2 };
      expect(planSubgroup({ ...shape, addend: false }, variant).passes.length).toBe(passes);
      const job = jobOf(shape, allOnes);
      expectSame(subgroupTwin(job, variant), gemmReference(job));
    }
  });

  test('three passes, random values, through workgroup memory', () => {
    const small: SubgroupVariant = { ...variantOf('thin-staged-gap'), subgroups: [1, 2], tiles: [1, 1] };
    const job = randomJob({ m: 1, k: 2 * FOLD_INNER + 1, n: 2, transposeB: true, addend: true }, 9);
    expectSame(subgroupTwin(job, small), gemmReference(job));
  });

  test('passes cover every step once, none beyond the bound', () => {
    const size = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(size, fc.constantFrom(1, 2), fc.constantFrom(...SUBGROUP_VARIANTS), (k, terms, variant) => {
        const { passes, left } = planSubgroup({ m: 1, k, n: 1, terms, addend: false }, variant);
        let at = 0;
        for (const { begin, end, accumulate } of passes) {
          expect(begin).toBe(at);
          expect((end - begin) * variant.shape.K).toBeLessThanOrEqual(FOLD_INNER);
          expect(accumulate).toBe(begin > 0);
          at = end;
        }
        expect(at).toBe(terms * left.steps);
        expect(left.steps * variant.shape.K).toBeGreaterThanOrEqual(k);
      }),
    );
  });
});

test('the split writes every byte of the planes once', () => {
  for (const variant of SUBGROUP_VARIANTS) {
    const { left, right } = planSubgroup({ m: 5, k: 37, n: 9, terms: 2, addend: false }, variant);
    for (const operand of [left, right]) {
      expect(operand.items * LIMBS * VECTOR * 2).toBe(operand.bytes);
      const planes = new Uint8Array(operand.bytes).fill(0xff);
      // Zeros and padding both clear a byte, so a byte that is not reached stays.
      for (const term of [0, 1]) splitTwin(operand, new BigUint64Array(operand.outer * operand.inner), planes, term);
      expect(planes.every((byte) => byte === 0)).toBe(true);
    }
  }
});

test('a dispatch stays within 65,535 workgroups a side', () => {
  const variant = variantOf('wide-narrow');
  const { left } = planSubgroup({ m: 300_000, k: 4096, n: 1, terms: 1, addend: false }, variant);
  const [across, down] = splitGroups(left);
  expect(Math.max(across, down)).toBeLessThanOrEqual(65_535);
  expect(across * down * 128).toBeGreaterThanOrEqual(left.items);
  const tall = { m: 64 * 65_536, k: 1, n: 1, terms: 1, addend: false };
  expect(() => planSubgroup(tall, variant)).toThrow('has 65536 x 1 blocks, at most 65535 a side expected');
});

describe('usableVariants', () => {
  const config = { componentType: 'u8', resultComponentType: 'u32', M: 16, N: 16, K: 32 };
  const adapter: SubgroupAdapter = {
    subgroupMinSize: 32,
    subgroupMaxSize: 32,
    subgroupMatrixConfigs: [config, { ...config, componentType: 'i8', resultComponentType: 'i32', N: 8 }],
    maxComputeWorkgroupStorageSize: 49_152,
    maxComputeInvocationsPerWorkgroup: 1024,
  };
  const names = (of: Partial<SubgroupAdapter>): string[] =>
    usableVariants({ ...adapter, ...of }).map(({ name }) => name);

  test('asks for the matrix shape', () => {
    expect(names({})).toEqual(['wide-direct', 'wide-staged', 'wide-staged-gap', 'wide-narrow']);
    expect(names({ subgroupMatrixConfigs: [config, { ...config, N: 8 }] }).length).toBe(SUBGROUP_VARIANTS.length);
    expect(names({ subgroupMatrixConfigs: [] })).toEqual([]);
    expect(names({ subgroupMatrixConfigs: [{ ...config, resultComponentType: 'i32' }] })).toEqual([]);
  });

  test('asks for the subgroup size and the limits', () => {
    expect(names({ subgroupMinSize: 16 })).toEqual([]);
    expect(names({ subgroupMaxSize: 64 })).toEqual([]);
    expect(names({ maxComputeWorkgroupStorageSize: 16_384 })).toEqual(['wide-direct', 'wide-narrow']);
    expect(names({ maxComputeInvocationsPerWorkgroup: 128 })).not.toContain('wide-staged');
  });

  test('every variant fits the 48 KiB that NVIDIA offers', () => {
    for (const variant of SUBGROUP_VARIANTS) expect(workgroupBytes(variant)).toBeLessThanOrEqual(49_152);
  });
});
