/**
 * The engine on shares: the same class runs in all three parties. Every operation is a protocol under a fork of its own; the
 * workers' script or the helper's is chosen in one place (`#run`). The helper's operations return at once and run ahead in the
 * background, bounded by a window.
 */
import { type Shape, sizeOf } from '../ring/shape.ts';
import * as beaver from './beaver.ts';
import type { BilinearMap } from './bilinear.ts';
import { Dataset } from './dataset.ts';
import type { Engine, Sign, Value } from './engine.ts';
import { later } from './later.ts';
import { dataOf, type Linear, LinearEngine } from './linear.ts';
import type { Party } from './party.ts';
import { Mask, type SecureSign, type SecureValue } from './secureValue.ts';
import { directSuite, type FusedSuite, paperSuite, type Suite } from './suite.ts';
import * as truncation from './truncation.ts';
import * as unitVectors from './unitVectors.ts';
import { Window } from './window.ts';

export interface SecureOptions {
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  readonly fractionBits: number;
  /** Window of the direct suite's comparison; the paper suite compares all 64 bits. */
  readonly compareBits: number;
  /** Hands this worker's share of a result to the owner. Never called at the helper. */
  readonly reveal: (name: string, share: BigUint64Array) => Promise<void>;
}

/** Rows of a data set shorter than this (labels) are masked batch by batch: a stream for each row costs more than opening them again. */
const MASKED_ROW = 64;
/** Elements of work that the helper may have in flight, and the least that one operation counts for. */
const HELPER_WINDOW = 1 << 21;
const LEAST_WEIGHT = 1 << 15;

/** What a fork shares with its parent. */
interface Runtime {
  readonly options: SecureOptions;
  readonly suite: Suite<unknown, unknown>;
  readonly window: Window;
}

export class SecureEngine extends LinearEngine<SecureValue> implements Engine {
  protected readonly addsPublic: boolean;
  readonly #party: Party;
  readonly #runtime: Runtime;
  readonly #datasets: WeakMap<Value, Dataset>;
  #operations = 0;
  #values = 0;

  constructor(party: Party, runtime: Runtime, datasets: WeakMap<Value, Dataset>) {
    super(runtime.options.fractionBits);
    this.#party = party;
    this.#runtime = runtime;
    this.#datasets = datasets;
    this.addsPublic = party.id === 0;
  }

  get suite(): 'direct' | 'paper' {
    return this.#runtime.options.suite;
  }

  get truncation(): 'dealt' | 'local' {
    return this.#runtime.options.truncation;
  }

  /** Online rounds so far: the longest chain of dependent messages behind what this worker now holds. */
  get rounds(): number {
    return Math.max(0, this.#party.depth);
  }

  /** A value whose share this worker received from its owner; null at the helper. */
  input(name: string, shape: Shape, fractionBits: number, share: BigUint64Array | null): Value {
    this.#checkInput(name, shape, share);
    const lane = this.#party.fork(`input/${name}`);
    return this.#value(() => lane, shape, fractionBits, share, false);
  }

  /** A data set whose rows are opened at most once a session. Only `rows` may be asked of it. */
  dataset(name: string, shape: Shape, fractionBits: number, share: BigUint64Array | null): Value {
    this.#checkInput(name, shape, share);
    const value: Value = { shape, fractionBits };
    this.#datasets.set(value, new Dataset(this.#party.fork(`data/${name}`), shape[0], sizeOf(shape.slice(1)), share));
    return value;
  }

  async all<T extends readonly unknown[]>(tasks: {
    readonly [K in keyof T]: (engine: Engine) => Promise<T[K]>;
  }): Promise<T> {
    const base = `all${this.#operations++}`;
    const children = tasks.map((_, i) => this.#party.fork(`${base}.${i}`));
    const results = await Promise.all(tasks.map((task, i) => task(this.#fork(children[i]))));
    for (const child of children) this.#party.join(child);
    return results as unknown as T;
  }

  async scope<T>(label: string, task: (engine: Engine) => Promise<T>): Promise<T> {
    return this.#party.under(label, (child) => task(this.#fork(child)));
  }

  rows(dataset: Value, indices: readonly number[]): Value {
    const rows = this.#datasets.get(dataset);
    if (rows === undefined) throw new Error('rows: not a data set');
    const share = rows.gather(indices);
    const shape = [indices.length, ...dataset.shape.slice(1)];
    if (rows.width < MASKED_ROW) return this.make(shape, dataset.fractionBits, share);
    const mask = new Mask(this.#nextLane(), {
      workers: (party) => rows.workersMask(party, indices, share!),
      helper: () => rows.helperMask(indices),
    });
    const { fractionBits } = dataset;
    return { shape, fractionBits, data: share, mask, partial: false, whole: {} } as SecureValue;
  }

  async truncate(x: Value, bits: number): Promise<Value> {
    truncation.checkTruncationBits(bits);
    const size = sizeOf(x.shape);
    if (this.truncation === 'local') {
      const { data } = await this.#whole(x);
      return this.make(
        x.shape,
        x.fractionBits - bits,
        data === null ? null : truncation.workersLocal(this.#party, data, bits),
      );
    }
    const share = await this.#run('truncate', size, {
      workers: (party) => truncation.workersDealt(party, dataOf<SecureValue>(x), bits),
      helper: async (party) => truncation.helperDealt(party, size, bits, await (x as SecureValue).part),
    });
    return this.make(x.shape, x.fractionBits - bits, share);
  }

  async relu(x: Value): Promise<{ y: Value; sign: Sign }> {
    const { suite } = this.#runtime;
    const { data } = await this.#whole(x);
    const drop = Math.max(0, x.fractionBits - this.fractionBits);
    return this.#compare('relu', x, x.fractionBits, {
      workers: (party) => suite.relu(party, data!, drop),
      helper: (party, bit) => suite.helperRelu(party, bit, drop),
    });
  }

  async unitVectors(index: Value, n: number): Promise<Value> {
    const { data } = await this.#whole(index);
    const count = sizeOf(index.shape);
    const share = await this.#run('unitVectors', count * n, {
      workers: (party) => unitVectors.workers(party, data!, n),
      helper: (party) => unitVectors.helper(party, count, n),
    });
    return this.make([count, n], 0, share);
  }

  async truncateRelu(x: Value, bits: number): Promise<{ y: Value; sign: Sign }> {
    const fused = this.#fused;
    if (fused === undefined) return this.relu(await this.truncate(x, bits));
    return this.#compare('truncateRelu', x, x.fractionBits - bits, {
      workers: (party) => fused.relu(party, dataOf<SecureValue>(x), bits),
      helper: async (party, bit) => fused.helperRelu(party, bit, bits, await (x as SecureValue).part),
    });
  }

  async select(sign: Sign, x: Value): Promise<Value> {
    const { suite } = this.#runtime;
    const { data } = await this.#whole(x);
    return this.#keep('select', sign, x, x.fractionBits, {
      workers: (party, bit) => suite.select(party, bit, data!),
      helper: (party, bit) => suite.helperSelect(party, bit),
    });
  }

  bits(sign: Sign): Value {
    const { bit } = sign as SecureSign;
    return this.make(sign.shape, 0, this.#holdsData ? this.#runtime.suite.bits(this.#party, bit) : null);
  }

  async truncateSelect(sign: Sign, x: Value, bits: number): Promise<Value> {
    const fused = this.#fused;
    if (fused === undefined) return this.select(sign, await this.truncate(x, bits));
    return this.#keep('truncateSelect', sign, x, x.fractionBits - bits, {
      workers: (party, bit) => fused.select(party, bit, dataOf<SecureValue>(x), bits),
      helper: async (party, bit) => fused.helperSelect(party, bit, bits, await (x as SecureValue).part),
    });
  }

  async carry(name: string, x: Value): Promise<Value> {
    const { data } = await this.#whole(x);
    const lane = this.#party.fork(`carried/${name}`);
    return this.#value(() => lane, x.shape, x.fractionBits, data, false);
  }

  /** This worker's share of a value; null at the helper. */
  async shareOf(x: Value): Promise<BigUint64Array | null> {
    return (await this.#whole(x)).data;
  }

  async reveal(name: string, x: Value): Promise<void> {
    const { data } = await this.#whole(x);
    if (data !== null) await this.#runtime.options.reveal(name, data.slice());
  }

  settle(): Promise<void> {
    return this.#runtime.window.drain();
  }

  protected make(shape: Shape, fractionBits: number, data: BigUint64Array | null): SecureValue {
    return this.#value(this.#nextLane(), shape, fractionBits, data, false);
  }

  protected zeros(count: number): BigUint64Array | null {
    return this.#holdsData ? new BigUint64Array(count) : null;
  }

  protected linear(shape: Shape, fractionBits: number, operands: readonly SecureValue[], compute: Linear): SecureValue {
    const partial = operands.some((operand) => operand.partial);
    if (this.#holdsData) {
      return this.#value(
        this.#nextLane(),
        shape,
        fractionBits,
        compute(...operands.map((o) => dataOf<SecureValue>(o))),
        partial,
      );
    }
    if (!partial) return this.make(shape, fractionBits, null);
    const parts = operands.map((operand) => operand.part ?? Promise.resolve(new BigUint64Array(sizeOf(operand.shape))));
    return this.#value(
      this.#nextLane(),
      shape,
      fractionBits,
      null,
      later(Promise.all(parts).then((data) => compute(...data))),
    );
  }

  protected view(x: SecureValue, shape: Shape, fractionBits: number): SecureValue {
    return { ...x, shape, fractionBits };
  }

  get #holdsData(): boolean {
    return this.#party.id !== 2;
  }

  get #fused(): FusedSuite<unknown, unknown> | undefined {
    return this.truncation === 'dealt' ? this.#runtime.suite.fused : undefined;
  }

  #nextLane(): () => Party {
    const label = `v${this.#values++}`;
    return () => this.#party.fork(label);
  }

  /** `part`: false for a value in two shares; else true at a worker and, at the helper, its part itself. */
  #value(
    lane: () => Party,
    shape: Shape,
    fractionBits: number,
    data: BigUint64Array | null,
    part: Promise<BigUint64Array> | boolean,
  ): SecureValue {
    const mask = new Mask(lane, {
      workers: (party) => beaver.workersMask(party, data!),
      helper: (party) => beaver.helperMask(party, sizeOf(shape)),
    });
    const partial = part !== false;
    return { shape, fractionBits, data, mask, partial, whole: {}, ...(part instanceof Promise ? { part } : {}) };
  }

  /** The value in two shares: P2 deals its part, once, under the value's own lane. */
  #whole(x: Value): Promise<SecureValue> {
    const value = x as SecureValue;
    if (!value.partial) return Promise.resolve(value);
    value.whole.value ??= this.#dealPart(value);
    return value.whole.value.then((whole) => this.view(whole, x.shape, x.fractionBits));
  }

  async #dealPart(x: SecureValue): Promise<SecureValue> {
    const lane = x.mask.lane.fork('whole');
    lane.join(this.#party);
    if (!this.#holdsData) {
      await this.#runtime.window.start(sizeOf(x.shape), async () => beaver.dealPart(lane, (await x.part)!));
      return this.#value(() => lane, x.shape, x.fractionBits, null, false);
    }
    const share = await beaver.dealtPart(lane, dataOf<SecureValue>(x));
    return this.#value(() => lane, x.shape, x.fractionBits, share, false);
  }

  protected async product(map: BilinearMap, x: Value, y: Value): Promise<Value> {
    const [left, right] = await Promise.all([this.#whole(x), this.#whole(y)]);
    let part: Promise<BigUint64Array> | undefined;
    const data = await this.#run(map.name, Math.max(...[map.shape, x.shape, y.shape].map(sizeOf)), {
      workers: async (party) => {
        const [X, Y] = await Promise.all([left.mask.workers(party), right.mask.workers(party)]);
        return beaver.workers(party, map, X, Y);
      },
      helper: async (party) => {
        part = later(beaver.helper(party, map, left.mask.helper(party), right.mask.helper(party)));
        await part;
      },
    });
    return this.#value(this.#nextLane(), map.shape, x.fractionBits + y.fractionBits, data, part ?? true);
  }

  /** A comparison with its product: the result, and the bits each role keeps. */
  async #compare(
    name: string,
    x: Value,
    fractionBits: number,
    scripts: {
      workers: (party: Party) => Promise<{ y: BigUint64Array; bit: unknown }>;
      helper: (party: Party, bit: unknown) => Promise<void>;
    },
  ): Promise<{ y: Value; sign: Sign }> {
    const size = sizeOf(x.shape);
    let bit: unknown;
    const share = await this.#run(name, size, {
      workers: async (party) => {
        const result = await scripts.workers(party);
        bit = result.bit;
        return result.y;
      },
      helper: (party) => {
        bit = this.#runtime.suite.helperBits(party, size);
        return scripts.helper(party, bit);
      },
    });
    const sign: SecureSign = { shape: x.shape, bit };
    return { y: this.make(x.shape, fractionBits, share), sign };
  }

  /** A product with kept bits. */
  async #keep(
    name: string,
    sign: Sign,
    x: Value,
    fractionBits: number,
    scripts: {
      workers: (party: Party, bit: unknown) => Promise<BigUint64Array>;
      helper: (party: Party, bit: unknown) => Promise<void>;
    },
  ): Promise<Value> {
    const { bit } = sign as SecureSign;
    const size = sizeOf(x.shape);
    if (sizeOf(sign.shape) !== size)
      throw new RangeError(`${name}: bits of shape [${sign.shape.join(',')}], x is [${x.shape.join(',')}]`);
    const share = await this.#run(name, size, {
      workers: (party) => scripts.workers(party, bit),
      helper: (party) => scripts.helper(party, bit),
    });
    return this.make(x.shape, fractionBits, share);
  }

  /**
   * One operation: this party's script under a fresh fork. A worker's result is its share; the helper's runs on in the background
   * and null comes back at once. Deals alternate between the workers from one operation to the next.
   */
  async #run(
    name: string,
    weight: number,
    scripts: { workers: (party: Party) => Promise<BigUint64Array>; helper: (party: Party) => Promise<void> },
  ): Promise<BigUint64Array | null> {
    const index = this.#operations++;
    const party = this.#party.fork(`${index}:${name}`, index % 2 === 0 ? 'P0' : 'P1');
    if (!this.#holdsData) {
      await this.#runtime.window.start(weight, () => scripts.helper(party).then(() => party.over()));
      return null;
    }
    const share = await scripts.workers(party);
    this.#party.join(party);
    party.over();
    return share;
  }

  #fork(party: Party): SecureEngine {
    return new SecureEngine(party, this.#runtime, this.#datasets);
  }

  #checkInput(name: string, shape: Shape, share: BigUint64Array | null): void {
    if ((share !== null) !== this.#holdsData) throw new Error(`input ${name}: workers hold a share, the helper none`);
    if (share !== null && share.length !== sizeOf(shape)) {
      throw new RangeError(
        `input ${name}: expected ${sizeOf(shape)} elements for [${shape.join(',')}], found ${share.length}`,
      );
    }
  }
}

export function createSecureEngine(party: Party, options: SecureOptions): SecureEngine {
  const suite = options.suite === 'direct' ? directSuite(options.compareBits) : paperSuite;
  const runtime: Runtime = { options, suite: suite, window: new Window(HELPER_WINDOW, LEAST_WEIGHT) };
  return new SecureEngine(party, runtime, new WeakMap());
}
