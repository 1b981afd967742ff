/**
 * The ideal twin: the same engine on clear ring values, in one process and without shares. Bit-faithful to the secure engine up to
 * the ±1 ulp of each truncation, whose randomness it draws from a seed: the reference for correctness and for accuracy.
 */
import type { Compute, DealtShift } from '../../runtime/compute.ts';
import { insecurePairKey } from '../random/insecure.ts';
import { PairStreams } from '../random/streams.ts';
import { type Shape, sizeOf } from '../ring/shape.ts';
import { fieldsLength, fieldWidth } from '../ring/fields.ts';
import * as z64 from '../ring/z64.ts';
import type { BilinearMap } from '../protocols/paper/bilinear.ts';
import type { BatchPart, Begin, Engine, Level, Sign, Value } from './engine.ts';
import { type Bias, dataOf, type Linear, LinearEngine, type RingValue } from './linear.ts';
import { overlapping } from './overlapping.ts';
import type { Ranges } from './ranges.ts';
import type { Pair } from '../protocols/direct/productShape.ts';
import { checkTruncationBits } from '../protocols/paper/truncation.ts';

export interface PlainOptions {
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  readonly fractionBits: number;
  readonly compute: Compute;
  /** Of the rounding. */
  readonly seed: number;
  /** Notes the largest values that are compared and truncated. */
  readonly ranges?: Ranges;
  /** Receives the clear value of every result. */
  readonly reveal: (name: string, value: BigUint64Array) => Promise<void>;
}

type PlainValue = RingValue & { readonly data: BigUint64Array };

interface PlainSign extends Sign {
  readonly bits: Uint8Array;
}

export class PlainEngine extends LinearEngine<PlainValue> implements Engine {
  protected readonly addsPublic = true;
  readonly #options: PlainOptions;
  readonly #streams: PairStreams;
  readonly #path: string;
  /** Of a batch that is computed part by part: a sample is rounded by the same random values as in the whole batch. */
  readonly #samples: BatchPart | undefined;
  #operations = 0;

  constructor(options: PlainOptions, streams: PairStreams, path: string, samples?: BatchPart) {
    super(options.fractionBits);
    this.#options = options;
    this.#streams = streams;
    this.#path = path;
    this.#samples = samples;
  }

  get suite(): 'direct' | 'paper' {
    return this.#options.suite;
  }

  get truncation(): 'dealt' | 'local' {
    return this.#options.truncation;
  }

  input(shape: Shape, fractionBits: number, data: BigUint64Array): Value {
    if (data.length !== sizeOf(shape))
      throw new RangeError(`input [${shape.join(',')}]: found ${data.length} elements`);
    return this.make(shape, fractionBits, data);
  }

  async all<T extends readonly unknown[]>(tasks: {
    readonly [K in keyof T]: (engine: Engine) => Promise<T[K]>;
  }): Promise<T> {
    const results = await Promise.all(tasks.map((task) => task(this.#fork(`${this.#operations++}`))));
    return results as unknown as T;
  }

  overlapping<T>(body: (begin: Begin) => Promise<T>): Promise<T> {
    return overlapping(body, (task) => task(this.#fork(`${this.#operations++}`)));
  }

  scope<T>(label: string, task: (engine: Engine) => Promise<T>): Promise<T> {
    return task(this.#fork(label));
  }

  part<T>(samples: BatchPart, task: (engine: Engine) => Promise<T>): Promise<T> {
    return task(this.#beside(samples));
  }

  together<T>(task: (engine: Engine) => Promise<T>): Promise<T> {
    return task(this.#beside(undefined));
  }

  under<T>(place: Engine, label: string, task: (engine: Engine) => Promise<T>): Promise<T> {
    return task((place as PlainEngine).#beside(undefined).#fork(label));
  }

  follow(): void {
    // Nothing is sent.
  }

  rows(dataset: Value, indices: readonly number[]): Value {
    const [count, ...rest] = dataset.shape;
    const width = sizeOf(rest);
    const data = dataOf<PlainValue>(dataset);
    const out = new BigUint64Array(indices.length * width);
    indices.forEach((row, k) => {
      if (!Number.isInteger(row) || row < 0 || row >= count)
        throw new RangeError(`row ${row} of a data set with ${count}`);
      out.set(data.subarray(row * width, (row + 1) * width), k * width);
    });
    return this.make([indices.length, ...rest], dataset.fractionBits, out);
  }

  truncate(x: Value, bits: number): Promise<Value> {
    return this.#truncateRows(x, bits, 1);
  }

  /** @param rows how often the samples follow one another */
  #truncateRows(x: Value, bits: number, rows: number): Promise<Value> {
    checkTruncationBits(bits);
    const { compute, ranges } = this.#options;
    const z = dataOf<PlainValue>(x);
    ranges?.truncate(this.#path, z);
    const R = this.#rounding(z.length, rows);
    const y =
      this.truncation === 'dealt'
        ? compute.truncateDealt(0, z64.add(z64.addConstant(z, 1n << 62n), R), dealtWhole(compute, R, bits))
        : z64.add(compute.truncateLocal(0, R, bits), compute.truncateLocal(1, z64.sub(z, R), bits));
    return Promise.resolve(this.make(x.shape, x.fractionBits - bits, y));
  }

  operand(x: Value): Promise<Value> {
    return Promise.resolve(x);
  }

  truncateOperand(x: Value, bits: number): Promise<Value> {
    return this.truncate(x, bits);
  }

  truncateProducts(x: Value, bits: number, pairs: readonly Pair[]): Promise<{ y: Value; products: Value }> {
    return this.truncateThenMultiply(x, bits, pairs, () => this.#truncateRows(x, bits, x.shape[0]));
  }

  async relu(x: Value): Promise<{ y: Value; sign: Sign }> {
    const data = dataOf<PlainValue>(x);
    this.#options.ranges?.compare(this.#path, data, x.fractionBits);
    const bits = z64.bitAt(data, 63);
    for (let i = 0; i < bits.length; i++) bits[i] ^= 1;
    const sign: PlainSign = { shape: x.shape, bits };
    return Promise.resolve({ y: this.make(x.shape, x.fractionBits, z64.keepWhere(bits, data)), sign });
  }

  larger(x: Value, y: Value): Promise<{ y: Value; sign: Sign }> {
    return this.reluThenAdd(x, y);
  }

  largest(values: readonly Value[]): Promise<Value> {
    return this.largestInTurn(values);
  }

  largerRelu(x: Value, y: Value, bits: number): Promise<Value> {
    return this.treeThenRelu(x, y, bits);
  }

  route(levels: readonly Level[], delta: Value): Promise<Value> {
    return this.selectDown(levels, delta);
  }

  async select(sign: Sign, x: Value): Promise<Value> {
    return Promise.resolve(
      this.make(x.shape, x.fractionBits, z64.keepWhere((sign as PlainSign).bits, dataOf<PlainValue>(x))),
    );
  }

  bits(sign: Sign): Value {
    return this.make(sign.shape, 0, z64.fromBytes((sign as PlainSign).bits));
  }

  unitVectors(index: Value, n: number): Promise<Value> {
    const data = dataOf<PlainValue>(index);
    const out = new BigUint64Array(data.length * n);
    data.forEach((position, i) => {
      if (position >= BigInt(n)) throw new RangeError(`unitVectors: index ${position} of ${n}`);
      out[i * n + Number(position)] = 1n;
    });
    return Promise.resolve(this.make([data.length, n], 0, out));
  }

  async truncateRelu(x: Value, bits: number): Promise<{ y: Value; sign: Sign }> {
    return this.relu(await this.truncate(x, bits));
  }

  async truncateSelect(sign: Sign, x: Value, bits: number): Promise<Value> {
    return this.select(sign, await this.truncate(x, bits));
  }

  carry(_name: string, x: Value): Promise<Value> {
    return Promise.resolve(x);
  }

  reveal(name: string, x: Value): Promise<void> {
    return this.#options.reveal(name, dataOf<PlainValue>(x));
  }

  free(): void {
    // Values share arrays here.
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  protected make(shape: Shape, fractionBits: number, data: BigUint64Array | null): PlainValue {
    return { shape, fractionBits, data: data! };
  }

  protected linear(shape: Shape, fractionBits: number, operands: readonly PlainValue[], compute: Linear): PlainValue {
    return this.make(shape, fractionBits, compute(...operands.map((operand) => operand.data)));
  }

  protected async paced(
    shape: Shape,
    fractionBits: number,
    { data }: PlainValue,
    compute: (data: BigUint64Array) => Promise<BigUint64Array>,
  ): Promise<PlainValue> {
    return this.make(shape, fractionBits, await compute(data));
  }

  protected zeros(count: number): BigUint64Array {
    return new BigUint64Array(count);
  }

  protected view(x: PlainValue, shape: Shape, fractionBits: number): PlainValue {
    return { ...x, shape, fractionBits };
  }

  protected async product(
    map: BilinearMap,
    x: Value,
    y: Value,
    factor: 1 | 2,
    bias?: Bias<PlainValue>,
  ): Promise<Value> {
    const data = await map.apply(this.#options.compute, [{ x: dataOf<PlainValue>(x), y: dataOf<PlainValue>(y) }]);
    if (factor === 2) z64.scaleInPlace(data, 2n);
    if (bias !== undefined) z64.accumulate(data, z64.shiftLeft(dataOf<PlainValue>(bias.row), bias.shift));
    return this.make(map.shape, x.fractionBits + y.fractionBits + factor - 1, data);
  }

  /** The random values of the next truncation. */
  #rounding(count: number, rows: number): BigUint64Array {
    const address = [this.#path, `truncate/${this.#operations++}`] as const;
    if (this.#samples === undefined) return this.#streams.stream(...address).z64(count);
    const { from, to, of } = this.#samples;
    const each = count / (rows * (to - from));
    if (!Number.isInteger(each))
      throw new Error(`${this.#path}: ${count} elements in ${rows} rows of ${to - from} samples are truncated`);
    const starts = Array.from({ length: rows }, (_, row) => each * (row * of + from));
    return this.#streams.table(...address).rows(starts, each * (to - from));
  }

  #fork(label: string): PlainEngine {
    return new PlainEngine(this.#options, this.#streams, `${this.#path}/${label}`, this.#samples);
  }

  /** At the same place, on other samples. */
  #beside(samples: BatchPart | undefined): PlainEngine {
    const engine = new PlainEngine(this.#options, this.#streams, this.#path, samples);
    engine.#operations = this.#operations;
    return engine;
  }
}

export function createPlainEngine(options: PlainOptions): PlainEngine {
  // The rounding of the reference needs no secrecy: a key from the seed, of a pair that no session has.
  const streams = new PairStreams(insecurePairKey(options.seed, 'plain'));
  return new PlainEngine(options, streams, '');
}

/** What is dealt of the mask R, in one share. */
function dealtWhole(compute: Compute, R: BigUint64Array, bits: number): DealtShift {
  const shift = new BigUint64Array(R.length);
  const top = new Uint8Array(fieldsLength(R.length, fieldWidth(bits)));
  compute.deal({ mask: R, bits, words: shift, top });
  return { bits, shift, top };
}
