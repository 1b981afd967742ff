/**
 * A data set in shares: its first dimension is rows (samples), and every row is masked and opened at most once a session, the
 * first time a batch needs it (PROTOCOLS §1, "Masked operands": a value that does not change is opened once).
 *
 * The mask of row i is the stream (data set's path, `U/i`), so it is the same whichever batches the row appears in.
 */
import * as z64 from '../ring/z64.ts';
import { type Masked, masked } from './beaver.ts';
import { later } from './later.ts';
import { open } from './open.ts';
import type { Party } from './party.ts';

export class Dataset {
  readonly rows: number;
  /** Elements of one row. */
  readonly width: number;
  readonly #party: Party;
  readonly #share: BigUint64Array | null;
  readonly #opened: BigUint64Array | null;
  readonly #asked: Uint8Array;
  #arrivals: Promise<unknown> = Promise.resolve();

  constructor(party: Party, rows: number, width: number, share: BigUint64Array | null) {
    this.rows = rows;
    this.width = width;
    this.#party = party;
    this.#share = share;
    this.#opened = share === null ? null : new BigUint64Array(share.length);
    this.#asked = new Uint8Array(rows);
  }

  /** This worker's shares of the given rows; null at the helper. */
  gather(indices: readonly number[]): BigUint64Array | null {
    for (const i of indices) {
      if (!Number.isInteger(i) || i < 0 || i >= this.rows)
        throw new RangeError(`row ${i} of a data set with ${this.rows}`);
    }
    return this.#share === null ? null : this.#pick(this.#share, indices);
  }

  /** P0, P1: the rows as a masked operand. Opens those that were never opened, in one message under `party`. */
  async workersMask(party: Party, indices: readonly number[], share: BigUint64Array): Promise<Masked> {
    const missing = [...new Set(indices)].filter((i) => this.#asked[i] === 0);
    for (const i of missing) this.#asked[i] = 1;
    if (missing.length > 0) {
      const fresh = missing.length === indices.length ? share : this.#pick(this.#share!, missing);
      const arrival = this.#open(party, missing, fresh);
      this.#arrivals = later(Promise.all([this.#arrivals, arrival]));
      if (fresh === share) return masked(party, share, await arrival);
    }
    await this.#arrivals; // also rows that an overlapping batch has asked for
    return masked(party, share, this.#pick(this.#opened!, indices));
  }

  /** P2: the masks of the rows. */
  async helperMask(indices: readonly number[]): Promise<BigUint64Array> {
    const U = new BigUint64Array(indices.length * this.width);
    for (const [k, row] of indices.entries()) {
      const [u0, u1] = (['P0', 'P1'] as const).map((worker) =>
        this.#party.streamAgain(worker, `U/${row}`).z64(this.width),
      );
      U.set(z64.accumulate(u0, u1), k * this.width);
      await this.#party.pause();
    }
    this.#party.compute.keep(U);
    return U;
  }

  /** P0, P1: opens rows, of which `share` is this worker's share. */
  async #open(party: Party, rows: readonly number[], share: BigUint64Array): Promise<BigUint64Array> {
    const mine = new BigUint64Array(share.length);
    for (const [k, row] of rows.entries()) {
      const from = k * this.width;
      const mask = this.#party.stream('P2', `U/${row}`).z64(this.width);
      mine.set(z64.subtractFrom(share.subarray(from, from + this.width), mask), from);
      await this.#party.pause();
    }
    const opened = await open(party, 'E', mine);
    rows.forEach((row, k) =>
      this.#opened!.set(opened.subarray(k * this.width, (k + 1) * this.width), row * this.width),
    );
    return opened;
  }

  #pick(from: BigUint64Array, indices: readonly number[]): BigUint64Array {
    const out = new BigUint64Array(indices.length * this.width);
    indices.forEach((row, k) => out.set(from.subarray(row * this.width, (row + 1) * this.width), k * this.width));
    return out;
  }
}
