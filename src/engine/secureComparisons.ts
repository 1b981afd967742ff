/**
 * What the secure engine does with comparisons: ReLU and maxima with the products fused to them, and what the kept bits are used for later.
 * Which protocols these are is the suite's (`protocols/suite.ts`).
 */
import { recycle } from '../ring/pool.ts';
import { sizeOf } from '../ring/shape.ts';
import type { Level, Sign, Value } from './engine.ts';
import { checkAlike, dataOf } from './linear.ts';
import type { Party } from '../party/party.ts';
import { follow } from '../protocols/direct/productShape.ts';
import { Mask, type SecureSign, type SecureValue } from './secureValue.ts';
import { SecureValues } from './secureValues.ts';
import { pairsOf } from '../protocols/direct/argmax.ts';
import * as largest from '../protocols/direct/largest.ts';
import type { ArgmaxSuite, FusedSuite } from '../protocols/suite.ts';
import type { HelperRouted, Routed } from '../protocols/direct/treeRoute.ts';
import { checkTruncationBits } from '../protocols/paper/truncation.ts';

export abstract class SecureComparisons extends SecureValues {
  get suite(): 'direct' | 'paper' {
    return this.runtime.options.suite;
  }

  get truncation(): 'dealt' | 'local' {
    return this.runtime.options.truncation;
  }

  async relu(x: Value): Promise<{ y: Value; sign: Sign }> {
    const { suite } = this.runtime;
    const { data } = await this.whole(x);
    const drop = Math.max(0, x.fractionBits - this.fractionBits);
    return this.#compare('relu', x, x.fractionBits, {
      workers: (party) => suite.relu(party, data!, drop),
      helper: (party, bit) => suite.helperRelu(party, bit, drop),
    });
  }

  async truncateRelu(x: Value, bits: number): Promise<{ y: Value; sign: Sign }> {
    const fused = this.#fused;
    if (fused === undefined) return this.relu(await this.truncate(x, bits));
    return this.#compare('truncateRelu', x, x.fractionBits - bits, {
      workers: (party) => fused.relu(party, dataOf<SecureValue>(x), bits),
      helper: async (party, bit) => fused.helperRelu(party, bit, bits, await (x as SecureValue).part),
    });
  }

  override async reluPowers(x: Value, bits: number, degree: number): Promise<readonly Value[]> {
    const fused = this.#fused;
    if (fused === undefined || !follow(bits)) return super.reluPowers(x, bits, degree);
    let found: BigUint64Array[] | undefined;
    const { y } = await this.#compare('reluPowers', x, x.fractionBits - bits, {
      workers: async (party) => {
        const result = await fused.relu(party, dataOf<SecureValue>(x), bits, degree);
        found = result.powers;
        return result;
      },
      helper: async (party, bit) => fused.helperRelu(party, bit, bits, await (x as SecureValue).part, degree),
    });
    const others = Array.from({ length: degree - 1 }, (_, i) =>
      this.make(x.shape, (i + 2) * y.fractionBits, found?.[i] ?? null),
    );
    return [y, ...others];
  }

  async larger(x: Value, y: Value): Promise<{ y: Value; sign: Sign }> {
    const { tree } = this.runtime.suite;
    if (tree === undefined) return this.reluThenAdd(x, y);
    checkAlike('larger', x, y);
    const drop = Math.max(0, x.fractionBits - this.fractionBits);
    const pair = [x, y] as SecureValue[];
    const [difference, sum] = [this.partOfSum([1n, -1n], pair), this.partOfSum([1n, 1n], pair)];
    const scripts = {
      workers: (party: Party) => tree.larger(party, [dataOf<SecureValue>(x), dataOf<SecureValue>(y)], drop),
      helper: async (party: Party, bit: unknown) => {
        const part = await difference;
        await tree.helperLarger(party, bit, drop, part);
        if (part !== undefined) recycle(part);
      },
    };
    const partial = (x as SecureValue).partial || (y as SecureValue).partial;
    return this.#compare('larger', x, x.fractionBits + 1, scripts, sum ?? partial);
  }

  async largest(values: readonly Value[]): Promise<Value> {
    const { tree } = this.runtime.suite;
    if (tree === undefined) return this.largestInTurn(values);
    const [x] = values;
    for (const other of values) checkAlike('largest', x, other);
    const [size, of] = [sizeOf(x.shape), values.length];
    const drop = Math.max(0, x.fractionBits - this.fractionBits);
    const all = values as SecureValue[];
    const differences = all.slice(0, -1).map((value) => this.partOfSum([1n, -1n], [value, all[of - 1]]));
    const sum = this.partOfSum(largest.factors(of), all);
    const share = await this.run('largest', largest.comparisons(of) * size, {
      workers: (party) => tree.largest(party, all.map(dataOf<SecureValue>), drop),
      helper: async (party) => {
        const parts = await Promise.all(differences.map((part) => Promise.resolve(part)));
        await tree.helperLargest(party, size, drop, parts);
        for (const part of parts) if (part !== undefined) recycle(part);
      },
    });
    const partial = all.some((value) => value.partial);
    return this.value(this.nextLane(), x.shape, x.fractionBits + of - 1, share, sum ?? partial);
  }

  async largerRelu(x: Value, y: Value, bits: number): Promise<Value> {
    const { tree } = this.runtime.suite;
    if (tree === undefined || this.truncation === 'local') return this.treeThenRelu(x, y, bits);
    checkTruncationBits(bits);
    const size = sizeOf(x.shape);
    const share = await this.run('largerRelu', 3 * size, {
      workers: (party) => tree.largerRelu(party, [dataOf<SecureValue>(x), dataOf<SecureValue>(y)], bits),
      helper: async (party) => {
        const parts = await Promise.all([(x as SecureValue).part, (y as SecureValue).part]);
        await tree.helperLargerRelu(party, size, bits, parts);
      },
    });
    return this.make(x.shape, x.fractionBits - bits, share);
  }

  async route(levels: readonly Level[], delta: Value): Promise<Value> {
    const { tree } = this.runtime.suite;
    if (tree === undefined || levels.length === 0) return this.selectDown(levels, delta);
    const whole = await this.whole(delta);
    const columns = sizeOf(delta.shape);
    const down = await Promise.all(
      levels
        .toReversed()
        .map(async ({ sign, half }) => ({ bit: await (sign as SecureSign).bit, count: half * columns })),
    );
    const size = down.reduce((sum, { count }) => sum + count, columns);
    let routed: Routed | undefined;
    let helperRouted: HelperRouted | undefined;
    const share = await this.run('route', size, {
      workers: async (party) => {
        routed = await tree.route(party, down, await whole.mask.workers(party));
        return routed.share;
      },
      helper: (party) => {
        helperRouted = tree.helperRoute(party, down, whole.mask.helper(party));
        return helperRouted.done;
      },
    });
    const mask = new Mask(this.nextLane(), {
      workers: (lane) => routed!.open(lane),
      helper: (lane) => helperRouted!.mask(lane),
    });
    const shape = [size / columns, columns];
    return { shape, fractionBits: delta.fractionBits, data: share, mask, partial: false, whole: {} } as SecureValue;
  }

  async select(sign: Sign, x: Value): Promise<Value> {
    const { suite } = this.runtime;
    const { data } = await this.whole(x);
    return this.#keep('select', sign, x, x.fractionBits, {
      workers: (party, bit) => suite.select(party, bit, data!),
      helper: (party, bit) => suite.helperSelect(party, bit),
    });
  }

  bits(sign: Sign): Value {
    const { bit } = sign as SecureSign;
    return this.make(sign.shape, 0, this.holdsData ? this.runtime.suite.bits(this.party, bit) : null);
  }

  get argmax(): ((x: Value) => Promise<Value>) | undefined {
    const { argmax } = this.runtime.suite;
    return argmax && ((x) => this.#argmax(argmax, x));
  }

  async #argmax(argmax: ArgmaxSuite, x: Value): Promise<Value> {
    const [rows, columns] = x.shape;
    const drop = Math.max(0, x.fractionBits - this.fractionBits);
    const share = await this.run('argmax', rows * pairsOf(columns), {
      workers: (party) => argmax.workers(party, dataOf<SecureValue>(x), columns, drop),
      helper: async (party) => argmax.helper(party, rows, columns, drop, await (x as SecureValue).part),
    });
    return this.make(x.shape, 0, share);
  }

  async truncateSelect(sign: Sign, x: Value, bits: number): Promise<Value> {
    const fused = this.#fused;
    if (fused === undefined) return this.select(sign, await this.truncate(x, bits));
    return this.#keep('truncateSelect', sign, x, x.fractionBits - bits, {
      workers: (party, bit) => fused.select(party, bit, dataOf<SecureValue>(x), bits),
      helper: async (party, bit) => fused.helperSelect(party, bit, bits, await (x as SecureValue).part),
    });
  }

  get #fused(): FusedSuite<unknown, unknown> | undefined {
    return this.truncation === 'dealt' ? this.runtime.suite.fused : undefined;
  }

  /** A comparison with its product: the result, of which P2 may hold a part, and the bits each role keeps. */
  async #compare(
    name: string,
    x: Value,
    fractionBits: number,
    scripts: {
      workers: (party: Party) => Promise<{ y: BigUint64Array; bit: unknown }>;
      helper: (party: Party, bit: unknown) => Promise<void>;
    },
    part: Promise<BigUint64Array> | boolean = false,
  ): Promise<{ y: Value; sign: Sign }> {
    const size = sizeOf(x.shape);
    let bit: unknown;
    const share = await this.run(name, size, {
      workers: async (party) => {
        const result = await scripts.workers(party);
        bit = result.bit;
        return result.y;
      },
      helper: async (party) => {
        bit = this.runtime.suite.helperBits(party, size);
        return scripts.helper(party, await bit);
      },
    });
    const sign: SecureSign = { shape: x.shape, bit };
    return { y: this.value(this.nextLane(), x.shape, fractionBits, share, part), sign };
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
    const share = await this.run(name, size, {
      workers: (party) => scripts.workers(party, bit),
      helper: async (party) => scripts.helper(party, await bit),
    });
    return this.make(x.shape, fractionBits, share);
  }
}
