/**
 * A data set in shares: its first dimension is rows (samples), and every row is masked and opened at most once a session, the
 * first time a batch needs it (PROTOCOLS §1, "Masked operands": a value that does not change is opened once).
 *
 * The masks lie in one stream (data set's path, `U`), row after row, so that of a row is the same whichever batches it appears in, and those
 * of rows that follow one another are drawn at once.
 */
import { HelperMask, lessMask, Masked } from './beaver.ts';
import { later } from './later.ts';
import { open } from './open.ts';
import type { Party } from './party.ts';
import type { MaskTable } from '../random/streams.ts';

/** Elements whose masks are drawn at once. */
const SLICE = 16384;

export class Dataset {
  readonly rows: number;
  /** Elements of one row. */
  readonly width: number;
  readonly #party: Party;
  readonly #share: BigUint64Array | null;
  readonly #opened: BigUint64Array | null;
  readonly #asked: Uint8Array;
  /** A worker's share of the masks; P2 knows those of both. */
  readonly #masks: readonly MaskTable[];
  #arrivals: Promise<unknown> = Promise.resolve();

  constructor(party: Party, rows: number, width: number, share: BigUint64Array | null) {
    this.rows = rows;
    this.width = width;
    this.#party = party;
    this.#share = share;
    this.#opened = share === null ? null : new BigUint64Array(share.length);
    this.#asked = new Uint8Array(rows);
    const others = party.id === 2 ? (['P0', 'P1'] as const) : (['P2'] as const);
    this.#masks = others.map((other) => party.maskTable(other, 'U'));
  }

  /** Refuses rows that are not there. */
  check(indices: readonly number[]): void {
    for (const i of indices) {
      if (!Number.isInteger(i) || i < 0 || i >= this.rows)
        throw new RangeError(`row ${i} of a data set with ${this.rows}`);
    }
  }

  /** This worker's shares of the given rows; null at the helper. */
  gather(indices: readonly number[]): BigUint64Array | null {
    return this.#share === null ? null : this.#pick(this.#share, indices);
  }

  /** P0, P1: the rows as a masked operand. Opens those that were never opened, in one message under `party`. */
  async workersMask(party: Party, indices: readonly number[]): Promise<Masked> {
    const missing = [...new Set(indices)].filter((i) => this.#asked[i] === 0);
    for (const i of missing) this.#asked[i] = 1;
    const all = missing.length === indices.length;
    const U = later(this.#mask(indices));
    if (missing.length > 0) {
      const fresh = this.#pick(this.#share!, missing);
      const arrival = this.#open(party, missing, fresh, all ? U : this.#mask(missing));
      this.#arrivals = later(Promise.all([this.#arrivals, arrival]));
      if (all) return new Masked(party.worker, await arrival, await U);
    }
    await this.#arrivals; // also rows that an overlapping batch has asked for
    return new Masked(party.worker, this.#pick(this.#opened!, indices), await U);
  }

  /** P2: the masks of the rows. */
  async helperMask(indices: readonly number[]): Promise<HelperMask> {
    const [first, second] = await Promise.all(this.#masks.map((table) => this.#mask(indices, table)));
    return new HelperMask(first, second);
  }

  /** The rows of a worker's share of the masks. */
  async #mask(rows: readonly number[], table: MaskTable = this.#masks[0]): Promise<BigUint64Array> {
    const U = new BigUint64Array(rows.length * this.width);
    for (const { at, from, count } of this.#pieces(rows)) {
      U.set(table.z64(from, count), at);
      await this.#party.pause();
    }
    return U;
  }

  /** P0, P1: opens rows, given this worker's shares of them and of their masks. */
  async #open(
    party: Party,
    rows: readonly number[],
    share: BigUint64Array,
    masks: Promise<BigUint64Array>,
  ): Promise<BigUint64Array> {
    const opened = await open(party, 'E', await lessMask(party, share, await masks));
    rows.forEach((row, k) =>
      this.#opened!.set(opened.subarray(k * this.width, (k + 1) * this.width), row * this.width),
    );
    return opened;
  }

  /** Where rows lie that follow one another, at most a slice of them: `count` elements of a batch from `at`, of the data set from `from`. */
  *#pieces(rows: readonly number[]): Generator<{ at: number; from: number; count: number }> {
    const most = Math.max(1, Math.floor(SLICE / this.width));
    for (let k = 0; k < rows.length;) {
      let count = 1;
      while (k + count < rows.length && count < most && rows[k + count] === rows[k] + count) count++;
      yield { at: k * this.width, from: rows[k] * this.width, count: count * this.width };
      k += count;
    }
  }

  #pick(from: BigUint64Array, indices: readonly number[]): BigUint64Array {
    const out = new BigUint64Array(indices.length * this.width);
    indices.forEach((row, k) => out.set(from.subarray(row * this.width, (row + 1) * this.width), k * this.width));
    return out;
  }
}
