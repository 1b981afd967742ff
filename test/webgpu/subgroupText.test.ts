/** The kernels' own text, run on the CPU (subgroupRun.ts), against the naive product: nothing between plan and WGSL is left to trust. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { GemmJob } from '../../runtime/compute.ts';
import {
  SUBGROUP_VARIANTS,
  multiplyUniform,
  planSubgroup,
  splitConstants,
  splitGroups,
  splitUniform,
  type SubgroupVariant,
} from '../../runtime/webgpu/subgroupPlan.ts';
import { multiplyShader } from '../../runtime/webgpu/subgroupShader.ts';
import { gemmReference } from '../reference/gemm.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';
import { parseWgsl, type Program } from './subgroupParse.ts';
import { runWgsl } from './subgroupRun.ts';

const SPLIT = parseWgsl(readFileSync(new URL('../../shaders/gemmSubgroupSplit.wgsl', import.meta.url), 'utf8'));

function wordsOf(values: BigUint64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
}

function execute(job: GemmJob, variant: SubgroupVariant, multiply: Program, reverse: boolean): BigUint64Array {
  const { terms, addend, ...shape } = job;
  const { subgroupSize } = variant;
  const plan = planSubgroup({ ...shape, terms: terms.length, addend: addend !== undefined }, variant);
  const out = new BigUint64Array(job.m * job.n).fill(77n);
  if (addend !== undefined) out.set(addend);

  const planes = [plan.left, plan.right].map((operand, side) => {
    const words = new Uint32Array(operand.bytes / 4).fill(0xdeadbeef);
    terms.forEach((term, index) => {
      const source = wordsOf(side === 0 ? term.a : term.b);
      const bindings = { split: splitUniform(operand, index), source, planes: words };
      const constants = splitConstants(operand);
      runWgsl({ program: SPLIT, bindings, constants, groups: splitGroups(operand), subgroupSize, reverse });
    });
    return words;
  });
  for (const pass of plan.passes) {
    const shape = multiplyUniform(plan, pass);
    const bindings = { shape, left_planes: planes[0], right_planes: planes[1], out: wordsOf(out) };
    runWgsl({ program: multiply, bindings, groups: plan.groups, subgroupSize, reverse });
  }
  return out;
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
    randomJob(4, 2, 0, 3, {}),
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
