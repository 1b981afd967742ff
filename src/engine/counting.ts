/**
 * The engine that computes nothing: it follows shapes through the same code as the secure engine (`secure.ts`) and adds up the messages
 * that protocols declare (`steps.ts`), frame by frame, with the chains they form. Paths are those of a run: labels are part of frames.
 *
 * Beside messages it counts work, for estimates of time: multiplications of products, and elements that each kind of protocol takes.
 */
import { type Shape, sizeOf } from '../ring/shape.ts';
import type { WindowShape } from '../ring/windows.ts';
import type { BilinearMap } from '../protocols/paper/bilinear.ts';
import { CountedMemory } from './countedMemory.ts';
import type { CountedValue } from './countedValue.ts';
import { CountedValues, type CountingOptions, joinWorkers, WORK, type Work } from './countedValues.ts';
import type { BatchPart, Begin, Engine, Level, Sign, Value } from './engine.ts';
import { type Bias, checkAlike } from './linear.ts';
import { overlapping } from './overlapping.ts';
import { DEFAULT_CHUNK } from '../party/party.ts';
import { inBlocks, type Stage, step } from '../party/steps.ts';
import { DIGEST_BYTES } from '../random/openings.ts';
import { type ArgmaxSuite, type FusedSuite, suiteOf } from '../protocols/suite.ts';
import { type Lane, rootLane, sendStages, sendSteps, Traffic } from './traffic.ts';
import { pairsOf } from '../protocols/direct/argmax.ts';
import * as largest from '../protocols/direct/largest.ts';
import * as treeRoute from '../protocols/direct/treeRoute.ts';
import * as leftOpen from '../protocols/direct/leftOpen.ts';
import * as truncateOperand from '../protocols/direct/truncateOperand.ts';
import * as truncateProducts from '../protocols/direct/truncateProducts.ts';
import { follow, type Pair } from '../protocols/direct/productShape.ts';
import * as dealtTruncation from '../protocols/direct/dealtTruncation.ts';
import { checkTruncationBits } from '../protocols/paper/truncation.ts';
import * as unitVectors from '../protocols/paper/unitVectors.ts';

export class CountingEngine extends CountedValues implements Engine {
  /** @param opened by its owner, or in a session before */
  input(name: string, shape: Shape, fractionBits: number, opened = false): CountedValue {
    const lane = this.lane.fork(`input/${name}`);
    if (!opened) return this.value(() => lane, shape, fractionBits, false);
    return {
      ...this.value(
        () => lane,
        shape,
        fractionBits,
        false,
        () => 0,
      ),
      opened,
    };
  }

  dataset(_name: string, shape: Shape, fractionBits: number): Value {
    const value: Value = { shape, fractionBits };
    this.counts.datasets.add(value);
    return value;
  }

  async all<T extends readonly unknown[]>(tasks: {
    readonly [K in keyof T]: (engine: Engine) => Promise<T[K]>;
  }): Promise<T> {
    const base = `all${this.operations++}`;
    const lanes = tasks.map((_, i) => this.lane.fork(`${base}.${i}`));
    const results = await Promise.all(tasks.map((task, i) => task(new CountingEngine(lanes[i], this.counts))));
    for (const lane of lanes) this.lane.join(lane);
    return results as unknown as T;
  }

  async overlapping<T>(body: (begin: Begin) => Promise<T>): Promise<T> {
    this.memory.turnBack(); // the error's way back (`nn/backward.ts`)
    const lanes: Lane[] = [];
    const result = await overlapping(body, (task) => {
      const lane = this.lane.fork(`all${this.operations++}.0`);
      lanes.push(lane);
      return task(new CountingEngine(lane, this.counts));
    });
    for (const lane of lanes) this.lane.join(lane);
    return result;
  }

  async scope<T>(label: string, task: (engine: Engine) => Promise<T>): Promise<T> {
    const lane = this.lane.fork(label);
    const counts = label.startsWith('layer/') ? { ...this.counts, layer: label } : this.counts;
    const result = await task(new CountingEngine(lane, counts));
    this.lane.join(lane);
    return result;
  }

  part<T>({ from }: BatchPart, task: (engine: Engine) => Promise<T>): Promise<T> {
    return this.scope(`part/${from}`, task);
  }

  together<T>(task: (engine: Engine) => Promise<T>): Promise<T> {
    return task(this);
  }

  async under<T>(place: Engine, label: string, task: (engine: Engine) => Promise<T>): Promise<T> {
    const lane = (place as CountingEngine).lane.fork(label);
    lane.join(this.lane);
    const result = await task(new CountingEngine(lane, this.counts));
    this.lane.join(lane);
    return result;
  }

  follow(other: Engine): void {
    this.lane.join((other as CountingEngine).lane);
  }

  rows(dataset: Value, indices: readonly number[]): Value {
    if (!this.counts.datasets.has(dataset)) throw new Error('rows: not a data set');
    const [count, ...row] = dataset.shape;
    const bad = indices.find((i) => !Number.isInteger(i) || i < 0 || i >= count);
    if (bad !== undefined) throw new RangeError(`row ${bad} of a data set with ${count}`);
    this.holdOpening(indices.length * sizeOf(row));
    return this.value(this.nextLane(), [indices.length, ...row], dataset.fractionBits, false, () => 0);
  }

  truncate(x: Value, bits: number): Promise<Value> {
    checkTruncationBits(bits);
    if (this.truncation === 'local') {
      this.whole(x);
      this.did('local', sizeOf(x.shape));
    } else {
      this.run('truncate', dealtTruncation.dealtStages(bits), sizeOf(x.shape));
      this.did('truncate', sizeOf(x.shape));
    }
    return Promise.resolve(this.make(x.shape, x.fractionBits - bits));
  }

  operand(x: Value): Promise<Value> {
    this.memory.keepOperand(sizeOf(x.shape), this.counts.layer);
    if (this.truncation === 'local') return Promise.resolve(x);
    const whole = this.whole(x);
    this.open(whole.mask, this.lane);
    return Promise.resolve(whole);
  }

  truncateOperand(x: Value, bits: number): Promise<Value> {
    if (this.truncation === 'local' || !truncateOperand.holds(bits)) return this.truncate(x, bits);
    this.run('truncateOperand', truncateOperand.stages(bits), sizeOf(x.shape));
    this.did('truncate', sizeOf(x.shape));
    this.holdOpening(sizeOf(x.shape));
    const y = this.value(this.nextLane(), x.shape, x.fractionBits - bits, false, () => 0);
    return Promise.resolve({ ...y, opened: true } as CountedValue);
  }

  async truncateProducts(x: Value, bits: number, pairs: readonly Pair[]): Promise<{ y: Value; products: Value }> {
    if (this.truncation === 'local') return this.truncateThenMultiply(x, bits, pairs);
    const [rows, ...rest] = x.shape;
    const columns = sizeOf(rest);
    this.run('truncateProducts', truncateProducts.stages({ rows, columns, bits, pairs }), columns);
    this.did('truncate', (rows + pairs.length) * columns);
    const fractionBits = x.fractionBits - bits;
    const y: CountedValue = { ...this.make(x.shape, fractionBits), left: { shape: { bits, terms: 1 } } };
    return { y, products: this.make([pairs.length, ...rest], 2 * fractionBits) };
  }

  relu(x: Value): Promise<{ y: Value; sign: Sign }> {
    this.whole(x);
    const drop = Math.max(0, x.fractionBits - this.fractionBits);
    return this.#compare('relu', x, x.fractionBits, this.counts.suite.reluStages(drop, sizeOf(x.shape)));
  }

  async truncateRelu(x: Value, bits: number): Promise<{ y: Value; sign: Sign }> {
    const fused = this.#fused;
    if (fused === undefined) return this.relu(await this.truncate(x, bits));
    checkTruncationBits(bits);
    return this.#compare('truncateRelu', x, x.fractionBits - bits, fused.reluStages(bits, sizeOf(x.shape)));
  }

  override async reluPowers(x: Value, bits: number, degree: number): Promise<readonly Value[]> {
    const fused = this.#fused;
    if (fused === undefined || !follow(bits)) return super.reluPowers(x, bits, degree);
    const stages = fused.reluStages(bits, sizeOf(x.shape), degree);
    const { y } = await this.#compare('reluPowers', x, x.fractionBits - bits, stages);
    this.did('local', 8 * degree * sizeOf(x.shape));
    const others = Array.from({ length: degree - 1 }, (_, i) => this.make(x.shape, (i + 2) * y.fractionBits));
    return [y, ...others];
  }

  async larger(x: Value, y: Value): Promise<{ y: Value; sign: Sign }> {
    if (this.counts.suite.tree === undefined) return this.reluThenAdd(x, y);
    const drop = Math.max(0, x.fractionBits - this.fractionBits);
    checkAlike('larger', x, y);
    this.did('local', 2 * sizeOf(x.shape));
    const partial = (x as CountedValue).partial || (y as CountedValue).partial;
    return this.#compare('larger', x, x.fractionBits + 1, this.counts.suite.reluStages(drop, sizeOf(x.shape)), partial);
  }

  async largest(values: readonly Value[]): Promise<Value> {
    const { tree } = this.counts.suite;
    if (tree === undefined) return this.largestInTurn(values);
    const [x] = values;
    for (const other of values) checkAlike('largest', x, other);
    const [size, of] = [sizeOf(x.shape), values.length];
    const drop = Math.max(0, x.fractionBits - this.fractionBits);
    this.did('local', of * size);
    this.run('largest', tree.largestStages(of, drop, size), size);
    this.did('relu', largest.comparisons(of) * size);
    const partial = values.some((value) => (value as CountedValue).partial);
    return this.value(this.nextLane(), x.shape, x.fractionBits + of - 1, partial);
  }

  async largerRelu(x: Value, y: Value, bits: number): Promise<Value> {
    const { tree } = this.counts.suite;
    if (tree === undefined || this.truncation === 'local') return this.treeThenRelu(x, y, bits);
    const size = sizeOf(x.shape);
    this.run('largerRelu', tree.largerReluStages(bits, size), size);
    this.did('relu', 3 * size);
    return this.make(x.shape, x.fractionBits - bits);
  }

  route(levels: readonly Level[], delta: Value): Promise<Value> {
    if (this.counts.suite.tree === undefined || levels.length === 0) return this.selectDown(levels, delta);
    const whole = this.whole(delta);
    const columns = sizeOf(delta.shape);
    const lane = this.operation('route');
    this.open(whole.mask, lane);
    const { traffic, options } = this.counts;
    let rows = 1;
    let left = 0;
    for (const [i, { half }] of levels.toReversed().entries()) {
      const level = lane.fork(`${i}`);
      left = half * columns;
      sendStages(level, treeRoute.stages(), left, options.chunk ?? DEFAULT_CHUNK, traffic);
      if (i < levels.length - 1) {
        sendSteps(level, [step('exchange', ...inBlocks(':E', left))], -1, traffic);
        this.did('open', left);
        this.holdOpening(left);
      }
      this.did('select', left);
      joinWorkers(lane, level);
      rows += half;
    }
    joinWorkers(this.lane, lane);
    const { fractionBits } = delta;
    return Promise.resolve(this.value(this.nextLane(), [rows, columns], fractionBits, false, () => left));
  }

  select(sign: Sign, x: Value): Promise<Value> {
    this.whole(x);
    return this.#keep('select', sign, x, x.fractionBits, this.counts.suite.selectStages());
  }

  async truncateSelect(sign: Sign, x: Value, bits: number): Promise<Value> {
    const fused = this.#fused;
    if (fused === undefined) return this.select(sign, await this.truncate(x, bits));
    checkTruncationBits(bits);
    return this.#keep('truncateSelect', sign, x, x.fractionBits - bits, fused.selectStages(bits));
  }

  bits(sign: Sign): Value {
    return this.make(sign.shape, 0);
  }

  get argmax(): ((x: Value) => Promise<Value>) | undefined {
    const { argmax } = this.counts.suite;
    return argmax && ((x) => this.#argmax(argmax, x));
  }

  #argmax(argmax: ArgmaxSuite, x: Value): Promise<Value> {
    const [rows, columns] = x.shape;
    const drop = Math.max(0, x.fractionBits - this.fractionBits);
    this.run('argmax', argmax.stages(rows, columns, drop), rows);
    this.did('relu', rows * pairsOf(columns));
    return Promise.resolve(this.make(x.shape, 0));
  }

  unitVectors(index: Value, n: number): Promise<Value> {
    this.whole(index);
    const count = sizeOf(index.shape);
    this.run('unitVectors', unitVectors.stages(n), count);
    this.did('unitVectors', count * n);
    return Promise.resolve(this.make([count, n], 0));
  }

  carry(name: string, x: Value): Promise<Value> {
    if (this.whole(x).opened === true) return Promise.resolve(x);
    const lane = this.lane.fork(`carried/${name}`);
    return Promise.resolve(this.value(() => lane, x.shape, x.fractionBits, false));
  }

  reveal(_name: string, x: Value): Promise<void> {
    this.whole(x);
    this.traffic.revealing.waiting = true;
    return Promise.resolve();
  }

  /** Where a party of a private session agrees before it reveals (`party/ledger.ts`). */
  agree(): void {
    const { options, traffic } = this.counts;
    const { revealing } = traffic;
    if (options.security !== 'private' || !revealing.waiting) return;
    revealing.waiting = false;
    const label = `:openings/${revealing.agreements++}`;
    sendSteps(this.lane, [step('exchange', [label, DIGEST_BYTES])], -1, traffic);
  }

  free(): void {
    // Nothing is held.
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  override async overlay(x: Value, shape: WindowShape): Promise<CountedValue> {
    const image = await super.overlay(x, shape);
    const planes = x as CountedValue;
    return planes.partial || sizeOf(planes.shape) > sizeOf(image.shape) ? image : { ...image, mask: planes.mask };
  }

  protected product(map: BilinearMap, x: Value, y: Value, factor: 1 | 2, bias?: Bias<CountedValue>): Promise<Value> {
    if (map.name === 'mul' && factor === 1 && leftOpen.follows(x, y))
      return Promise.resolve(this.#leftProduct(x as CountedValue, y as CountedValue));
    const operands = [this.whole(x), this.whole(y)];
    if (bias !== undefined) {
      this.whole(bias.row);
      this.did('local', sizeOf(map.shape));
    }
    const lane = this.operation(map.name);
    const before = [...lane.depths];
    for (const { mask } of operands) {
      const user = lane.at(before);
      this.open(mask, user);
      joinWorkers(lane, user);
    }
    joinWorkers(this.lane, lane);
    if (map.name === 'mul' || map.name === 'dots') this.did('local', (factor === 2 ? 5 : 8) * map.multiplyAdds);
    else this.did('multiply', (factor === 2 ? 3 : 5) * map.multiplyAdds);
    const fractionBits = x.fractionBits + y.fractionBits + factor - 1;
    return Promise.resolve(this.value(this.nextLane(), map.shape, fractionBits, true));
  }

  /** Of what truncations have left. */
  #leftProduct(x: CountedValue, y: CountedValue): Value {
    const [left, right] = [x.left!.shape, y.left!.shape];
    this.run('leftProduct', leftOpen.stages(left.bits, leftOpen.termsOf(left, right)), sizeOf(x.shape));
    this.did('local', 8 * sizeOf(x.shape));
    return this.make(x.shape, x.fractionBits + y.fractionBits);
  }

  get #fused(): FusedSuite<unknown, unknown> | undefined {
    return this.truncation === 'dealt' ? this.counts.suite.fused : undefined;
  }

  #compare(
    name: string,
    x: Value,
    fractionBits: number,
    stages: readonly Stage[],
    partial = false,
  ): Promise<{ y: Value; sign: Sign }> {
    this.run(name, stages, sizeOf(x.shape));
    this.did('relu', sizeOf(x.shape));
    this.holdBits(sizeOf(x.shape));
    const y = this.value(this.nextLane(), x.shape, fractionBits, partial);
    return Promise.resolve({ y, sign: { shape: x.shape } });
  }

  #keep(name: string, sign: Sign, x: Value, fractionBits: number, stages: readonly Stage[]): Promise<Value> {
    if (sizeOf(sign.shape) !== sizeOf(x.shape))
      throw new RangeError(`${name}: bits of shape [${sign.shape.join(',')}], x is [${x.shape.join(',')}]`);
    this.run(name, stages, sizeOf(x.shape));
    this.did('select', sizeOf(x.shape));
    return Promise.resolve(this.make(x.shape, fractionBits));
  }
}

export function createCountingEngine(options: CountingOptions): CountingEngine {
  const { few } = options;
  const byFunctions = few === undefined ? undefined : ({ most: few, functions: 'counted' } as const);
  const work = Object.fromEntries(WORK.map((kind) => [kind, 0])) as Work;
  return new CountingEngine(rootLane(), {
    options,
    suite: suiteOf(options, options.security, byFunctions),
    traffic: new Traffic(),
    work,
    memory: new CountedMemory(),
    datasets: new WeakSet(),
  });
}
