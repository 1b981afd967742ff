/**
 * The engine on shares: the same class runs in all three parties. Every operation is a protocol under a fork of its own; the workers'
 * script or the helper's is chosen in one place (`run`, `secureValues.ts`). The helper's operations return at once and run ahead in
 * the background, bounded by a window. Comparisons and what is fused with them: `secureComparisons.ts`.
 */
import { type Shape, sizeOf } from '../ring/shape.ts';
import * as z64 from '../ring/z64.ts';
import * as beaver from '../protocols/paper/beaver.ts';
import * as codeProof from '../protocols/paper/codeProof.ts';
import type { BilinearMap } from '../protocols/paper/bilinear.ts';
import { Dataset } from './dataset.ts';
import type { BatchPart, Begin, Engine, Value } from './engine.ts';
import { later } from '../party/later.ts';
import { type Bias, dataOf } from './linear.ts';
import { overlapping } from './overlapping.ts';
import type { OwnedInput } from './ownedInput.ts';
import type { Party } from '../party/party.ts';
import { checkProducts, type Pair } from '../protocols/direct/productShape.ts';
import { checkSize, gathered, Mask, opened, type SecureValue } from './secureValue.ts';
import { SecurePieces } from './securePieces.ts';
import type { Runtime, SecureOptions } from './secureValues.ts';
import { type Ahead, FunctionKeys } from '../protocols/direct/functionKeys.ts';
import { suiteOf } from '../protocols/suite.ts';
import type { Left, LeftPair } from '../protocols/direct/leftOpen.ts';
import * as leftOpen from '../protocols/direct/leftOpen.ts';
import * as truncateOperand from '../protocols/direct/truncateOperand.ts';
import * as truncateProducts from '../protocols/direct/truncateProducts.ts';
import * as dealtTruncation from '../protocols/direct/dealtTruncation.ts';
import { checkTruncationBits, workersLocal } from '../protocols/paper/truncation.ts';
import * as unitVectors from '../protocols/paper/unitVectors.ts';
import { Window } from '../party/window.ts';

/**
 * Elements of work that the helper may have in flight, and the least that one operation counts for. It is two steps of network A; of twice as
 * many it held 44 MiB more at its peak.
 */
const HELPER_WINDOW = 1 << 20;
const LEAST_WEIGHT = 1 << 15;

export class SecureEngine extends SecurePieces implements Engine {
  readonly #datasets: WeakMap<Value, Dataset>;

  constructor(party: Party, runtime: Runtime, datasets: WeakMap<Value, Dataset>) {
    super(party, runtime);
    this.#datasets = datasets;
  }

  /** Which party this is. */
  get id(): Party['id'] {
    return this.party.id;
  }

  /** Online rounds so far: the longest chain of dependent messages behind what this worker now holds. */
  get rounds(): number {
    return Math.max(0, this.party.depth);
  }

  /** A value of which this party holds a share, null at the helper; opened if it came open from its owner (`ownedInput.ts`) or `held` gave it so. */
  override input(
    name: string,
    shape: Shape,
    fractionBits: number,
    share: BigUint64Array | null,
    opening?: BigUint64Array,
  ): Value {
    this.#checkInput(name, shape, share);
    const lane = this.party.fork(`input/${name}`);
    if (opening === undefined) return this.value(() => lane, shape, fractionBits, share, false);
    const size = sizeOf(shape);
    checkSize(name, this.holdsData ? shape : [2, ...shape], opening);
    return opened(() => lane, shape, fractionBits, share, {
      workers: ({ worker }) => {
        const mask = worker === 0 ? z64.sub(share!, opening) : share!;
        return Promise.resolve(new beaver.Masked(worker, opening, mask));
      },
      helper: () => Promise.resolve(new beaver.HelperMask(opening.subarray(0, size), opening.subarray(size))),
      opening: () => Promise.resolve(opening),
    });
  }

  /** An owner's data set. Only `rows` may be asked of it. */
  dataset(name: string, shape: Shape, fractionBits: number, input: OwnedInput): Value {
    this.#checkInput(name, shape, input.opened);
    const value: Value = { shape, fractionBits };
    this.#datasets.set(value, new Dataset(this.party.fork(`data/${name}`), shape[0], sizeOf(shape.slice(1)), input));
    return value;
  }

  async all<T extends readonly unknown[]>(tasks: {
    readonly [K in keyof T]: (engine: Engine) => Promise<T[K]>;
  }): Promise<T> {
    const base = `all${this.operations++}`;
    const children = tasks.map((_, i) => this.party.fork(`${base}.${i}`));
    const results = await Promise.all(tasks.map((task, i) => task(this.#fork(children[i]))));
    for (const child of children) this.party.join(child);
    return results as unknown as T;
  }

  async overlapping<T>(body: (begin: Begin) => Promise<T>): Promise<T> {
    const children: Party[] = [];
    const result = await overlapping(body, (task) => {
      const child = this.party.fork(`all${this.operations++}.0`);
      children.push(child);
      return task(this.#fork(child));
    });
    for (const child of children) this.party.join(child);
    return result;
  }

  async scope<T>(label: string, task: (engine: SecureEngine) => Promise<T>): Promise<T> {
    return this.party.under(label, (child) => task(this.#fork(child)));
  }

  /** Under addresses of its own: a value of fewer samples is cut into other chunks (docs/memory.md). */
  part<T>({ from }: BatchPart, task: (engine: SecureEngine) => Promise<T>): Promise<T> {
    return this.scope(`part/${from}`, task);
  }

  together<T>(task: (engine: SecureEngine) => Promise<T>): Promise<T> {
    return task(this);
  }

  async under<T>(place: Engine, label: string, task: (engine: SecureEngine) => Promise<T>): Promise<T> {
    const child = (place as SecureEngine).party.fork(label);
    child.join(this.party);
    await this.party.pause();
    const result = await task(this.#fork(child));
    this.party.join(child);
    child.over();
    return result;
  }

  follow(other: Engine): void {
    this.party.join((other as SecureEngine).party);
  }

  rows(dataset: Value, indices: readonly number[]): Value {
    const rows = this.#datasets.get(dataset);
    if (rows === undefined) throw new Error('rows: not a data set');
    rows.check(indices);
    const shape = [indices.length, ...dataset.shape.slice(1)];
    const { fractionBits } = dataset;
    const mask = new Mask(this.nextLane(), {
      workers: () => rows.workersMask(indices),
      helper: () => rows.helperMask(indices),
    });
    const gather = (): BigUint64Array | null => rows.share(indices);
    return gathered({ shape, fractionBits, mask, partial: false, whole: {}, gather });
  }

  async truncate(x: Value, bits: number): Promise<Value> {
    checkTruncationBits(bits);
    const size = sizeOf(x.shape);
    if (this.truncation === 'local') {
      const { data } = await this.whole(x);
      return this.make(x.shape, x.fractionBits - bits, data === null ? null : workersLocal(this.party, data, bits));
    }
    const share = await this.run('truncate', size, {
      workers: (party) => dealtTruncation.workersDealt(party, dataOf<SecureValue>(x), bits),
      helper: async (party) => dealtTruncation.helperDealt(party, size, bits, await (x as SecureValue).part),
    });
    return this.make(x.shape, x.fractionBits - bits, share);
  }

  async truncateOperand(x: Value, bits: number): Promise<Value> {
    if (this.truncation === 'local' || !truncateOperand.holds(bits)) return this.truncate(x, bits);
    const size = sizeOf(x.shape);
    let operand: beaver.Masked | undefined;
    let U: Promise<beaver.HelperMask> | undefined;
    await this.run('truncateOperand', size, {
      workers: async (party) => {
        operand = await truncateOperand.workers(party, dataOf<SecureValue>(x), bits);
        return operand.mask;
      },
      helper: async (party) => {
        const { part } = x as SecureValue;
        U = later(Promise.resolve(part).then((Z) => truncateOperand.helper(party, size, bits, Z)));
        await U;
      },
    });
    // Its share is put together when it is asked for: what is trained is held all the time.
    return gathered({
      shape: x.shape,
      fractionBits: x.fractionBits - bits,
      mask: new Mask(this.nextLane(), { workers: () => Promise.resolve(operand!), helper: () => U! }),
      partial: false,
      whole: {},
      gather: () => operand?.share ?? null,
      summands: () => operand!.summands,
      opening: async () => (U === undefined ? operand!.opened : z64.concat(...(await U).shares)),
    });
  }

  async operand(x: Value): Promise<Value> {
    if (this.truncation === 'local') return x;
    const { mask } = await this.whole(x);
    const { party } = this;
    const lent = later(
      this.holdsData
        ? mask.workersOperand(party).then((masked) => masked.lend(party))
        : mask.helperOperand(party).then((U) => U.lend(party)),
    );
    const kept = later(lent.then((operand) => operand.forProduct(party)));
    return this.productsOnly(x, new beaver.ForProducts(kept, async () => (await lent).free()));
  }

  async truncateProducts(x: Value, bits: number, pairs: readonly Pair[]): Promise<{ y: Value; products: Value }> {
    if (this.truncation === 'local') return this.truncateThenMultiply(x, bits, pairs);
    const [rows, ...rest] = x.shape;
    const columns = sizeOf(rest);
    const shape = { rows, columns, bits, pairs };
    checkProducts(shape);
    let products: BigUint64Array | null = null;
    let held: Promise<Left> | undefined;
    const share = await this.run('truncateProducts', (rows + pairs.length) * columns, {
      workers: async (party) => {
        const result = await truncateProducts.workers(party, dataOf<SecureValue>(x), shape);
        products = result.products;
        held = Promise.resolve(result.left);
        return result.left.share;
      },
      helper: async (party) => {
        const { part } = x as SecureValue;
        held = later(Promise.resolve(part).then((Z) => truncateProducts.helper(party, shape, Z)));
        await held;
      },
    });
    const fractionBits = x.fractionBits - bits;
    const left = { shape: { bits, terms: 1 }, held: held! };
    const y: SecureValue = { ...this.make(x.shape, fractionBits, share), left };
    return { y, products: this.make([pairs.length, ...rest], 2 * fractionBits, products) };
  }

  async unitVectors(index: Value, n: number): Promise<Value> {
    const { data } = await this.whole(index);
    const count = sizeOf(index.shape);
    const share = await this.run('unitVectors', count * n, {
      workers: (party) => unitVectors.workers(party, data!, n),
      helper: (party) => unitVectors.helper(party, count, n),
    });
    return this.make([count, n], 0, share);
  }

  async carry(name: string, x: Value): Promise<Value> {
    const whole = await this.whole(x);
    if (whole.opening !== undefined) return x;
    const { data } = whole; // which may have to be put together
    const lane = this.party.fork(`carried/${name}`);
    return this.value(() => lane, x.shape, x.fractionBits, data, false);
  }

  async reveal(name: string, x: Value): Promise<void> {
    const { data } = await this.whole(x);
    if (data === null) return;
    const share = data.slice();
    await this.party.reveal(() => this.runtime.options.reveal(name, share));
  }

  /** A scope of which what it opens is agreed upon apart from all else. */
  async apart<T>(label: string, task: (engine: SecureEngine) => Promise<T>): Promise<T> {
    return this.party.apart(label, (child) => task(this.#fork(child)));
  }

  settle(): Promise<void> {
    return this.runtime.window.drain();
  }

  /** P2: deals keys of comparison functions ahead from now on. Resolves once all that may lie ready does. */
  async keepAhead(ahead: Ahead): Promise<void> {
    if (!this.holdsData) await this.runtime.functions?.keepAhead(this.runtime.options.compareBits - 1, ahead);
  }

  /** After `settle`: no more operations. */
  async end(): Promise<void> {
    await this.runtime.functions?.end();
  }

  protected async product(
    map: BilinearMap,
    x: Value,
    y: Value,
    factor: 1 | 2,
    bias?: Bias<SecureValue>,
  ): Promise<Value> {
    if (map.name === 'mul' && factor === 1 && leftOpen.follows(x, y)) return this.#leftProduct(x, y);
    const [left, right] = await Promise.all([this.whole(x), this.whole(y)]);
    const row = bias && (await this.whole(bias.row));
    const operands = <T>(masked: (mask: Mask) => Promise<T>): Promise<(T | beaver.ForProducts)[]> =>
      Promise.all([left, right].map((x) => Promise.resolve(x.forProducts ?? masked(x.mask))));
    let part: Promise<BigUint64Array> | undefined;
    const data = await this.run(map.name, Math.max(...[map.shape, x.shape, y.shape].map(sizeOf)), {
      workers: async (party) => {
        const [X, Y] = await operands((mask) => (factor === 2 ? mask.workersOperand(party) : mask.workers(party)));
        const W = await beaver.workers(party, map, X, Y, factor);
        if (bias !== undefined) await beaver.addBias(party, W, dataOf(row!), bias.shift);
        return W;
      },
      helper: async (party) => {
        const masks = operands((mask) => (factor === 2 ? mask.helperOperand(party) : mask.helper(party)));
        part = later(masks.then(([U, V]) => beaver.helper(party, map, U, V, factor)));
        await part;
      },
    });
    return this.value(this.nextLane(), map.shape, x.fractionBits + y.fractionBits + factor - 1, data, part ?? true);
  }

  /** Of what truncations have left. */
  async #leftProduct(x: Value, y: Value): Promise<Value> {
    const size = sizeOf(x.shape);
    const operands = async (): Promise<LeftPair> => {
      const [X, Y] = await Promise.all([(x as SecureValue).left!.held, (y as SecureValue).left!.held]);
      return [X, leftOpen.repeated(Y, size / sizeOf(y.shape))];
    };
    const share = await this.run('leftProduct', size, {
      workers: async (party) => leftOpen.workers(party, await operands()),
      helper: async (party) => leftOpen.helper(party, await operands()),
    });
    return this.make(x.shape, x.fractionBits + y.fractionBits, share);
  }

  #fork(party: Party): SecureEngine {
    return new SecureEngine(party, this.runtime, this.#datasets);
  }

  #checkInput(name: string, shape: Shape, share: BigUint64Array | null): void {
    if ((share !== null) !== this.holdsData) throw new Error(`input ${name}: workers hold a share, the helper none`);
    if (share !== null) checkSize(name, shape, share);
  }
}

export function createSecureEngine(party: Party, options: SecureOptions): SecureEngine {
  const { few } = options;
  codeProof.answerAhead(party);
  // Each rank of a party has keys of its own.
  const keysOf = party.rank === 0 ? party : party.fork(`rank/${party.rank}`);
  const functions = few === undefined || options.suite === 'paper' ? undefined : new FunctionKeys(keysOf);
  const suite = suiteOf(options, party.security, functions && { most: few!, functions });
  const runtime: Runtime = { options, suite, functions, window: new Window(HELPER_WINDOW, LEAST_WEIGHT) };
  return new SecureEngine(party, runtime, new WeakMap());
}
