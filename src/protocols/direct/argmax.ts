/**
 * Unit vectors of each row's maximum (PROTOCOLS §3), ties to the left: all pairs are compared at once, and of the columns it is the one that loses
 * to none. The direct suite, for few columns n: n(n − 1)/2 comparisons a row.
 *
 * x (m,n) in shares or parts (`dealtTruncation.ts`), of which the low `drop` bits are dropped: with y_i = (c_i >> drop) − (R_i >> drop), x truncated by
 * one mask for all its comparisons, they are those of numbers, so in each row just one column loses to none. N is the least power of two that holds n.
 *   Ahead:   R uniform over Z_{2^64} an element and r over Z_256, each in shares from k02 and k12, and a bit q a pair as in `directRelu.ts`. P2 deals the
 *            digits of (R_i >> drop) − (R_j >> drop) for i < j; ⟨q⟩ over Z_256; and of each element e_r of length N over Z_{2^64}, r mod N
 *   Round 1: P0, P1 open c = x + R
 *   Round 2, 3: `openedSign.ts` of y_i − y_j, whose opening is (c_i >> drop) − (c_j >> drop): b_ij = [y_i ≥ y_j] = t ⊕ q
 *   Round 4: losses ℓ_i = Σ_{j>i} (1 − b_ij) + Σ_{j<i} b_ji in shares over Z_256, as ⟨b⟩ = t + (1 − 2t)⟨q⟩. P0, P1 open v = ℓ + r
 *   Local:   [ℓ_i = 0] = (e_r)_v, v mod N: the workers take their shares at v
 *
 * Views: c, v are sums with masks of which each worker knows one part, used nowhere else; c_i − c_j is a function of two openings, and its comparison has
 * digits, β and rotation of its own. What is dealt is uniform to the worker that is sent it. P2 sees d (`privateCompare.ts`) and nothing of round 4, so
 * what it deals there cannot tell it anything, whatever it is.
 * Where comparisons are made by functions and rows are few, tables over all bits take the place of round 4 (`conjunctions.ts`).
 * Cost: 4 rounds. Differences of two entries must lie inside the comparison window.
 */
import { fresh } from '../../ring/pool.ts';
import * as z64 from '../../ring/z64.ts';
import { chunked, chunkOf, type Cost } from '../../party/cost.ts';
import { dealtZ64, receiverOf } from '../../party/deal.ts';
import { open, openBytes } from '../../party/open.ts';
import type { Party } from '../../party/party.ts';
import { powerAbove } from '../paper/unitVectors.ts';
import { inChunks, type Stage, step } from '../../party/steps.ts';
import type { Conjunctions } from './conjunctions.ts';
import * as conjunctions from './conjunctions.ts';
import { helperMask } from './dealtTruncation.ts';
import * as directRelu from './directRelu.ts';
import type { Functions, SignWindow } from './openedSign.ts';
import * as openedSign from './openedSign.ts';

/** Above this, all pairs are too many: 120 comparisons a row. */
export const MOST_COLUMNS = 16;

/** What is compared, and how. */
export interface Argmax {
  readonly columns: number;
  /** Low bits that are dropped. */
  readonly drop: number;
  readonly compareBits: number;
  readonly functions?: Functions | undefined;
}

function windowFor({ compareBits, drop, functions }: Argmax): SignWindow {
  return { ...directRelu.windowFor(compareBits, drop, functions), from: 0 };
}

/** Comparisons a row. */
export function pairsOf(columns: number): number {
  if (!Number.isInteger(columns) || columns < 2 || columns > MOST_COLUMNS)
    throw new RangeError(`all pairs of ${columns} columns: expected 2 … ${MOST_COLUMNS}`);
  return (columns * (columns - 1)) / 2;
}

/** The pairs (i, i + d) by distance, in the order in which they are compared. */
function pairs(columns: number): { readonly i: number; readonly j: number }[] {
  const distances = Array.from({ length: columns - 1 }, (_, k) => k + 1);
  return distances.flatMap((d) => Array.from({ length: columns - d }, (_, i) => ({ i, j: i + d })));
}

/** Columns one below the other, x (columns, rows) → what is compared, (pairs, rows), without the low bits. */
export function differences(x: BigUint64Array, { columns, drop }: Argmax): BigUint64Array {
  const rows = x.length / columns;
  const y = z64.shiftRight(x, drop);
  const out = fresh(pairsOf(columns) * rows);
  for (let d = 1, at = 0; d < columns; d++) {
    const length = (columns - d) * rows;
    z64.sub(y.subarray(0, length), y.subarray(d * rows), out.subarray(at, at + length));
    at += length;
  }
  return out;
}

/** P0, P1: this worker's shares, or parts, of x (rows, columns) → of unit vectors (rows, columns). */
export async function workers(party: Party, x: BigUint64Array, of: Argmax): Promise<BigUint64Array> {
  const { columns } = of;
  const window = windowFor(of);
  const pairsEach = pairsOf(columns);
  const out = fresh(x.length);
  const task = async (chunk: Party, from: number, to: number): Promise<void> => {
    const rows = to - from;
    const wins = byTables(rows, of);
    const masked = chunk.stream('P2', 'R').z64(rows * columns);
    z64.accumulate(masked, z64.transpose(x.subarray(from * columns, to * columns), rows, columns));
    const [c, ahead, words] = await Promise.all([
      open(chunk, 'c', masked), // round 1
      ...chunk.meanwhile(openedSign.ahead(chunk, window, pairsEach * rows), () =>
        wins === undefined ? dealtZ64(chunk, 'unit', wordsFor(rows, columns)) : undefined,
      ),
    ]);
    const t = new Uint8Array(pairsEach * rows);
    await openedSign.workers(chunk, window, ahead, differences(c, of), t); // rounds 2, 3
    const unit = await (wins === undefined
      ? unbeaten(chunk, columns, t, viewsOf(words!, rows, columns))
      : conjunctions.workers(chunk, t, wins));
    out.set(z64.transpose(unit, columns, rows), from * columns);
  };
  await party.chunks(x.length / columns, task, pairsEach);
  return out;
}

/** P0, P1, round 4: bits t of the pairs → shares of unit vectors (columns, rows). */
async function unbeaten(chunk: Party, columns: number, t: Uint8Array, { units, q }: Dealt): Promise<BigUint64Array> {
  const rows = t.length / pairsOf(columns);
  const one = chunk.worker === 0 ? 1 : 0;
  const losses = bytesOf(chunk.stream('P2', 'r').z64(wordsOf(columns * rows)), columns * rows);
  let k = 0;
  for (const { i, j } of pairs(columns)) {
    for (let row = 0; row < rows; row++, k++) {
      const b = t[k] === 0 ? q[k] : one - q[k];
      losses[i * rows + row] += one - b;
      losses[j * rows + row] += b;
    }
  }
  const v = await openBytes(chunk, 'losses', losses);
  const N = powerAbove(columns);
  const from = z64.halves(units);
  const unit = fresh(columns * rows);
  const to = z64.halves(unit);
  for (let at = 0; at < unit.length; at++) {
    const place = 2 * (at * N + (v[at] & (N - 1)));
    to[2 * at] = from[place];
    to[2 * at + 1] = from[place + 1];
  }
  return unit;
}

/** P2. `part` is its part of x. */
export async function helper(party: Party, rows: number, of: Argmax, part?: BigUint64Array): Promise<void> {
  const { columns } = of;
  const window = windowFor(of);
  const pairsEach = pairsOf(columns);
  const task = async (chunk: Party, from: number, to: number): Promise<void> => {
    const count = to - from;
    const own = part && z64.transpose(part.subarray(from * columns, to * columns), count, columns);
    const R = differences(helperMask(chunk, 0, columns * count, own), of);
    const q = await directRelu.helperBits(chunk, pairsEach * count);
    const wins = byTables(count, of);
    await Promise.all([
      wins === undefined ? dealUnits(chunk, columns, q) : conjunctions.helper(chunk, q, wins),
      openedSign.helper(chunk, window, R, q), // rounds 2, 3
    ]);
  };
  await party.chunks(rows, task, pairsEach);
}

/** P2: e_r for every element, and its bits q of the pairs. */
async function dealUnits(chunk: Party, columns: number, q: Uint8Array): Promise<void> {
  const { depth } = chunk; // independent of what may be received while this computes
  const rows = q.length / pairsOf(columns);
  const r = bytesOf(chunk.stream('P0', 'r').z64(wordsOf(columns * rows)), columns * rows);
  const other = bytesOf(chunk.stream('P1', 'r').z64(wordsOf(columns * rows)), columns * rows);
  const N = powerAbove(columns);
  const plain = new BigUint64Array(columns * rows * N);
  const words = z64.halves(plain);
  for (let at = 0; at < r.length; at++) words[2 * (at * N + ((r[at] + other[at]) & (N - 1)))] = 1;
  const drawn = chunk.stream(chunk.drawer, 'unit').z64(wordsFor(rows, columns));
  const sent = viewsOf(drawn, rows, columns);
  z64.subtractFrom(plain, sent.units);
  for (let k = 0; k < q.length; k++) sent.q[k] = q[k] - sent.q[k];
  await chunk.send(receiverOf(chunk), 'unit', drawn, depth);
}

/** What P2 deals, one behind the other. */
interface Dealt {
  /** (columns, rows, N). */
  readonly units: BigUint64Array;
  /** (pairs, rows), over Z_256. */
  readonly q: Uint8Array;
}

function viewsOf(words: BigUint64Array, rows: number, columns: number): Dealt {
  const units = words.subarray(0, columns * rows * powerAbove(columns));
  return { units, q: bytesOf(words.subarray(units.length), pairsOf(columns) * rows) };
}

function wordsFor(rows: number, columns: number): number {
  return columns * rows * powerAbove(columns) + wordsOf(pairsOf(columns) * rows);
}

/** Words that hold so many bytes. */
function wordsOf(bytes: number): number {
  return Math.ceil(bytes / 8);
}

function bytesOf({ buffer, byteOffset }: BigUint64Array, count: number): Uint8Array {
  return new Uint8Array(buffer, byteOffset, count);
}

/** Which of the pairs must be how for a column to lose to none, where that is looked up in tables. */
function byTables(rows: number, { columns, functions }: Argmax): Conjunctions | undefined {
  if (functions === undefined || functions === 'proved') return undefined;
  const inOrder = pairs(columns).map(({ i, j }, row) => ({ i, j, row }));
  const sets = Array.from({ length: columns }, (_, column) => {
    const own = inOrder.filter(({ i, j }) => i === column || j === column);
    return own.map(({ i, row }) => ({ row, bit: i === column ? 1 : 0 }) as const);
  });
  const wins = { columns: rows, sets };
  return conjunctions.holds(wins) ? wins : undefined;
}

export function cost(rows: number, of: Argmax, chunk: number): Cost {
  const { columns } = of;
  const window = windowFor(of);
  const pairsEach = pairsOf(columns);
  return chunked(rows, chunkOf(chunk, pairsEach), (m) => {
    const wins = byTables(m, of);
    const bytes = 16 * columns * m + openedSign.bytes(window, pairsEach * m);
    return wins === undefined
      ? { rounds: openedSign.rounds(window) + 1, bytes: bytes + 8 * wordsFor(m, columns) + 2 * columns * m }
      : { rounds: openedSign.rounds(window), bytes: bytes + conjunctions.bytes(wins) };
  });
}

export function stages(of: Argmax): Stage[] {
  const { columns } = of;
  const window = windowFor(of);
  const pairsEach = pairsOf(columns);
  const steps: Stage['steps'] = (m) => {
    const wins = byTables(m, of);
    const opening = step('exchange', [':c', 8 * columns * m]);
    const dealt: [string, number] =
      wins === undefined ? [':unit', 8 * wordsFor(m, columns)] : [':table', conjunctions.bytes(wins)];
    const compared = openedSign.steps(window, pairsEach * m, opening, [dealt]);
    return wins === undefined ? [...compared, step('exchange', [':losses', columns * m])] : compared;
  };
  return inChunks(steps, openedSign.keys(window, pairsEach), pairsEach);
}
