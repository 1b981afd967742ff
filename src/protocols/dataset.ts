/**
 * An owner's data set: its first dimension is rows (samples). It came open under the owner's mask (`ownedInput.ts`), so a batch of rows is
 * a masked operand that takes no message, in whichever batches a row appears.
 *
 * Each share of the mask lies in one stream, row after row: that of a row is the same whatever batch it is in, and those of rows that follow one
 * another are drawn at once.
 */
import { HelperMask, Masked } from './beaver.ts';
import type { OwnedInput } from './ownedInput.ts';
import type { Party } from './party.ts';
import * as z64 from '../ring/z64.ts';

/** Elements whose masks are drawn at once. */
const SLICE = 16384;

/** Elements that lie side by side: `count` of a batch from `at`, of the data set from `from`. */
interface Piece {
  readonly at: number;
  readonly from: number;
  readonly count: number;
}

export class Dataset {
  readonly #party: Party;
  readonly #rows: number;
  /** Elements of one row. */
  readonly #width: number;
  readonly #input: OwnedInput;

  constructor(party: Party, rows: number, width: number, input: OwnedInput) {
    this.#party = party;
    this.#rows = rows;
    this.#width = width;
    this.#input = input;
  }

  /** Refuses rows that are not there. */
  check(indices: readonly number[]): void {
    for (const i of indices) {
      if (!Number.isInteger(i) || i < 0 || i >= this.#rows)
        throw new RangeError(`row ${i} of a data set with ${this.#rows}`);
    }
  }

  /** This worker's shares of the given rows; null at the helper. */
  share(indices: readonly number[]): BigUint64Array | null {
    const { opened, masks } = this.#input;
    if (opened === null) return null;
    const U = new BigUint64Array(indices.length * this.#width);
    for (const { at, from, count } of this.#pieces(indices)) U.set(masks[0].z64(from, count), at);
    return this.#party.id === 0 ? z64.add(this.#openedRows(indices), U) : U;
  }

  /** P0, P1: the rows as a masked operand. */
  async workersMask(indices: readonly number[]): Promise<Masked> {
    return new Masked(this.#party.worker, this.#openedRows(indices), await this.#mask(indices, 0));
  }

  /** P2: the masks of the rows. */
  async helperMask(indices: readonly number[]): Promise<HelperMask> {
    return new HelperMask(await this.#mask(indices, 0), await this.#mask(indices, 1));
  }

  /** The rows of one of the shares of the mask that this party knows. */
  async #mask(indices: readonly number[], which: number): Promise<BigUint64Array> {
    const U = new BigUint64Array(indices.length * this.#width);
    for (const { at, from, count } of this.#pieces(indices)) {
      U.set(this.#input.masks[which].z64(from, count), at);
      await this.#party.pause();
    }
    return U;
  }

  #openedRows(indices: readonly number[]): BigUint64Array {
    const out = new BigUint64Array(indices.length * this.#width);
    for (const { at, from, count } of this.#pieces(indices))
      out.set(this.#input.opened!.subarray(from, from + count), at);
    return out;
  }

  /** Rows that follow one another, at most a slice of them at a time. */
  *#pieces(indices: readonly number[]): Generator<Piece> {
    const most = Math.max(1, Math.floor(SLICE / this.#width));
    for (let k = 0; k < indices.length;) {
      let count = 1;
      while (k + count < indices.length && count < most && indices[k + count] === indices[k] + count) count++;
      yield { at: k * this.#width, from: indices[k] * this.#width, count: count * this.#width };
      k += count;
    }
  }
}
