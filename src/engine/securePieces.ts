/**
 * Values of the secure engine in pieces, and on their way between ranks of one party (docs/ranks.md): what a party holds of a value, or of a term of
 * a sum, and values made of that in another rank. None of it is a message to another party.
 */
import { fresh } from '../ring/pool.ts';
import { type Shape, sizeOf } from '../ring/shape.ts';
import * as z64 from '../ring/z64.ts';
import * as beaver from '../protocols/paper/beaver.ts';
import type { Value } from './engine.ts';
import { later } from '../party/later.ts';
import { dataOf } from './linear.ts';
import { gathered, type Held, type HeldOperand, Mask, opened, type SecureValue } from './secureValue.ts';
import { SecureComparisons } from './secureComparisons.ts';

export abstract class SecurePieces extends SecureComparisons {
  abstract input(
    name: string,
    shape: Shape,
    fractionBits: number,
    share: BigUint64Array | null,
    opening?: BigUint64Array,
  ): Value;

  override split(x: Value, shapes: readonly Shape[]): SecureValue[] {
    const value = x as SecureValue;
    const { opening } = value;
    if (shapes.length === 1 || opening === undefined) return super.split(x, shapes);
    let next = 0;
    return shapes.map((shape) => {
      const [from, to] = [next, (next += sizeOf(shape))];
      const cut = (array: BigUint64Array): BigUint64Array => array.subarray(from, to);
      return gathered({
        shape,
        fractionBits: x.fractionBits,
        mask: new Mask(this.nextLane(), {
          workers: async (party) => {
            const { opened, mask } = await value.mask.workers(party);
            return new beaver.Masked(party.worker, cut(opened), cut(mask), { kept: false });
          },
          helper: async (party) => {
            const [first, second] = (await value.mask.helper(party)).shares;
            return new beaver.HelperMask(cut(first), cut(second), { kept: false });
          },
        }),
        partial: false,
        whole: {},
        gather: () => (value.data === null ? null : cut(value.data)),
        opening: async () => {
          const all = await opening();
          return this.holdsData
            ? cut(all)
            : z64.concat(cut(all), all.subarray(sizeOf(x.shape) + from, sizeOf(x.shape) + to));
        },
      });
    });
  }

  override join(pieces: readonly Value[], shape: Shape): SecureValue {
    const values = pieces as readonly SecureValue[];
    if (values.length === 1 || values.some(({ partial }) => partial)) return super.join(pieces, shape);
    const all = (arrays: readonly BigUint64Array[]): BigUint64Array => z64.concat(...arrays);
    const count = sizeOf(shape);
    const masked = (party: typeof this.party): Promise<beaver.Masked[]> =>
      Promise.all(values.map(({ mask }) => mask.workers(party)));
    const masks = (party: typeof this.party): Promise<beaver.HelperMask[]> =>
      Promise.all(values.map(({ mask }) => mask.helper(party)));
    const opening = values.every((value) => value.opening !== undefined)
      ? async (): Promise<BigUint64Array> => {
          const parts = await Promise.all(values.map((value) => value.opening!()));
          if (this.holdsData) return all(parts);
          const halves = (j: 0 | 1): BigUint64Array[] =>
            parts.map((part) => part.subarray((j * part.length) / 2, ((j + 1) * part.length) / 2));
          return all([...halves(0), ...halves(1)]);
        }
      : undefined;
    return gathered({
      shape,
      fractionBits: values[0].fractionBits,
      mask: new Mask(this.nextLane(), {
        workers: async (party) => {
          const each = await masked(party);
          const [opened, mask] = [all(each.map((one) => one.opened)), all(each.map((one) => one.mask))];
          return new beaver.Masked(party.worker, opened, mask);
        },
        helper: async (party) => {
          const each = await masks(party);
          return new beaver.HelperMask(all(each.map((U) => U.shares[0])), all(each.map((U) => U.shares[1])));
        },
        ...(this.truncation === 'dealt' && {
          forProduct: async (party) => {
            const each = await (this.holdsData ? masked(party) : masks(party));
            const out = fresh(count);
            let from = 0;
            for (const [i, operand] of each.entries())
              await operand.doubled(party, out.subarray(from, (from += sizeOf(values[i].shape))));
            return out;
          },
        }),
      }),
      partial: false,
      whole: {},
      gather: () => (this.holdsData ? all(values.map((value) => dataOf<SecureValue>(value))) : null),
      ...(opening && { opening }),
    });
  }

  /**
   * What this party holds of a term of a sum, for another rank of it to add (docs/ranks.md): its share or, of a product, its part. Undefined at
   * the helper of a value in two shares.
   */
  portion(x: Value): Promise<BigUint64Array> | undefined {
    const value = x as SecureValue;
    return this.holdsData ? Promise.resolve(dataOf(value)) : value.part;
  }

  /**
   * The sum of portions of terms like x, all in the same parts, in the place of x: it has its address. The helper does not wait for them.
   */
  async sumOfPortions(x: Value, portions: readonly Promise<BigUint64Array>[]): Promise<Value> {
    const { shape, fractionBits, partial, mask } = x as SecureValue;
    const sum = later(Promise.all(portions).then((terms) => this.#summed(terms)));
    const lane = (): typeof this.party => mask.lane;
    if (this.holdsData) return this.value(lane, shape, fractionBits, await sum, partial);
    return this.value(lane, shape, fractionBits, null, partial && sum);
  }

  #summed(terms: readonly BigUint64Array[]): Promise<BigUint64Array> {
    if (terms.length === 1) return Promise.resolve(terms[0]);
    return beaver.combined(
      this.party,
      terms,
      terms.map(() => 1n),
    );
  }

  /**
   * What this party holds of an operand of products, which is opened now if it was not: enough for `operandInput` to give the same operand in
   * another rank of this party. With dealt truncation that is what products take of it, and nothing else, which goes to `out`.
   */
  async heldOperand(x: Value, out?: BigUint64Array): Promise<HeldOperand> {
    const { mask } = await this.whole(x);
    const { party } = this;
    if (this.truncation === 'dealt') {
      const kept = this.holdsData
        ? mask.workers(party).then((masked) => masked.doubled(party, out))
        : mask.helper(party).then((U) => U.doubled(party, out));
      return { kept: later(kept) };
    }
    if (!this.holdsData) return { kept: later(mask.helper(party).then(({ shares }) => z64.concat(...shares))) };
    const { opened, share } = await mask.workers(party);
    return { kept: Promise.resolve(z64.concat(opened, share)) };
  }

  /**
   * What `heldOperand` gave. The helper need not have it yet.
   * @param name unlike any other on the present path
   * @param own nobody else has the array
   */
  async operandInput(name: string, shape: Shape, fractionBits: number, held: HeldOperand, own = false): Promise<Value> {
    const { kept } = held;
    if (this.truncation === 'dealt') {
      const forProducts = own ? beaver.ForProducts.own(kept) : new beaver.ForProducts(kept);
      return this.productsOnly({ shape, fractionBits }, forProducts);
    }
    const size = sizeOf(shape);
    const both = kept.then((all) =>
      this.holdsData ? { data: all.subarray(size), opening: all.subarray(0, size) } : { data: null, opening: all },
    );
    return this.openedInput(name, shape, fractionBits, both);
  }

  /**
   * A value that is open, as `held` gave it in another rank of this party. The helper need not have it yet.
   * @param name unlike any other on the present path
   */
  async openedInput(name: string, shape: Shape, fractionBits: number, held: Promise<Required<Held>>): Promise<Value> {
    if (this.holdsData) {
      const { data, opening } = await held;
      return this.input(name, shape, fractionBits, data, opening);
    }
    const lane = this.party.fork(`input/${name}`);
    const size = sizeOf(shape);
    const kept = later(held.then(({ opening }) => opening));
    const U = later(kept.then((both) => new beaver.HelperMask(both.subarray(0, size), both.subarray(size))));
    const nothing = (): never => {
      throw new Error('the helper has no share of a value');
    };
    return opened(() => lane, shape, fractionBits, null, { workers: nothing, helper: () => U, opening: () => kept });
  }

  /** How many elements `heldOperand` gives of a value with so many. */
  heldElements(elements: number): number {
    return this.truncation === 'dealt' ? elements : 2 * elements;
  }

  /** What has begun so far has been done: at a worker it is when its calls have come back. */
  past(): Promise<void> {
    return this.holdsData ? Promise.resolve() : this.runtime.window.past();
  }

  /** What this engine does next comes after what this chain of messages has led to. */
  after(depth: number): void {
    this.party.join({ depth });
  }

  /** Whether `held` gives an opening. */
  opened(x: Value): boolean {
    return (x as SecureValue).opening !== undefined;
  }

  /** How many elements that has. */
  openingElements(elements: number): number {
    return this.holdsData ? elements : 2 * elements;
  }

  /** What this party holds of a value: enough for `input` to give the same value in a later session. */
  async held(x: Value): Promise<Held> {
    const { data, opening } = await this.whole(x);
    return { data, ...(opening === undefined ? {} : { opening: await opening() }) };
  }

  /** A value of which products alone know anything. The helper need not know it yet. */
  protected async productsOnly({ shape, fractionBits }: Value, forProducts: beaver.ForProducts): Promise<Value> {
    if (this.holdsData) await forProducts.forProduct(this.party);
    const nothing = (): never => {
      throw new Error('an operand that was kept for products is used otherwise');
    };
    return gathered({
      shape,
      fractionBits,
      mask: new Mask(() => this.party, { workers: nothing, helper: nothing }),
      partial: false,
      whole: {},
      gather: nothing,
      forProducts,
    });
  }
}
