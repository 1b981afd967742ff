/**
 * An owner's data set: its first dimension is rows (samples). It came open under the owner's mask (`ownedInput.ts`), so a batch of rows is
 * a masked operand that takes no message, in whichever batches a row appears.
 *
 * Each share of the mask lies in one stream, row after row: that of a row is the same whatever batch it is in.
 */
import { HelperMask, Masked } from '../protocols/paper/beaver.ts';
import type { OwnedInput } from './ownedInput.ts';
import type { Party } from '../party/party.ts';
import { fresh } from '../ring/pool.ts';
import * as z64 from '../ring/z64.ts';

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
    const U = masks[0].rows(this.#starts(indices), this.#width);
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
  #mask(indices: readonly number[], which: number): Promise<BigUint64Array> {
    const starts = this.#starts(indices);
    const width = this.#width;
    const rows = (from: number, to: number): BigUint64Array =>
      this.#input.masks[which].rows(starts.slice(from / width, to / width), width);
    return this.#party.vector(indices.length * width, rows, width);
  }

  #openedRows(indices: readonly number[]): BigUint64Array {
    const width = this.#width;
    const opened = this.#input.opened!;
    const out = fresh(indices.length * width);
    for (const [i, from] of this.#starts(indices).entries()) out.set(opened.subarray(from, from + width), i * width);
    return out;
  }

  /** Where rows begin in the data set. */
  #starts(indices: readonly number[]): number[] {
    const starts: number[] = [];
    for (const index of indices) starts.push(index * this.#width);
    return starts;
  }
}
