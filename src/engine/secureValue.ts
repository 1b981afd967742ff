/** What the secure engine's values carry besides their shape: the mask they are opened under, and P2's part of a product. */
import type { Left, LeftShape } from '../protocols/direct/leftOpen.ts';
import * as beaver from '../protocols/paper/beaver.ts';
import type { Sign } from './engine.ts';
import { later } from '../party/later.ts';
import type { RingValue } from './linear.ts';
import type { Party } from '../party/party.ts';
import { type Shape, sizeOf } from '../ring/shape.ts';

/** How a mask is made under its lane: opened by the workers, drawn by P2. */
interface MaskScripts {
  readonly workers: (lane: Party) => Promise<beaver.Masked>;
  readonly helper: (lane: Party) => Promise<beaver.HelperMask>;
  /** What twice a product takes of it, where that is had for less than the rest; in either role, an array of its own. */
  readonly forProduct?: (lane: Party) => Promise<BigUint64Array>;
  /** With what was made goes this. */
  readonly free?: () => Promise<void>;
}

/** The mask of a value: made on first use at an address of its own, then reused by every product the value enters. */
export class Mask {
  readonly #makeLane: () => Party;
  readonly #make: MaskScripts;
  #lane: Party | undefined;
  #masked: Promise<beaver.Masked> | undefined;
  #U: Promise<beaver.HelperMask> | undefined;
  #forProducts: beaver.ForProducts | undefined;

  constructor(makeLane: () => Party, make: MaskScripts) {
    this.#makeLane = makeLane;
    this.#make = make;
  }

  /** The value's own address; most values are never masked and need none. */
  get lane(): Party {
    return (this.#lane ??= this.#makeLane());
  }

  /** P0, P1: opened under the value's own lane, at the time of its first use. */
  async workers(user: Party): Promise<beaver.Masked> {
    if (this.#masked === undefined) {
      this.#beginFor(user);
      this.#masked = this.#make.workers(this.lane);
    }
    const masked = await this.#masked;
    user.join(this.lane);
    return masked;
  }

  #beginFor(user: Party): void {
    this.lane.join(user);
    this.lane.accountTo(user);
  }

  /** P0, P1: for twice a product and others like it. */
  async workersOperand(user: Party): Promise<beaver.Masked | beaver.ForProducts> {
    if (this.#make.forProduct === undefined) return this.workers(user);
    if (this.#forProducts === undefined) {
      this.#beginFor(user);
      this.#forProducts = beaver.ForProducts.own(this.#make.forProduct(this.lane));
    }
    await this.#forProducts.forProduct(user);
    user.join(this.lane);
    return this.#forProducts;
  }

  /** P2: shares of U. */
  helper(user: Party): Promise<beaver.HelperMask> {
    if (this.#U === undefined) this.lane.accountTo(user);
    return (this.#U ??= later(this.#make.helper(this.lane)));
  }

  /** P2: for twice a product and others like it. */
  async helperOperand(user: Party): Promise<beaver.HelperMask | beaver.ForProducts> {
    if (this.#make.forProduct === undefined) return this.helper(user);
    if (this.#forProducts === undefined) {
      this.lane.accountTo(user);
      this.#forProducts = beaver.ForProducts.own(this.#make.forProduct(this.lane));
    }
    return this.#forProducts;
  }

  /** Nobody asks for it any more: gives back what was made, but for what operands were lent. */
  async free(): Promise<void> {
    await (await this.#masked)?.free();
    await (await this.#U)?.free();
    await this.#forProducts?.free();
    await this.#make.free?.();
  }
}

/**
 * A value in two shares or, when `partial`, in three parts: a product of which P2 still holds its part (`beaver.ts`). Linear
 * operations act on all three alike; the truncations take P2's part up; anything else has it dealt first (`#whole`).
 */
export interface SecureValue extends RingValue {
  readonly mask: Mask;
  /** Of a value that was opened as it was made: E, which the workers opened; at the helper, ⟨U⟩₀ and ⟨U⟩₁, one behind the other. */
  readonly opening?: () => Promise<BigUint64Array>;
  /** Of rows of a data set, or a value that came open: puts the share together. */
  readonly gather?: () => BigUint64Array | null;
  /** What a worker's share is the sum of, where `gather` would add it up anew each time: a weighted sum takes it as it is. */
  readonly summands?: () => readonly BigUint64Array[];
  /** Of an image in which nothing but these planes lies, each where the others do not: what has the same sums over rows of its channels. */
  readonly planes?: { readonly value: SecureValue; readonly channels: number };
  /** Of what a truncation has left: how products follow from its opening (`leftOpen.ts`). */
  readonly left?: LeftValue;
  readonly partial: boolean;
  /** At the helper, of a partial value: P2's part, still being computed perhaps. */
  readonly part?: Promise<BigUint64Array>;
  /** Of an operand (`Engine.operand`): all that there is of it. */
  readonly forProducts?: beaver.ForProducts;
  /** The value in two shares, once somebody has asked for it. Shared by all views of the value. */
  readonly whole: { value?: Promise<SecureValue> };
}

/** What a truncation has left, and what this party holds of it; the helper may still be drawing it. */
export interface LeftValue {
  readonly shape: LeftShape;
  readonly held: Promise<Left>;
}

/** A value that was opened as it was made. */
export function opened(
  lane: () => Party,
  shape: Shape,
  fractionBits: number,
  share: BigUint64Array | null,
  { opening, ...scripts }: MaskScripts & Required<Pick<SecureValue, 'opening'>>,
): SecureValue {
  return { shape, fractionBits, data: share, mask: new Mask(lane, scripts), opening, partial: false, whole: {} };
}

/** A value whose share is put together when it is asked for: products ask for its opening alone. */
export function gathered(value: Omit<SecureValue, 'data'> & Required<Pick<SecureValue, 'gather'>>): SecureValue {
  return {
    ...value,
    get data() {
      return value.gather();
    },
  };
}

/** What a party holds of a value. */
export interface Held {
  /** Its share; null at the helper. */
  readonly data: BigUint64Array | null;
  /** As a value's, if it has one. */
  readonly opening?: BigUint64Array;
}

/** What a party holds of an operand of products, as another rank of it takes it; the helper may still be computing it. */
export interface HeldOperand {
  /** With dealt truncation what products take of it (`beaver.ts`); else E and the share, or the helper's two shares of the mask, one behind the other. */
  readonly kept: Promise<BigUint64Array>;
}

export interface SecureSign extends Sign {
  /** What this party keeps of the comparison; P2 may still be drawing it. */
  readonly bit: unknown;
}

export function checkSize(name: string, shape: Shape, values: BigUint64Array): void {
  if (values.length !== sizeOf(shape))
    throw new RangeError(
      `input ${name}: expected ${sizeOf(shape)} elements for [${shape.join(',')}], found ${values.length}`,
    );
}
