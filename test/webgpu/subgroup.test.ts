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
    const size = fc.integer({ min: 1, max: 40 });
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

  test('1 x 1', () => {
    for (const addend of [false, true]) {
      const job = randomJob({ m: 1, k: 1, n: 1, addend }, 1);
      expectSame(subgroupTwin(job, variant), gemmReference(job));
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
      for (const [k, parts] of [
        [FOLD_INNER - 1, 1],
        [FOLD_INNER, 1],
        [FOLD_INNER + 1, 2],
      ]) {
        const shape = { m: 2, k, n: 3, addend: true };
        expect(planSubgroup(shape, 1, variant).parts).toBe(parts);
        const job = jobOf(shape, allOnes);
        expectSame(subgroupTwin(job, variant), gemmReference(job));
      }
    },
  );

  test.each(narrow)('counts both terms of a fused product, $name', (variant) => {
    for (const [k, parts] of [
      [FOLD_INNER / 2, 1],
      [FOLD_INNER / 2 + 1, 2],
    ]) {
      const shape = { m: 3, k, n: 1, transposeA: true, terms: 2 };
      expect(planSubgroup(shape, 2, variant).parts).toBe(parts);
      const job = jobOf(shape, allOnes);
      expectSame(subgroupTwin(job, variant), gemmReference(job));
    }
  });

  test('three parts, random values, through workgroup memory', () => {
    const small: SubgroupVariant = { ...variantOf('thin-staged-gap'), subgroups: [1, 2], tiles: [1, 1] };
    const job = randomJob({ m: 1, k: 2 * FOLD_INNER + 1, n: 2, transposeB: true, addend: true }, 9);
    expectSame(subgroupTwin(job, small), gemmReference(job));
  });

  test('parts cover every step, none goes beyond the bound, and a busy device gets more of them', () => {
    const size = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(size, fc.constantFrom(1, 2), fc.constantFrom(...SUBGROUP_VARIANTS), (k, terms, variant) => {
        for (const busyGroups of [1, 256]) {
          const { steps, span, parts, left, groups } = planSubgroup({ m: 1, k, n: 1 }, terms, variant, busyGroups);
          expect(steps).toBe(terms * left.steps);
          expect(left.steps * variant.shape.K).toBeGreaterThanOrEqual(k);
          expect(span * variant.shape.K).toBeLessThanOrEqual(FOLD_INNER);
          expect(parts * span).toBeGreaterThanOrEqual(steps);
          expect((parts - 1) * span).toBeLessThan(steps);
          expect(groups[2]).toBe(parts);
        }
      }),
    );
    const [variant] = SUBGROUP_VARIANTS;
    expect(planSubgroup({ m: 64, k: 8192, n: 32 }, 1, variant, 256).parts).toBe(8);
    expect(planSubgroup({ m: 64, k: 8192, n: 32 }, 1, variant, 2).parts).toBe(2);
    expect(planSubgroup({ m: 4096, k: 4096, n: 4096 }, 2, variant, 256).parts).toBe(1);
  });

  test('parts that keep a device busy give the same product', () => {
    const job = randomJob({ m: 3, k: 2100, n: 2, transposeA: true, terms: 2, addend: true }, 12);
    const small: SubgroupVariant = { ...variantOf('wide-narrow'), subgroups: [1, 1] };
    expect(planSubgroup(job, 2, small, 8).parts).toBe(4);
    expectSame(subgroupTwin(job, small, 8), gemmReference(job));
  });
});

test('the split writes every byte of the planes once', () => {
  for (const variant of SUBGROUP_VARIANTS) {
    const { left, right } = planSubgroup({ m: 5, k: 37, n: 9 }, 2, variant);
    for (const [operand, outer] of [
      [left, 5],
      [right, 9],
    ] as const) {
      expect(operand.items * LIMBS * VECTOR * 2).toBe(operand.bytes);
      // Zeros and padding both clear a byte, so a byte that is not reached stays.
      const planes = splitTwin(operand, outer, 37, 2, () => 0n);
      expect(planes.every((byte) => byte === 0)).toBe(true);
    }
  }
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
