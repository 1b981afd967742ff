/**
 * The largest of two values or some more in the three rounds of one comparison, where a tree takes three for each doubling: of few, whose time is
 * the link's. The direct suite; values may be shares or parts of products (`dealtTruncation.ts`).
 *
 * Of x_1 … x_g all pairs are compared side by side: σ_ij = 1 where x_i ≥ x_j, else −1, for i < j, and σ_ji = −σ_ij. Then
 *   2^(g−1)·max = 2^(g−1)·x_g + Σ_{i<g} Π_{j≠i} (1 + σ_ij)·(x_i − x_g),
 * which is one of the values, whatever the signs are: of two factors of σ_ij one is 0. Multiplied out it is a sum of the values and of terms ±σ_T·d, with
 * σ_T the product of the signs of some pairs and d the difference of one (`termsOf`: 5 terms of three values, 18 of four).
 * As in `larger.ts` d = c − R enters by its opening alone, and so P2 deals no part of a product. σ = (1 − 2t)(2q − 1) with bits q that P2
 * knows ahead; so it knows p_T, the product of 2q − 1, and the workers τ_T, that of 1 − 2t, in the end.
 *   Ahead:   R as in `directRelu.ts`, of x_i − x_g for i < g. P2 deals the digits of R for all pairs, those of x_i − x_j being differences, and for each
 *            term ⟨q_T⟩ with 2q_T − 1 = p_T, and ⟨p_T·R⟩
 *   Round 1: P0, P1 open c = x_i − x_g + R for all i < g
 *   Round 2: PrivateCompare of R against c for all pairs
 *   Round 3: P2 tells v for all pairs, the workers set t
 *   Local:   Σ_{i<g} ⟨x_i⟩ + (2^(g−1) − g + 1)·⟨x_g⟩ + Σ_T ±τ_T·(c·⟨p_T⟩ − ⟨p_T·R⟩)
 *
 * Views: as in `directRelu.ts`. The opening of x_i − x_j is a function of two openings, and its comparison has digits, β and rotation of its own.
 * Differences must lie inside the window; `drop` as in `directRelu.ts`. Cost: 16 bytes an opening and a term, and the comparisons'.
 */
import { xorInto } from '../../ring/bits.ts';
import * as z64 from '../../ring/z64.ts';
import { chunked, type Cost } from '../../party/cost.ts';
import { dealtZ64 } from '../../party/deal.ts';
import { dealSelected, helperBits, windowFor } from './directRelu.ts';
import { helperMask } from './dealtTruncation.ts';
import { open } from '../../party/open.ts';
import type { Functions } from './openedSign.ts';
import * as openedSign from './openedSign.ts';
import type { Party } from '../../party/party.ts';
import { inChunks, type Stage, step } from '../../party/steps.ts';

/** σ_T·d, or less it. */
interface Term {
  /** T, by rows of pairs. */
  readonly signs: readonly number[];
  /** The pair whose difference d is. */
  readonly difference: number;
  readonly minus: boolean;
}

/** Which two of `of` values: each with the last one first. */
function pairsOf(of: number): (readonly [i: number, j: number])[] {
  const all = Array.from({ length: of }, (_, j) => Array.from({ length: j }, (_value, i) => [i, j] as const));
  return [...all[of - 1], ...all.slice(0, -1).flat()];
}

function termsOf(of: number): Term[] {
  const pairs = pairsOf(of);
  // The terms in σ_ij alone, of x_i and of x_j, are one in x_i − x_j.
  const single = pairs.map((_, row): Term => ({ signs: [row], difference: row, minus: false }));
  const products = pairs.slice(0, of - 1).flatMap((_, i) => {
    const rows = pairs.flatMap((pair, row) => (pair.includes(i) ? [row] : []));
    const sets = Array.from({ length: 1 << rows.length }, (_set, set) => rows.filter((_row, k) => (set >> k) & 1));
    return sets
      .filter(({ length }) => length > 1)
      .map((signs): Term => {
        const turned = signs.filter((row) => pairs[row][1] === i);
        return { signs, difference: i, minus: turned.length % 2 === 1 };
      });
  });
  return [...single, ...products];
}

/** What each of `of` values counts in the sum beside the terms. */
export function factors(of: number): bigint[] {
  return Array.from({ length: of }, (_, i) => BigInt(i < of - 1 ? 1 : 2 ** (of - 1) - of + 1));
}

/** Comparisons of `of` values. */
export function comparisons(of: number): number {
  return (of * (of - 1)) / 2;
}

/** P0, P1: this worker's shares, or parts, of x_1 … x_g → its share, or part, of 2^(g−1)·max. */
export async function workers(
  party: Party,
  values: readonly BigUint64Array[],
  compareBits: number,
  drop: number,
  functions?: Functions,
): Promise<BigUint64Array> {
  const of = values.length;
  const [window, terms] = [windowFor(compareBits, drop, functions), termsOf(of)];
  const y = z64.combine(values, factors(of));
  await party.chunks(y.length, async (chunk, from, to) => {
    const n = to - from;
    const last = values[of - 1].subarray(from, to);
    const differences = values.slice(0, -1).map((x) => z64.sub(x.subarray(from, to), last));
    const masked = z64.accumulate(chunk.stream('P2', 'R').z64((of - 1) * n), z64.concat(...differences));
    const count = terms.length * n;
    const [opened, ahead, dealt] = await Promise.all([
      open(chunk, 'c', masked), // round 1
      ...chunk.meanwhile(openedSign.ahead(chunk, window, comparisons(of) * n), () =>
        dealtZ64(chunk, 'q,qR', 2 * count),
      ),
    ]);
    const c = ofPairs(opened, of);
    const t = await openedSign.workers(chunk, window, ahead, c, new Uint8Array(c.length)); // rounds 2, 3
    const p = z64.scale(dealt.subarray(0, count), 2n);
    const products = z64.multiply(differencesOf(terms, c, n), chunk.worker === 0 ? z64.addConstant(p, -1n) : p);
    z64.decrease(products, dealt.subarray(count));
    const negative = parities(terms, t, n, ({ minus }) => Number(minus));
    const sum = z64.sumRows(z64.negateWhere(negative, products), terms.length, n);
    z64.accumulate(y.subarray(from, to), sum);
  });
  return y;
}

/** P2. `parts` are its parts of x_i − x_g for all i < g. */
export async function helper(
  party: Party,
  count: number,
  compareBits: number,
  drop: number,
  parts: readonly (BigUint64Array | undefined)[],
  functions?: Functions,
): Promise<void> {
  const of = parts.length + 1;
  const [window, terms] = [windowFor(compareBits, drop, functions), termsOf(of)];
  await party.chunks(count, async (chunk, from, to) => {
    const n = to - from;
    const part = z64.concat(...parts.map((x) => x?.subarray(from, to) ?? new BigUint64Array(n)));
    const R = ofPairs(helperMask(chunk, 0, (of - 1) * n, part), of);
    const q = await helperBits(chunk, R.length);
    // Each factor 2q − 1 is −1 where q is 0.
    const qT = parities(terms, q, n, ({ signs }) => (signs.length + 1) % 2);
    await Promise.all([
      dealSelected(chunk, 'q,qR', qT, differencesOf(terms, R, n), { withBit: true, signed: true }),
      openedSign.helper(chunk, window, R, q), // rounds 2, 3
    ]);
  });
}

/** Of x_i − x_g for i < g, row after row, the differences of all pairs. */
function ofPairs(rows: BigUint64Array, of: number): BigUint64Array {
  const n = rows.length / (of - 1);
  const others = pairsOf(of).slice(of - 1);
  return z64.concat(rows, ...others.map(([i, j]) => z64.sub(row(rows, n, i), row(rows, n, j))));
}

/** The difference of each term. */
function differencesOf(terms: readonly Term[], ofPair: BigUint64Array, n: number): BigUint64Array {
  return z64.concat(...terms.map(({ difference }) => row(ofPair, n, difference)));
}

/** For each term the parity of its pairs' bits, and of one more. */
function parities(terms: readonly Term[], bits: Uint8Array, n: number, more: (term: Term) => number): Uint8Array {
  const out = new Uint8Array(terms.length * n);
  for (const [k, term] of terms.entries()) {
    const parity = row(out, n, k).fill(more(term));
    for (const pair of term.signs) xorInto(parity, row(bits, n, pair));
  }
  return out;
}

/** Row i of what has n columns. */
function row<T extends BigUint64Array | Uint8Array>(x: T, n: number, i: number): T {
  return x.subarray(i * n, (i + 1) * n) as T;
}

export function cost(
  count: number,
  of: number,
  compareBits: number,
  drop: number,
  chunk: number,
  functions?: Functions,
): Cost {
  const window = windowFor(compareBits, drop, functions);
  return chunked(count, chunk, (n) => ({
    rounds: openedSign.rounds(window),
    bytes: 16 * (of - 1 + termsOf(of).length) * n + openedSign.bytes(window, comparisons(of) * n),
  }));
}

export function stages(of: number, compareBits: number, drop: number, functions?: Functions): Stage[] {
  const window = windowFor(compareBits, drop, functions);
  const terms = termsOf(of).length;
  return inChunks(
    (n) =>
      openedSign.steps(window, comparisons(of) * n, step('exchange', [':c', 8 * (of - 1) * n]), [
        [':q,qR', 16 * terms * n],
      ]),
    openedSign.keys(window, comparisons(of)),
  );
}
