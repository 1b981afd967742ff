/**
 * The multiply kernels' own text, run on the CPU (subgroupRun.ts), against the naive product: nothing between plan and WGSL is left to
 * trust. The split kernels run on a device (planes.test.ts).
 */
import { describe, expect, test } from 'vitest';
import type { GemmJob } from '../../runtime/compute.ts';
import {
  SUBGROUP_VARIANTS,
  multiplyUniform,
  planSubgroup,
  type SubgroupVariant,
} from '../../runtime/webgpu/subgroupPlan.ts';
import { multiplyShader } from '../../runtime/webgpu/subgroupShader.ts';
import * as z64 from '../../src/ring/z64.ts';
import { gemmReference } from '../reference/gemm.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';
import { parseWgsl, type Program } from './subgroupParse.ts';
import { runWgsl } from './subgroupRun.ts';
import { elementsOf, splitTwin } from './subgroupTwin.ts';

function wordsOf({ buffer, byteOffset, byteLength }: BigUint64Array | Uint8Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, byteLength / 4);
}

function execute(
  job: GemmJob,
  variant: SubgroupVariant,
  multiply: Program,
  reverse: boolean,
  busyGroups = 1,
): BigUint64Array {
  const { m, k, n, terms, addend } = job;
  const { subgroupSize } = variant;
  const plan = planSubgroup(job, terms.length, variant, busyGroups);
  const { parts, groups } = plan;
  const [left, right] = elementsOf(job);
  const out = new BigUint64Array(parts * m * n).fill(77n);
  const bindings = {
    shape: Uint32Array.from(multiplyUniform(plan, parts === 1 && addend !== undefined)),
    left_planes: wordsOf(splitTwin(plan.left, m, k, terms.length, left)),
    right_planes: wordsOf(splitTwin(plan.right, n, k, terms.length, right)),
    addend: wordsOf(addend ?? out),
    out: wordsOf(out),
  };
  runWgsl({ program: multiply, bindings, groups, subgroupSize, reverse });
  if (parts === 1) return out;
  const sum = addend?.slice() ?? new BigUint64Array(m * n);
  for (let part = 0; part < parts; part++) z64.accumulate(sum, out.subarray(part * m * n, (part + 1) * m * n));
  return sum;
}

function randomJob(seed: number, m: number, k: number, n: number, flags: Partial<GemmJob>, terms = 1): GemmJob {
  const random = new TestRandom(seed);
  const operands = Array.from({ length: terms }, () => ({ a: random.ring(m * k), b: random.ring(k * n) }));
  return { m, k, n, ...flags, terms: operands };
}

test.each(SUBGROUP_VARIANTS)('$name, text against the naive product', (variant) => {
  const program = parseWgsl(multiplyShader(variant));
  const addend = new TestRandom(3).ring(70 * 9);
  const jobs = [
    randomJob(1, 70, 33, 9, { transposeB: true, addend }, 2),
    randomJob(2, 15, 5, 66, { transposeA: true }),
  ];
  for (const [index, job] of jobs.entries()) {
    const reference = gemmReference(job);
    expectSame(execute(job, variant, program, index % 2 === 0), reference);
    if (index === 1) expectSame(execute(job, variant, program, true), reference);
  }
});

test('a fold, all bits set', () => {
  const variant = { ...SUBGROUP_VARIANTS[0], subgroups: [1, 1], tiles: [1, 1] } as const;
  const k = 8257;
  const ones = (length: number): BigUint64Array => new BigUint64Array(length).fill((1n << 64n) - 1n);
  const job = { m: 2, k, n: 1, terms: [{ a: ones(2 * k), b: ones(k) }] };
  expectSame(execute(job, variant, parseWgsl(multiplyShader(variant)), false), gemmReference(job));
});

test('parts of the inner dimension', () => {
  const variant = { ...SUBGROUP_VARIANTS[1], subgroups: [1, 2], tiles: [1, 1] } as const;
  const job = randomJob(6, 17, 1600, 3, { addend: new TestRandom(7).ring(51) }, 2);
  expectSame(execute(job, variant, parseWgsl(multiplyShader(variant)), false, 6), gemmReference(job));
});

describe('the runner sees', () => {
  const variant = SUBGROUP_VARIANTS.find(({ name }) => name === 'thin-staged-gap') as SubgroupVariant;
  const text = multiplyShader(variant);
  const job = randomJob(5, 20, 70, 20, {});
  const reference = gemmReference(job);
  const right = (changed: string, reverse: boolean): boolean => {
    const out = execute(job, variant, parseWgsl(changed), reverse);
    return out.every((value, i) => value === reference[i]);
  };

  // The two of a step, the one after the steps, and those around the first diagonal.
  test.each([0, 1, 2, 3, 4])('that barrier %i is missing', (index) => {
    const barrier = 'workgroupBarrier();';
    const pieces = text.split(barrier);
    const changed = pieces.slice(0, index + 1).join(barrier) + pieces.slice(index + 1).join(barrier);
    expect(changed.length).toBe(text.length - barrier.length);
    expect(right(changed, false) && right(changed, true)).toBe(false);
  });

  test('that lanes disagree about a barrier', () => {
    const changed = text.replace('workgroupBarrier();', 'if (lane < 64u) { workgroupBarrier(); }');
    expect(() => right(changed, false)).toThrow('lanes');
  });

  test('wrong indices', () => {
    expect(right(text, true)).toBe(true);
    expect(right(text.replace('subgroup % 2u', 'subgroup / 2u'), false)).toBe(false);
    expect(() => right(text.replaceAll('shape.left_tile', '(shape.left_tile + 1u)'), false)).toThrow('access to');
  });
});
