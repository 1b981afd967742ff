/**
 * Values of the secure engine, as every party has them, and what their linear functions do to them: shares, the parts of products, masks.
 * `secure.ts` has the operations, which are protocols.
 */
import { type Border, type Fill, pad } from '../ring/pad.ts';
import { type Shape, sizeOf } from '../ring/shape.ts';
import { overlay, type WindowShape } from '../ring/windows.ts';
import * as beaver from '../protocols/paper/beaver.ts';
import type { Value } from './engine.ts';
import { later } from '../party/later.ts';
import { dataOf, type Linear, LinearEngine } from './linear.ts';
import type { Party } from '../party/party.ts';
import { gathered, Mask, type SecureValue } from './secureValue.ts';
import type { FunctionKeys } from '../protocols/direct/functionKeys.ts';
import type { Suite } from '../protocols/suite.ts';
import type { Window } from '../party/window.ts';

export interface SecureOptions {
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  readonly fractionBits: number;
  /** Window of the direct suite's comparison; the paper suite compares all 64 bits. */
  readonly compareBits: number;
  /** Operations on at most so many values compare by functions, whose keys `ahead` deals; absent: none (`suite.ts`). */
  readonly few?: number | undefined;
  /** Hands this worker's share of a result to the owner. Never called at the helper. */
  readonly reveal: (name: string, share: BigUint64Array) => Promise<void>;
}

/** What a fork shares with its parent. */
export interface Runtime {
  readonly options: SecureOptions;
  readonly suite: Suite<unknown, unknown>;
  readonly window: Window;
  readonly functions?: FunctionKeys | undefined;
}

export abstract class SecureValues extends LinearEngine<SecureValue> {
  protected readonly addsPublic: boolean;
  protected readonly party: Party;
  protected readonly runtime: Runtime;
  protected operations = 0;
  #values = 0;

  constructor(party: Party, runtime: Runtime) {
    super(runtime.options.fractionBits);
    this.party = party;
    this.runtime = runtime;
    this.addsPublic = party.id === 0;
  }

  protected make(shape: Shape, fractionBits: number, data: BigUint64Array | null): SecureValue {
    return this.value(this.nextLane(), shape, fractionBits, data, false);
  }

  protected zeros(count: number): BigUint64Array | null {
    return this.holdsData ? new BigUint64Array(count) : null;
  }

  protected linear(shape: Shape, fractionBits: number, operands: readonly SecureValue[], compute: Linear): SecureValue {
    const partial = operands.some((operand) => operand.partial);
    if (this.holdsData) {
      return this.value(
        this.nextLane(),
        shape,
        fractionBits,
        compute(...operands.map((o) => dataOf<SecureValue>(o))),
        partial,
      );
    }
    if (!partial) return this.make(shape, fractionBits, null);
    const parts = operands.map((operand) => operand.part ?? Promise.resolve(new BigUint64Array(sizeOf(operand.shape))));
    return this.value(
      this.nextLane(),
      shape,
      fractionBits,
      null,
      later(Promise.all(parts).then((data) => compute(...data))),
    );
  }

  protected async paced(
    shape: Shape,
    fractionBits: number,
    x: SecureValue,
    compute: (data: BigUint64Array) => Promise<BigUint64Array>,
  ): Promise<SecureValue> {
    const lane = this.nextLane();
    if (this.holdsData) return this.value(lane, shape, fractionBits, await compute(dataOf<SecureValue>(x)), x.partial);
    return this.value(lane, shape, fractionBits, null, x.part !== undefined && later(x.part.then(compute)));
  }

  protected override pause(): Promise<void> {
    return this.party.pause();
  }

  protected override weighted(
    shape: Shape,
    fractionBits: number,
    factors: readonly bigint[],
    operands: readonly SecureValue[],
  ): SecureValue {
    if (this.holdsData) return super.weighted(shape, fractionBits, factors, operands);
    const part = this.partOfSum(factors, operands) ?? false;
    return this.value(this.nextLane(), shape, fractionBits, null, part);
  }

  /** At the helper its part of Σ factors[i] · operands[i], if it has one: terms in two shares are nothing there, and cost no time. */
  protected partOfSum(
    factors: readonly bigint[],
    operands: readonly SecureValue[],
  ): Promise<BigUint64Array> | undefined {
    const parts = operands.flatMap(({ part }, i) => (part === undefined ? [] : [{ part, factor: factors[i] }]));
    if (parts.length === 0) return undefined;
    const datas = Promise.all(parts.map(({ part }) => part));
    return later(
      datas.then((terms) =>
        beaver.combined(
          this.party,
          terms,
          parts.map(({ factor }) => factor),
        ),
      ),
    );
  }

  /** Of planes that do not overlap the image is opened by their opening: some of it may be there already (`treeRoute.ts`). */
  override async overlay(x: Value, shape: WindowShape): Promise<SecureValue> {
    const image = await super.overlay(x, shape);
    const planes = x as SecureValue;
    const size = sizeOf(image.shape);
    if (planes.partial || sizeOf(planes.shape) > size) return image;
    const overlaid = (part: BigUint64Array): Promise<BigUint64Array> => this.banded(overlay, part, shape, size);
    const mask = new Mask(() => image.mask.lane, {
      workers: async (party) => {
        const { opened, mask } = await planes.mask.workers(party);
        return new beaver.Masked(party.worker, await overlaid(opened), await overlaid(mask));
      },
      helper: async (party) => {
        const [first, second] = (await planes.mask.helper(party)).shares;
        return new beaver.HelperMask(await overlaid(first), await overlaid(second));
      },
    });
    return { ...image, mask };
  }

  /** Images with a border are opened by the images' opening: that of a data set is there already. */
  override pad(x: Value, border: Border, fill: Fill): SecureValue {
    const padded = super.pad(x, border, fill);
    const image = x as SecureValue;
    if (image.partial) return padded;
    const bordered = (part: BigUint64Array): BigUint64Array => pad(part, x.shape, border, fill);
    const mask = new Mask(() => padded.mask.lane, {
      workers: async (party) => {
        const { opened, mask } = await image.mask.workers(party);
        return new beaver.Masked(party.worker, bordered(opened), bordered(mask));
      },
      helper: async (party) => {
        const [first, second] = (await image.mask.helper(party)).shares;
        return new beaver.HelperMask(bordered(first), bordered(second));
      },
    });
    return { ...padded, mask };
  }

  override addRow(x: Value, row: Value): SecureValue {
    const sum = super.addRow(x, row);
    if (sum.partial) return sum;
    const [rows, added] = [(x as SecureValue).mask, (row as SecureValue).mask];
    const mask = new Mask(() => sum.mask.lane, {
      workers: async (party) => {
        const [X, R] = await Promise.all([rows.workers(party), added.workers(party)]);
        return beaver.plusRow(party, X, R);
      },
      helper: async (party) => {
        const [U, V] = await Promise.all([rows.helper(party), added.helper(party)]);
        return beaver.helperPlusRow(party, U, V);
      },
    });
    return { ...sum, mask };
  }

  protected view(x: SecureValue, shape: Shape, fractionBits: number): SecureValue {
    if (x.gather === undefined) return { ...x, shape, fractionBits };
    const { mask, partial, whole, gather, opening, forProducts } = x;
    const more = { ...(opening && { opening }), ...(forProducts && { forProducts }) };
    return gathered({ shape, fractionBits, mask, partial, whole, gather, ...more });
  }

  protected get holdsData(): boolean {
    return this.party.id !== 2;
  }

  protected nextLane(): () => Party {
    const label = `v${this.#values++}`;
    return () => this.party.fork(label);
  }

  /** `part`: false for a value in two shares; else true at a worker and, at the helper, its part itself. */
  protected value(
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
  protected whole(x: Value): Promise<SecureValue> {
    const value = x as SecureValue;
    if (!value.partial) return Promise.resolve(value);
    value.whole.value ??= this.#dealPart(value);
    return value.whole.value.then((whole) => this.view(whole, x.shape, x.fractionBits));
  }

  async #dealPart(x: SecureValue): Promise<SecureValue> {
    const lane = x.mask.lane.fork('whole');
    lane.join(this.party);
    if (!this.holdsData) {
      await this.runtime.window.start(sizeOf(x.shape), async () => beaver.dealPart(lane, (await x.part)!));
      return this.value(() => lane, x.shape, x.fractionBits, null, false);
    }
    const share = await beaver.dealtPart(lane, dataOf<SecureValue>(x));
    return this.value(() => lane, x.shape, x.fractionBits, share, false);
  }

  /**
   * One operation: this party's script under a fresh fork. A worker's result is its share; the helper's runs on in the background
   * and null comes back at once. Deals alternate between the workers from one operation to the next.
   */
  protected async run(
    name: string,
    weight: number,
    scripts: { workers: (party: Party) => Promise<BigUint64Array>; helper: (party: Party) => Promise<void> },
  ): Promise<BigUint64Array | null> {
    const index = this.operations++;
    const party = this.party.fork(`${index}:${name}`, index % 2 === 0 ? 'P0' : 'P1');
    if (!this.holdsData) {
      await this.runtime.window.start(weight, () => scripts.helper(party).then(() => party.over()));
      return null;
    }
    const share = await scripts.workers(party);
    this.party.join(party);
    party.over();
    return share;
  }
}
