/**
 * Values of the secure engine, as every party has them, and what their linear functions do to them: shares, the parts of products, masks.
 * `secure.ts` has the operations, which are protocols.
 */
import { type Border, type Fill, pad } from '../ring/pad.ts';
import { recycle } from '../ring/pool.ts';
import { type Shape, sizeOf } from '../ring/shape.ts';
import { overlay, roomFor, type WindowShape } from '../ring/windows.ts';
import * as z64 from '../ring/z64.ts';
import type { Left } from '../protocols/direct/leftOpen.ts';
import * as leftOpen from '../protocols/direct/leftOpen.ts';
import * as beaver from '../protocols/paper/beaver.ts';
import type { Sign, Value } from './engine.ts';
import { later } from '../party/later.ts';
import { dataOf, type Linear, LinearEngine } from './linear.ts';
import type { Agreement } from '../party/ledger.ts';
import type { Party } from '../party/party.ts';
import { refresh } from '../party/refresh.ts';
import { gathered, Mask, type SecureSign, type SecureValue } from './secureValue.ts';
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

/** Elements of a given value that enter a digest at a time. */
const NOTED = 1 << 20;

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

  /**
   * In a private session the workers compare all that they have opened so far, which must be all that has been begun, and what was to be
   * revealed leaves. In any other it has left already.
   */
  agree(agreement?: Agreement): Promise<void> {
    return this.party.agree(agreement);
  }

  /** What this worker was given as open: the other one must have been given the same. */
  noteOpened(name: string, opened: BigUint64Array): void {
    for (let from = 0; from < opened.length; from += NOTED)
      this.party.note(`${name}/${from}`, opened.subarray(from, from + NOTED));
  }

  /** Other shares of a value, under an address of its own. */
  refreshed(name: string, share: BigUint64Array | null): BigUint64Array | null {
    const lane = this.party.fork(`refreshed/${name}`);
    return share === null ? null : refresh(lane, share);
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
      this.#aside(Promise.all(parts).then((data) => compute(...data))),
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
    return this.value(lane, shape, fractionBits, null, x.part !== undefined && this.#aside(x.part.then(compute)));
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
    if (this.holdsData) {
      const partial = operands.some((operand) => operand.partial);
      const terms: BigUint64Array[] = [];
      const weights: bigint[] = [];
      for (const [i, operand] of operands.entries())
        for (const term of operand.summands?.() ?? [dataOf<SecureValue>(operand)]) {
          terms.push(term);
          weights.push(factors[i]);
        }
      return this.value(this.nextLane(), shape, fractionBits, z64.combine(terms, weights), partial);
    }
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
    return this.#aside(
      datas.then((terms) =>
        beaver.combined(
          this.party,
          terms,
          parts.map(({ factor }) => factor),
        ),
      ),
    );
  }

  /**
   * Of planes that do not overlap the image is opened by their opening: some of it may be there already (`treeRoute.ts`). Products alone may ever
   * ask for the image, so what they take is put together from what they would take of the planes, and the share when somebody asks for it.
   */
  override overlay(x: Value, shape: WindowShape): Promise<SecureValue> {
    const imageShape = this.overlaidShape(x, shape);
    const planes = x as SecureValue;
    const size = sizeOf(imageShape);
    if (planes.partial || sizeOf(planes.shape) > size) return super.overlay(x, shape);
    const overlaid = (part: BigUint64Array): Promise<BigUint64Array> => this.banded(overlay, part, shape, size);
    let share: BigUint64Array | undefined;
    const gather = (): BigUint64Array | null =>
      this.holdsData ? (share ??= overlaidAtOnce(planes, shape, size)) : null;
    const mask = new Mask(this.nextLane(), {
      workers: async (party) => {
        const { opened, mask } = await planes.mask.workers(party);
        return new beaver.Masked(party.worker, await overlaid(opened), await overlaid(mask));
      },
      helper: async (party) => {
        const [first, second] = (await planes.mask.helper(party)).shares;
        return new beaver.HelperMask(await overlaid(first), await overlaid(second));
      },
      forProduct: async (party) => {
        const operand = await (this.holdsData ? planes.mask.workers(party) : planes.mask.helper(party));
        const taken = await operand.doubled(party);
        const image = await overlaid(taken);
        recycle(taken);
        return image;
      },
      free: () => {
        if (share !== undefined) recycle(share);
        return freed(planes);
      },
    });
    const { fractionBits } = x;
    const more = { planes: { value: planes, channels: shape.channels } };
    return Promise.resolve(
      gathered({ shape: imageShape, fractionBits, mask, partial: false, whole: {}, gather, ...more }),
    );
  }

  override sumRows(x: Value): SecureValue {
    const { planes } = x as SecureValue;
    const [, columns] = x.shape;
    if (planes === undefined || planes.channels !== columns) return super.sumRows(x);
    const rows = sizeOf(planes.value.shape) / columns;
    return super.sumRows(this.view(planes.value, [rows, columns], x.fractionBits));
  }

  override slice(x: Value, from: number, to: number): SecureValue {
    const width = sizeOf(x.shape.slice(1));
    return leaves(super.slice(x, from, to), x, 1, (left) => leftOpen.slice(left, from * width, to * width));
  }

  override sumColumns(x: Value): SecureValue {
    const [, n] = x.shape;
    return leaves(super.sumColumns(x), x, n, (left) => leftOpen.sums(left, n));
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
    const { mask, partial, whole, gather, summands, opening, forProducts, planes } = x;
    const of = { ...(summands && { summands }), ...(opening && { opening }) };
    const more = { ...of, ...(forProducts && { forProducts }), ...(planes && { planes }) };
    return gathered({ shape, fractionBits, mask, partial, whole, gather, ...more });
  }

  free(x: Value | Sign): void {
    if ('bit' in x) {
      if (this.holdsData) this.runtime.suite.free?.((x as SecureSign).bit);
      return;
    }
    const value = x as SecureValue;
    if (this.holdsData) void later(freed(value));
    // What has begun here may still be about to read it.
    else void later(this.runtime.window.past().then(() => freed(value)));
  }

  /** The helper's: computed while it goes on. */
  #aside<T>(computing: Promise<T>): Promise<T> {
    return this.runtime.window.watch(later(computing));
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

/** y, made of what x is: by as many terms an element, if a truncation has left x. */
function leaves(y: SecureValue, x: Value, terms: number, map: (left: Left) => Left): SecureValue {
  const { left } = x as SecureValue;
  if (left === undefined) return y;
  const { bits, terms: before } = left.shape;
  return { ...y, left: { shape: { bits, terms: terms * before }, held: later(left.held.then(map)) } };
}

function overlaidAtOnce(planes: SecureValue, shape: WindowShape, size: number): BigUint64Array {
  const out = roomFor(overlay, shape, size);
  const bands = overlay(dataOf<SecureValue>(planes), shape, out);
  while (bands.next().done !== true);
  return out;
}

/** Gives back what a party holds of a value that nobody reads any more. */
async function freed(value: SecureValue): Promise<void> {
  if (value.gather === undefined && value.data !== null) recycle(value.data);
  if (value.part !== undefined) recycle(await value.part);
  const whole = await value.whole.value;
  if (whole !== undefined && whole !== value) await freed(whole);
  await value.mask.free();
  await value.forProducts?.free();
}
