/** A Compute that tells a meter of each call, when it began and when it was over. Results pass through untouched. */
import type { CodeCounts, Compute } from './compute.ts';

/** Arguments of a method. */
type Of<K extends Exclude<keyof Compute, 'name' | 'scratch'>> = Parameters<NonNullable<Compute[K]>>;

/** Times are milliseconds on the meter's own clock. */
export interface Meter {
  begin(): number;
  /** A synchronous call is over. */
  ran(kind: 'kernel', kernel: string, start: number): void;
  /** A call has returned its promise; on this thread part of the work, or all, may be done. Returns what `finished` is to be told. */
  issued(kernel: string, start: number): number;
  /** The promise has settled. `gpuMs`: time on the GPU, 0 when not known; the backend tells it once, to the meter that asks. */
  finished(issued: number, start: number, gpuMs: () => number): void;
}

export class MeasuredCompute implements Compute {
  readonly #inner: Compute;
  readonly #meter: Meter;

  constructor(inner: Compute, meter: Meter) {
    this.#inner = inner;
    this.#meter = meter;
  }

  get name(): Compute['name'] {
    return this.#inner.name;
  }

  get scratch(): Compute['scratch'] {
    return this.#inner.scratch;
  }

  gemm(...of: Of<'gemm'>): Promise<BigUint64Array> {
    const start = this.#meter.begin();
    return this.#settle('gemm', start, this.#inner.gemm(...of));
  }

  conv(...of: Of<'conv'>): Promise<BigUint64Array> {
    const start = this.#meter.begin();
    return this.#settle('conv', start, this.#inner.conv(...of));
  }

  thermometer(...of: Of<'thermometer'>): Promise<Uint8Array> {
    const start = this.#meter.begin();
    return this.#settle('thermometer', start, this.#inner.thermometer(...of));
  }

  compareShare(...of: Of<'compareShare'>): Promise<Uint8Array> {
    const start = this.#meter.begin();
    return this.#settle('compareShare', start, this.#inner.compareShare(...of));
  }

  compareTest(...of: Of<'compareTest'>): Promise<Uint8Array> {
    const start = this.#meter.begin();
    return this.#settle('compareTest', start, this.#inner.compareTest(...of));
  }

  pack(...of: Of<'pack'>): Uint8Array {
    const start = this.#meter.begin();
    return this.#ran('pack', start, this.#inner.pack(...of));
  }

  unpack(...of: Of<'unpack'>): Uint8Array {
    const start = this.#meter.begin();
    return this.#ran('unpack', start, this.#inner.unpack(...of));
  }

  truncateLocal(...of: Of<'truncateLocal'>): BigUint64Array {
    const start = this.#meter.begin();
    return this.#ran('truncate', start, this.#inner.truncateLocal(...of));
  }

  truncateDealt(...of: Of<'truncateDealt'>): BigUint64Array {
    const start = this.#meter.begin();
    return this.#ran('truncate', start, this.#inner.truncateDealt(...of));
  }

  convertShare(...of: Of<'convertShare'>): BigUint64Array {
    const start = this.#meter.begin();
    return this.#ran('convertShare', start, this.#inner.convertShare(...of));
  }

  select(...of: Of<'select'>): BigUint64Array {
    const start = this.#meter.begin();
    return this.#ran('select', start, this.#inner.select(...of));
  }

  selectLarger(...of: Of<'selectLarger'>): BigUint64Array {
    const start = this.#meter.begin();
    return this.#ran('select', start, this.#inner.selectLarger(...of));
  }

  truncateSelect(...of: Of<'truncateSelect'>): BigUint64Array {
    const start = this.#meter.begin();
    return this.#ran('truncate', start, this.#inner.truncateSelect(...of));
  }

  deal(...of: Of<'deal'>): void {
    const start = this.#meter.begin();
    return this.#ran('deal', start, this.#inner.deal(...of));
  }

  operandMask(...of: Of<'operandMask'>): Uint8Array {
    const start = this.#meter.begin();
    return this.#ran('truncate', start, this.#inner.operandMask(...of));
  }

  operandLift(...of: Of<'operandLift'>): Uint8Array {
    const start = this.#meter.begin();
    return this.#ran('truncate', start, this.#inner.operandLift(...of));
  }

  operandOpen(...of: Of<'operandOpen'>): void {
    const start = this.#meter.begin();
    return this.#ran('truncate', start, this.#inner.operandOpen(...of));
  }

  operandDeal(...of: Of<'operandDeal'>): void {
    const start = this.#meter.begin();
    return this.#ran('deal', start, this.#inner.operandDeal(...of));
  }

  proofAdd(...of: Of<'proofAdd'>): Uint8Array {
    const start = this.#meter.begin();
    return this.#ran('prove', start, this.#inner.proofAdd(...of));
  }

  proofProducts(...of: Of<'proofProducts'>): Uint8Array {
    const start = this.#meter.begin();
    return this.#ran('prove', start, this.#inner.proofProducts(...of));
  }

  proofInner(...of: Of<'proofInner'>): Uint8Array {
    const start = this.#meter.begin();
    return this.#ran('prove', start, this.#inner.proofInner(...of));
  }

  proofFold(...of: Of<'proofFold'>): void {
    const start = this.#meter.begin();
    return this.#ran('prove', start, this.#inner.proofFold(...of));
  }

  proofCount(...of: Of<'proofCount'>): CodeCounts {
    const start = this.#meter.begin();
    return this.#ran('prove', start, this.#inner.proofCount(...of));
  }

  proofSums(...of: Of<'proofSums'>): Uint8Array {
    const start = this.#meter.begin();
    return this.#ran('prove', start, this.#inner.proofSums(...of));
  }

  wrap(...of: Of<'wrap'>): Uint8Array {
    const start = this.#meter.begin();
    return this.#ran('wrap', start, this.#inner.wrap(...of));
  }

  keep(values: BigUint64Array): void {
    this.#inner.keep(values);
  }

  /** Samples are part of a draw, which is measured as a whole. */
  sample(...of: Of<'sample'>): number {
    return this.#inner.sample(...of);
  }

  sampleNibbles(...of: Of<'sampleNibbles'>): void {
    this.#inner.sampleNibbles(...of);
  }

  gpuNanoseconds(result: BigUint64Array | Uint8Array): number | undefined {
    return this.#inner.gpuNanoseconds?.(result);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #ran<T>(kernel: string, start: number, result: T): T {
    this.#meter.ran('kernel', kernel, start);
    return result;
  }

  async #settle<T extends BigUint64Array | Uint8Array>(kernel: string, start: number, running: Promise<T>): Promise<T> {
    const issued = this.#meter.issued(kernel, start);
    const result = await running;
    this.#meter.finished(issued, start, () => (this.gpuNanoseconds(result) ?? 0) / 1e6);
    return result;
  }
}
