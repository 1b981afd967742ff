/** A stream that says how long each draw took, to a meter: the measuring end of a profile. What it draws passes through untouched. */
import type { Stream } from './stream.ts';

/** Times are milliseconds on the meter's own clock. */
export interface DrawMeter {
  begin(): number;
  ran(kind: 'random', purpose: string, start: number): void;
}

export class MeasuredStream implements Stream {
  readonly #inner: Stream;
  readonly #meter: DrawMeter;
  readonly #purpose: string;

  constructor(inner: Stream, meter: DrawMeter, purpose: string) {
    this.#inner = inner;
    this.#meter = meter;
    this.#purpose = purpose;
  }

  bytes(n: number): Uint8Array {
    const start = this.#meter.begin();
    return this.#drawn(start, this.#inner.bytes(n));
  }

  z64(n: number): BigUint64Array {
    const start = this.#meter.begin();
    return this.#drawn(start, this.#inner.z64(n));
  }

  zp(prime: number, n: number, out?: Uint8Array): Uint8Array {
    const start = this.#meter.begin();
    return this.#drawn(start, this.#inner.zp(prime, n, out));
  }

  zpStar(prime: number, n: number, out?: Uint8Array): Uint8Array {
    const start = this.#meter.begin();
    return this.#drawn(start, this.#inner.zpStar(prime, n, out));
  }

  below(bound: number, n: number): Uint8Array {
    const start = this.#meter.begin();
    return this.#drawn(start, this.#inner.below(bound, n));
  }

  bits(n: number): Uint8Array {
    const start = this.#meter.begin();
    return this.#drawn(start, this.#inner.bits(n));
  }

  #drawn<T>(start: number, values: T): T {
    this.#meter.ran('random', this.#purpose, start);
    return values;
  }
}
