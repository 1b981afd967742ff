/** Whether kernels compute right on this machine: every one against a reference, bit for bit, on random operands over odd shapes. */
import { randomFillSync, randomInt } from 'node:crypto';
import {
  convOutput,
  type Compute,
  type ConvJob,
  type ConvMap,
  type ConvShape,
  type GemmJob,
} from '../../runtime/compute.ts';
import { ROLES, lengths } from '../../runtime/wasm/convPlan.ts';
import { messageOf } from './errors.ts';

/** One way to compute products. */
export interface Kernel {
  readonly name: string;
  /** Undefined where it has no room for the product. */
  gemm(job: GemmJob): Promise<BigUint64Array | undefined>;
  conv(job: ConvJob): Promise<BigUint64Array | undefined>;
}

export interface KernelResult {
  readonly kernel: string;
  /** Products that were as the reference has them. */
  readonly products: number;
  /** The first that was not, or why the kernel does not run; null when all is well. */
  readonly failure: string | null;
}

type Job = { readonly kind: 'gemm'; readonly job: GemmJob } | { readonly kind: 'conv'; readonly job: ConvJob };

type GemmShape = Omit<GemmJob, 'terms' | 'addend'> & { readonly terms: 1 | 2 };

/** Values at which carries and signs change. */
const EDGES: readonly bigint[] = [0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];
const MAPS: readonly ConvMap[] = ['forward', 'inputGradient', 'weightGradient'];

/**
 * One element; less than a tile; a tile and a little more of either size; enough rows for large tiles; an inner dimension that is cut.
 * They are all done, whatever the time.
 */
const GEMM_SHAPES: readonly GemmShape[] = [
  { m: 1, k: 1, n: 1, terms: 1 },
  { m: 17, k: 33, n: 9, terms: 2, transposeB: true },
  { m: 33, k: 16, n: 65, terms: 1, transposeA: true },
  { m: 65, k: 70, n: 67, terms: 2 },
  { m: 259, k: 33, n: 70, terms: 1, transposeA: true, transposeB: true },
  { m: 3, k: 1601, n: 33, terms: 2 },
];
const CONV_SHAPES: readonly ConvShape[] = [
  convShape(2, 7, 9, 3, 3, 5, 1, 1),
  convShape(3, 11, 8, 5, 5, 7, 2, 2),
  convShape(1, 6, 6, 20, 3, 33, 1, 0),
];

/**
 * Tests each kernel: on the shapes above, then on random ones until `milliseconds` have passed. A kernel that failed once is left alone.
 */
export async function selfTest(
  kernels: readonly Kernel[],
  reference: Kernel,
  milliseconds: number,
): Promise<KernelResult[]> {
  const end = performance.now() + milliseconds;
  const counts = new Map(kernels.map((kernel) => [kernel, 0]));
  const failures = new Map<Kernel, string>();
  for (const job of jobs()) {
    const left = kernels.filter((kernel) => !failures.has(kernel));
    if (left.length === 0 || (job.random && performance.now() >= end)) break;
    const expected = await compute(reference, job);
    if (expected === undefined) throw new Error(`self-test: ${reference.name} has no room for ${describe(job)}`);
    for (const kernel of left) {
      const outcome = await examine(kernel, job, expected);
      if (outcome === 'right') counts.set(kernel, counts.get(kernel)! + 1);
      else if (outcome !== 'no room') failures.set(kernel, outcome.failure);
    }
  }
  return kernels.map((kernel) => ({
    kernel: kernel.name,
    products: counts.get(kernel)!,
    failure: failures.get(kernel) ?? null,
  }));
}

/** The part of a compute that is tested, under a name. */
export function kernelOf(name: string, compute: Pick<Compute, 'gemm' | 'conv'>): Kernel {
  return { name, gemm: (job) => compute.gemm(job), conv: (job) => compute.conv(job) };
}

async function examine(
  kernel: Kernel,
  job: Job,
  expected: BigUint64Array,
): Promise<'right' | 'no room' | { readonly failure: string }> {
  const failure = (what: string): { failure: string } => ({ failure: `${describe(job)}: ${what}` });
  let actual: BigUint64Array | undefined;
  try {
    actual = await compute(kernel, job);
  } catch (error) {
    return failure(messageOf(error));
  }
  if (actual === undefined) return 'no room';
  if (actual.length !== expected.length) return failure(`${actual.length} elements, expected ${expected.length}`);
  const index = expected.findIndex((value, i) => value !== actual[i]);
  return index === -1 ? 'right' : failure(`element ${index} is ${actual[index]}, expected ${expected[index]}`);
}

function compute(kernel: Kernel, job: Job): Promise<BigUint64Array | undefined> {
  return job.kind === 'gemm' ? kernel.gemm(job.job) : kernel.conv(job.job);
}

/** The listed shapes, then random ones without end. */
function* jobs(): Generator<Job & { readonly random: boolean }> {
  for (const shape of GEMM_SHAPES) yield { kind: 'gemm', job: randomGemm(shape), random: false };
  for (const shape of CONV_SHAPES) {
    for (const map of MAPS) yield { kind: 'conv', job: randomConv(map, shape, 2), random: false };
  }
  for (;;) {
    const terms = randomInt(2) === 0 ? 1 : 2;
    const [m, k, n] = [randomInt(1, 140), randomInt(1, 200), randomInt(1, 140)];
    const transposed = { transposeA: randomInt(2) === 1, transposeB: randomInt(2) === 1 };
    yield { kind: 'gemm', job: randomGemm({ m, k, n, ...transposed, terms }), random: true };
    const [height, width, channels, filters] = [randomInt(5, 14), randomInt(5, 14), randomInt(1, 20), randomInt(1, 20)];
    const shape = convShape(
      randomInt(1, 4),
      height,
      width,
      channels,
      randomInt(1, 6),
      filters,
      randomInt(1, 4),
      randomInt(3),
    );
    yield { kind: 'conv', job: randomConv(MAPS[randomInt(3)], shape, terms), random: true };
  }
}

function randomGemm({ terms, ...shape }: GemmShape): GemmJob {
  const { m, k, n } = shape;
  const operands = Array.from({ length: terms }, () => ({ a: elements(m * k), b: elements(k * n) }));
  return { ...shape, terms: operands, ...(terms === 2 ? { addend: elements(m * n) } : {}) };
}

function randomConv(map: ConvMap, shape: ConvShape, terms: 1 | 2): ConvJob {
  const sizes = lengths(shape);
  const { x, y, out } = ROLES[map];
  const operands = Array.from({ length: terms }, () => ({ x: elements(sizes[x]), y: elements(sizes[y]) }));
  return { map, shape, terms: operands, ...(terms === 2 ? { addend: elements(sizes[out]) } : {}) };
}

/** Uniform elements, one in eight an edge value. */
function elements(length: number): BigUint64Array {
  const values = randomFillSync(new BigUint64Array(length));
  const picks = randomFillSync(new Uint8Array(length));
  for (let i = 0; i < length; i++) if (picks[i] < 32) values[i] = EDGES[picks[i] % EDGES.length];
  return values;
}

/** A square kernel. */
function convShape(
  batch: number,
  height: number,
  width: number,
  channels: number,
  kernel: number,
  filters: number,
  stride: number,
  padding: number,
): ConvShape {
  return { batch, height, width, channels, kernelHeight: kernel, kernelWidth: kernel, filters, stride, padding };
}

function describe({ kind, job }: Job): string {
  if (kind === 'gemm') {
    const { m, k, n, transposeA, transposeB, terms } = job;
    const marks = `${transposeA ? ', A transposed' : ''}${transposeB ? ', B transposed' : ''}`;
    return `(${m},${k}) x (${k},${n}), ${terms.length} terms${marks}`;
  }
  const { batch, height, width, channels, kernelHeight, kernelWidth, filters, stride, padding } = job.shape;
  const [outHeight, outWidth] = convOutput(job.shape);
  const windows = `${kernelHeight}x${kernelWidth}, stride ${stride}, padding ${padding}`;
  return `conv ${job.map} ${batch}x${height}x${width}x${channels} to ${outHeight}x${outWidth}x${filters}, ${windows}, ${job.terms.length} terms`;
}
