/**
 * Local arithmetic on the CPU: SIMD kernels (assembly/) on the calling thread for small jobs and for the synchronous methods,
 * on a pool of workers for the rest. Results do not depend on the number of workers.
 */
import {
  type CodeCounts,
  codeLength,
  type CompareJob,
  type Compute,
  type ConvertJob,
  type ConvJob,
  type DealJob,
  type DealtShift,
  type DigitCode,
  type GemmJob,
  type OperandDeal,
  type SelectJob,
} from '../compute.ts';
import { compareBlock, compareShareCalls, compareTestCalls, thermometerCalls } from './compare.ts';
import { fresh } from '../../src/ring/pool.ts';
import { checkConv, convResult, convWork, planConv } from './conv.ts';
import { convertShare, truncateLocal, wrap } from './elementwise.ts';
import { checkGemm, gemmWork, planGemm } from './gemm.ts';
import { InlineKernels } from './instance.ts';
import type { KernelCall, Prime } from './kernels.ts';
import { withoutPadding } from './liveTaps.ts';
import { pack, unpack } from './pack.ts';
import type { WorkerPool } from './pool.ts';
import type { Scratch } from '../scratch.ts';
import { sample, sampleNibbles } from './sample.ts';
import { proofAdd, proofCount, proofFold, proofInner, proofProducts, proofSums } from './codeProof.ts';
import { isRowProduct, rowProduct } from './rowProduct.ts';
import { operandDeal, operandLift, operandMask, operandOpen } from './operand.ts';
import { deal, select, selectLarger, truncateDealt, truncateSelect } from './select.ts';

/** Below these sizes a job takes some 50 µs; a message to a worker and back takes 20 µs, more on a busy machine. */
const INLINE_MULTIPLY_ADDS = 200_000;
const INLINE_COMPARISONS = 2_048;
/** A lone worker gains nothing over the calling thread but overlap: a chunk of comparisons (0.3 ms) is not worth the message. */
const INLINE_COMPARISONS_ONE_WORKER = 16_384;

/** Everything on the calling thread, as a page has it. @param module `inline` */
export function createInlineCompute(module: WebAssembly.Module): Compute {
  return new WasmCompute(new InlineKernels(module), undefined);
}

export class WasmCompute implements Compute {
  readonly name = 'wasm';
  readonly #inline: InlineKernels;
  readonly #pool: WorkerPool | undefined;
  #closed: Error | undefined;

  constructor(inline: InlineKernels, pool: WorkerPool | undefined) {
    this.#inline = inline;
    this.#pool = pool;
  }

  get scratch(): Scratch {
    return this.#inline.scratch;
  }

  async gemm(job: GemmJob): Promise<BigUint64Array> {
    checkGemm(job);
    if (this.#closed !== undefined) throw this.#closed;
    if (isRowProduct(job)) return rowProduct(this.#inline, job);
    const small = gemmWork(job) < INLINE_MULTIPLY_ADDS;
    const out = fresh(job.m * job.n);
    const blocks = planGemm(job, out, small ? 0 : this.#workers);
    await Promise.all(
      blocks.map(async (calls) => {
        for (const call of calls) await this.#run(call, small);
      }),
    );
    return out;
  }

  async conv(job: ConvJob): Promise<BigUint64Array> {
    checkConv(job);
    const cropped = withoutPadding(job);
    return cropped === undefined ? this.#conv(job) : cropped.restore(await this.#conv(cropped.job));
  }

  async #conv(job: ConvJob): Promise<BigUint64Array> {
    const small = convWork(job) < INLINE_MULTIPLY_ADDS;
    const workers = small ? 0 : this.#workers;
    const out = convResult(job, workers);
    const calls = planConv(job, out, workers);
    await Promise.all(calls.map((call) => this.#run(call, small)));
    return out;
  }

  keep(): void {
    // Operands are copied into a worker's memory for each product.
  }

  async thermometer(code: DigitCode, x: BigUint64Array, share0: Uint8Array, given?: Uint8Array): Promise<Uint8Array> {
    const out = outOf(x.length * codeLength(code), given);
    const block = compareBlock(x.length, this.#workers);
    return this.#runAll(thermometerCalls(code, x, share0, out, block), x.length, out);
  }

  async compareShare(job: CompareJob, given?: Uint8Array): Promise<Uint8Array> {
    const n = job.y.length;
    const out = outOf(n * job.code.digits, given);
    return this.#runAll(compareShareCalls(job, out, compareBlock(n, this.#workers)), n, out);
  }

  async compareTest(code: DigitCode, d0: Uint8Array, d1: Uint8Array): Promise<Uint8Array> {
    const n = Math.ceil(d0.length / code.digits);
    const out = new Uint8Array(n);
    return this.#runAll(compareTestCalls(code, d0, d1, out, compareBlock(n, this.#workers)), n, out);
  }

  pack(prime: Prime, values: Uint8Array): Uint8Array {
    return pack(this.#inline, prime, values);
  }

  unpack(prime: Prime, packed: Uint8Array, count: number, out?: Uint8Array): Uint8Array {
    return unpack(this.#inline, prime, packed, count, out);
  }

  sample(bound: number, offset: number, source: Uint8Array, out: Uint8Array, at: number): number {
    return sample(this.#inline, bound, offset, source, out, at);
  }

  sampleNibbles(source: Uint8Array, count: number, out: Uint8Array, at: number): void {
    sampleNibbles(this.#inline, source, count, out, at);
  }

  truncateLocal(party: 0 | 1, z: BigUint64Array, bits: number): BigUint64Array {
    return truncateLocal(this.#inline, party, z, bits);
  }

  truncateDealt(party: 0 | 1, c: BigUint64Array, dealt: DealtShift, out?: BigUint64Array): BigUint64Array {
    return truncateDealt(this.#inline, party, c, dealt, out);
  }

  convertShare(job: ConvertJob): BigUint64Array {
    return convertShare(this.#inline, job);
  }

  select(job: SelectJob, x: BigUint64Array, out?: BigUint64Array): BigUint64Array {
    return select(this.#inline, job, x, out);
  }

  selectLarger(
    party: 0 | 1,
    job: SelectJob,
    x: BigUint64Array,
    y: BigUint64Array,
    out?: BigUint64Array,
  ): BigUint64Array {
    return selectLarger(this.#inline, party, job, x, y, out);
  }

  truncateSelect(
    party: 0 | 1,
    job: SelectJob,
    dealt: DealtShift,
    qTop: Uint8Array,
    out?: BigUint64Array,
  ): BigUint64Array {
    return truncateSelect(this.#inline, party, job, dealt, qTop, out);
  }

  deal(job: DealJob): void {
    deal(this.#inline, job);
  }

  operandMask(party: 0 | 1, bits: number, z: BigUint64Array, S: BigUint64Array): Uint8Array {
    return operandMask(this.#inline, party, bits, z, S);
  }

  operandLift(
    bits: number,
    S: BigUint64Array,
    r: Uint8Array,
    parts: readonly [Uint8Array, Uint8Array],
    c: BigUint64Array,
  ): Uint8Array {
    return operandLift(this.#inline, bits, S, r, parts, c);
  }

  operandOpen(bits: number, c: BigUint64Array, parts: readonly [Uint8Array, Uint8Array]): void {
    operandOpen(this.#inline, bits, c, parts);
  }

  operandDeal(job: OperandDeal): void {
    operandDeal(this.#inline, job);
  }

  proofAdd(prime: Prime, a: Uint8Array, b: Uint8Array, out?: Uint8Array): Uint8Array {
    return proofAdd(this.#inline, prime, a, b, out);
  }

  proofProducts(prime: Prime, a: Uint8Array, b: Uint8Array, out?: Uint8Array): Uint8Array {
    return proofProducts(this.#inline, prime, a, b, out);
  }

  proofInner(prime: Prime, a: Uint8Array, b: Uint8Array): Uint8Array {
    return proofInner(this.#inline, prime, a, b);
  }

  proofFold(
    code: DigitCode,
    g: Uint8Array,
    tables: readonly [Uint8Array, Uint8Array],
    f: Uint8Array,
    squares: Uint8Array,
  ): void {
    proofFold(this.#inline, code, g, tables, f, squares);
  }

  proofCount(code: DigitCode, x: BigUint64Array, w: Uint8Array, y: Uint8Array): CodeCounts {
    return proofCount(this.#inline, code, x, w, y);
  }

  proofSums(prime: Prime, terms: number, coefficients: Uint8Array, vectors: Uint8Array): Uint8Array {
    return proofSums(this.#inline, prime, terms, coefficients, vectors);
  }

  wrap(a: BigUint64Array, b: BigUint64Array): Uint8Array {
    return wrap(this.#inline, a, b);
  }

  async close(): Promise<void> {
    this.#closed ??= new Error('wasm: compute is closed');
    await this.#pool?.close(this.#closed);
  }

  get #workers(): number {
    return this.#pool?.size ?? 0;
  }

  async #runAll(calls: KernelCall[], comparisons: number, out: Uint8Array): Promise<Uint8Array> {
    const small = comparisons <= (this.#workers > 1 ? INLINE_COMPARISONS : INLINE_COMPARISONS_ONE_WORKER);
    await Promise.all(calls.map((call) => this.#run(call, small)));
    return out;
  }

  async #run(call: KernelCall, small: boolean): Promise<void> {
    if (this.#closed !== undefined) throw this.#closed;
    if (small || this.#pool === undefined) this.#inline.run(call);
    else await this.#pool.run(call);
  }
}

function outOf(length: number, given: Uint8Array | undefined): Uint8Array {
  if (given === undefined) return new Uint8Array(length);
  if (given.length !== length)
    throw new RangeError(`wasm: the result has ${length} bytes, the array given ${given.length}`);
  return given;
}
