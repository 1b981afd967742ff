/**
 * What a device's arithmetic could do at most, measured: kernels that multiply and add in registers and touch no memory, for each
 * operation that a tier of product kernels is made of. A product kernel's rate is set against that of its own tier.
 */
import { randomFillSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Gpu } from '../../runtime/webgpu/device.ts';
import { Dispatcher, type Step } from '../../runtime/webgpu/dispatch.ts';
import type { ReadShader } from '../../runtime/webgpu/shaders.ts';
import type { SubgroupVariant } from '../../runtime/webgpu/subgroupPlan.ts';
import { deviceSeconds, type Clock } from './timing.ts';

export interface Ceiling {
  /** `portable`, `bytes`, or `subgroup` with a matrix shape: `subgroup 16x16x32`. */
  readonly tier: string;
  readonly operation: string;
  readonly operationsPerSecond: number;
  readonly clock: Clock;
  /** Operations in one multiply-add over Z_{2^64}, as that tier's kernels do it. */
  readonly operationsPerMultiplyAdd: number;
  readonly multiplyAddsPerSecond: number;
  /** Whether the kernel computed what its twin does: a compiler that dropped work would have shown. */
  readonly correct: boolean;
}

/** Multiplications of u32 in ring_mul (shaders/shared/u64.wgsl): 4 for the upper word of the low product, 1 for the lower, 2 that cross. */
const WORDS_PER_MULTIPLY_ADD = 7;
/** 36 products of bytes, four at once (shaders/shared/byteTile.wgsl). */
const DOTS_PER_MULTIPLY_ADD = 9;
const BYTES_PER_MULTIPLY_ADD = 36;
const THREADS = 256;
const CHAINS = 16;
const STEPS_PER_ROUND = 4;
const SUBGROUPS = 4;
const ACCUMULATORS = 8;
/** The largest rounds · 32 · 255² below 2^32 are 2064: no sum of matrices wraps. */
const MATRIX_ROUNDS = 1024;

/** Workgroups, and rounds of a thread: large for a GPU, small for an adapter that computes on the CPU. */
interface Load {
  readonly groups: number;
  readonly rounds: number;
}

type Shape = SubgroupVariant['shape'];

export async function measureCeilings(gpu: Gpu, seconds: number): Promise<Ceiling[]> {
  const load: Load = gpu.isFallback ? { groups: 8, rounds: 4 } : { groups: 4096, rounds: 256 };
  const dispatcher = new Dispatcher(gpu, ceilingReader(gpu.subgroupVariants));
  const found = [await chains(dispatcher, 'portable', load, seconds)];
  if (gpu.packedDot) found.push(await chains(dispatcher, 'bytes', load, seconds));
  const variants = new Map(gpu.subgroupVariants.map((variant) => [shapeName(variant.shape), variant]));
  for (const variant of variants.values()) found.push(await matrices(dispatcher, variant, seconds));
  return found;
}

/** The ceiling of a kernel, by its name as in choices.ts. */
export function ceilingOf(choice: string, gpu: Gpu, ceilings: readonly Ceiling[]): Ceiling | undefined {
  const [tier, name] = choice.split('/');
  const variant = gpu.subgroupVariants.find((candidate) => candidate.name === name);
  const own = tier === 'subgroup' && variant !== undefined ? `subgroup ${shapeName(variant.shape)}` : tier;
  return ceilings.find((ceiling) => ceiling.tier === own);
}

/** The kernels of this folder; that of a matrix shape has the shape in its name. */
export function ceilingReader(variants: readonly SubgroupVariant[]): ReadShader {
  return async (path) => {
    const variant = variants.find((candidate) => matrixFile(candidate) === path);
    if (variant === undefined) return readFile(new URL(path, import.meta.url), 'utf8');
    const { shape, subgroupSize } = variant;
    const constants = Object.entries({ ...shape, LANES: subgroupSize }).map(
      ([name, value]) => `const ${name} = ${value}u;`,
    );
    const text = await readFile(new URL('ceilingMatrix.wgsl', import.meta.url), 'utf8');
    return ['enable subgroups;', 'enable chromium_experimental_subgroup_matrix;', ...constants, text].join('\n');
  };
}

export function matrixFile({ shape }: SubgroupVariant): string {
  return `ceilingMatrix-${shapeName(shape)}.wgsl`;
}

function shapeName({ M, N, K }: Shape): string {
  return `${M}x${N}x${K}`;
}

async function chains(
  dispatcher: Dispatcher,
  tier: 'portable' | 'bytes',
  load: Load,
  seconds: number,
): Promise<Ceiling> {
  const { groups, rounds } = load;
  const operands = randomFillSync(new BigUint64Array(1));
  const [factor, summand] = new Uint32Array(operands.buffer);
  const step: Step = {
    kernel: { file: tier === 'portable' ? 'ceilingWords.wgsl' : 'ceilingBytes.wgsl', constants: {} },
    uniforms: [[0, [rounds]]],
    operands: [[1, operands]],
    result: [2, groups * THREADS],
    groups: [groups, 1, 1],
  };
  const sums = new Uint32Array((await dispatcher.run(step)).buffer);
  const twin = tier === 'portable' ? wordsTwin : bytesTwin;
  const correct = [0, 1, groups * THREADS - 1].every(
    (id) => sums[2 * id] === chainTwin(id, rounds, factor, summand, twin),
  );
  const operations = groups * THREADS * CHAINS * STEPS_PER_ROUND * rounds;
  return ceiling(
    tier,
    tier === 'portable' ? 'u32 multiply-add' : 'dot4U8Packed and add',
    operations,
    await deviceSeconds(dispatcher, step, seconds),
    tier === 'portable' ? WORDS_PER_MULTIPLY_ADD : DOTS_PER_MULTIPLY_ADD,
    correct,
  );
}

async function matrices(dispatcher: Dispatcher, variant: SubgroupVariant, seconds: number): Promise<Ceiling> {
  const { M, N, K } = variant.shape;
  const groups = 512;
  const left = randomFillSync(new BigUint64Array((ACCUMULATORS * M * K) / 8));
  const right = randomFillSync(new BigUint64Array((K * N) / 8));
  const results = groups * SUBGROUPS * ACCUMULATORS;
  const step: Step = {
    kernel: { file: matrixFile(variant), constants: {} },
    uniforms: [[0, [MATRIX_ROUNDS]]],
    operands: [
      [1, left],
      [2, right],
    ],
    result: [3, (results * M * N) / 2],
    groups: [groups, 1, 1],
  };
  const sums = new Uint32Array((await dispatcher.run(step)).buffer);
  const expected = matrixTwin(new Uint8Array(left.buffer), new Uint8Array(right.buffer), variant.shape, MATRIX_ROUNDS);
  const [first, last] = [sums.subarray(0, expected.length), sums.subarray(sums.length - expected.length)];
  const correct = expected.every((value, i) => value === first[i] && value === last[i]);
  const operations = results * MATRIX_ROUNDS * M * N * K;
  const taken = await deviceSeconds(dispatcher, step, seconds);
  const operation = 'u8 multiply-add in a subgroup matrix';
  return ceiling(`subgroup ${shapeName(variant.shape)}`, operation, operations, taken, BYTES_PER_MULTIPLY_ADD, correct);
}

function ceiling(
  tier: string,
  operation: string,
  operations: number,
  { seconds, clock }: { readonly seconds: number; readonly clock: Clock },
  perMultiplyAdd: number,
  correct: boolean,
): Ceiling {
  const rate = operations / seconds;
  return {
    tier,
    operation,
    operationsPerSecond: Number(rate.toPrecision(4)),
    clock,
    operationsPerMultiplyAdd: perMultiplyAdd,
    multiplyAddsPerSecond: Number((rate / perMultiplyAdd).toPrecision(4)),
    correct,
  };
}

/** A thread's sum of chains that begin at id … id + 15. */
function chainTwin(
  id: number,
  rounds: number,
  factor: number,
  summand: number,
  step: (s: number, factor: number, summand: number) => number,
): number {
  let sum = 0;
  for (let chain = 0; chain < CHAINS; chain++) {
    let s = id + chain;
    for (let i = 0; i < rounds * STEPS_PER_ROUND; i++) s = step(s, factor, summand);
    sum = (sum + s) >>> 0;
  }
  return sum;
}

export function wordsTwin(s: number, factor: number, summand: number): number {
  return (Math.imul(s, factor) + summand) >>> 0;
}

export function bytesTwin(s: number, factor: number, summand: number): number {
  let dot = summand;
  for (let shift = 0; shift < 32; shift += 8) dot += ((s >>> shift) & 0xff) * ((factor >>> shift) & 0xff);
  return dot >>> 0;
}

/** (8,M,N): each of eight left matrices times the right one, as often as there are rounds. */
export function matrixTwin(left: Uint8Array, right: Uint8Array, { M, N, K }: Shape, rounds: number): Uint32Array {
  const out = new Uint32Array(ACCUMULATORS * M * N);
  for (let i = 0; i < out.length; i++) {
    const [row, column] = [Math.floor(i / N), i % N];
    let sum = 0;
    for (let k = 0; k < K; k++) sum += left[row * K + k] * right[column * K + k];
    out[i] = rounds * sum;
  }
  return out;
}
