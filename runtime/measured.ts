/** A Compute that says how long each call took, to a meter: the measuring end of a profile. Results pass through untouched. */
import type { CompareJob, Compute, ConvJob, DigitCode, GemmJob } from './compute.ts';

/** Times are milliseconds on the meter's own clock. */
export interface Meter {
  begin(): number;
  /** A synchronous call is over. */
  ran(kind: 'kernel', kernel: string, start: number): void;
  /** A call has returned its promise; on this thread part of the work, or all, may be done. Returns what `finished` is to be told. */
  issued(kernel: string, start: number): number;
  /** The promise has settled. `gpuMs`: time on the GPU, 0 when not known. */
  finished(issued: number, start: number, gpuMs: number): void;
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

  gemm(job: GemmJob): Promise<BigUint64Array> {
    const start = this.#meter.begin();
    return this.#settle('gemm', start, this.#inner.gemm(job));
  }

  conv(job: ConvJob): Promise<BigUint64Array> {
    const start = this.#meter.begin();
    return this.#settle('conv', start, this.#inner.conv(job));
  }

  thermometer(code: DigitCode, x: BigUint64Array, share0: Uint8Array): Promise<Uint8Array> {
    const start = this.#meter.begin();
    return this.#settle('thermometer', start, this.#inner.thermometer(code, x, share0));
  }

  compareShare(job: CompareJob): Promise<Uint8Array> {
    const start = this.#meter.begin();
    return this.#settle('compareShare', start, this.#inner.compareShare(job));
  }

  compareTest(code: DigitCode, d0: Uint8Array, d1: Uint8Array): Promise<Uint8Array> {
    const start = this.#meter.begin();
    return this.#settle('compareTest', start, this.#inner.compareTest(code, d0, d1));
  }

  pack(prime: 17 | 31 | 67, values: Uint8Array): Uint8Array {
    const start = this.#meter.begin();
    const result = this.#inner.pack(prime, values);
    this.#meter.ran('kernel', 'pack', start);
    return result;
  }

  unpack(prime: 17 | 31 | 67, packed: Uint8Array, count: number): Uint8Array {
    const start = this.#meter.begin();
    const result = this.#inner.unpack(prime, packed, count);
    this.#meter.ran('kernel', 'unpack', start);
    return result;
  }

  /** Part of a draw, which is measured as a whole. */
  sample17(source: Uint8Array, out: Uint8Array, at: number): number {
    return this.#inner.sample17(source, out, at);
  }

  truncateLocal(party: 0 | 1, z: BigUint64Array, bits: number): BigUint64Array {
    const start = this.#meter.begin();
    const result = this.#inner.truncateLocal(party, z, bits);
    this.#meter.ran('kernel', 'truncate', start);
    return result;
  }

  truncateDealt(
    party: 0 | 1,
    c: BigUint64Array,
    rShift: BigUint64Array,
    r63: BigUint64Array,
    bits: number,
  ): BigUint64Array {
    const start = this.#meter.begin();
    const result = this.#inner.truncateDealt(party, c, rShift, r63, bits);
    this.#meter.ran('kernel', 'truncate', start);
    return result;
  }

  wrap(a: BigUint64Array, b: BigUint64Array): Uint8Array {
    const start = this.#meter.begin();
    const result = this.#inner.wrap(a, b);
    this.#meter.ran('kernel', 'wrap', start);
    return result;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #settle<T extends BigUint64Array | Uint8Array>(kernel: string, start: number, running: Promise<T>): Promise<T> {
    const issued = this.#meter.issued(kernel, start);
    const result = await running;
    this.#meter.finished(issued, start, (this.#inner.gpuNanoseconds?.(result) ?? 0) / 1e6);
    return result;
  }
}
