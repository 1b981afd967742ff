/**
 * Truncation of some values, and element products among what it leaves, from the truncation's openings alone (`leftOpen.ts`): a chain of products
 * takes one round each, not two (a squaring in an exponential, a step of Newton–Raphson). What is dealt of the products comes in the message of
 * the truncation; what it leaves may enter further products so, later.
 *   Round 1: P0, P1 open c = z + 2^62 + R
 *
 * Views: those of the truncation; what is dealt besides is one-time padded. Cost: a truncation, and a product 8 + 2·bits/8 bytes, a square
 * 8 + bits/8.
 */
import { release } from '../../ring/release.ts';
import * as z64 from '../../ring/z64.ts';
import { chunked, type Cost } from '../../party/cost.ts';
import { open } from '../../party/open.ts';
import type { Party } from '../../party/party.ts';
import type { Left, LeftPair } from './leftOpen.ts';
import * as leftOpen from './leftOpen.ts';
import type { ProductShape } from './productShape.ts';
import { inChunks, type Stage, step } from '../../party/steps.ts';
import {
  dealShifted,
  dealtMessage,
  dealtShifted,
  helperMask,
  maskForTruncation,
  type More,
  shiftedOpening,
  wrapsOf,
} from './dealtTruncation.ts';

/** What a worker gets: ⟨y⟩ as products take it, and products of its rows, pair after pair. */
export interface Truncated {
  readonly left: Left & Required<Pick<Left, 'share'>>;
  readonly products: BigUint64Array;
}

/** P0, P1: ⟨z⟩, or a part of it (`dealtTruncation.ts`) → ⟨y⟩ = ⟨z / 2^bits⟩ and the products of its rows. */
export async function workers(party: Party, z: BigUint64Array, shape: ProductShape): Promise<Truncated> {
  const { rows, columns, bits, pairs } = shape;
  const y = room(shape);
  const share = new BigUint64Array(rows * columns);
  const products = new BigUint64Array(pairs.length * columns);
  await party.chunks(columns, async (chunk, from, to) => {
    const n = to - from;
    const masked = maskForTruncation(chunk, gather(z, shape, from, to));
    const [c, dealt] = await Promise.all([
      open(chunk, 'c', masked), // round 1
      dealtShifted(chunk, rows * n, bits, 'R', dealtMore(shape, n)),
    ]);
    const { shift, top } = dealt;
    const left = {
      bits,
      terms: 1,
      words: shiftedOpening(c, bits),
      wraps: wrapsOf(c),
      share: chunk.compute.truncateDealt(chunk.worker, c, { bits, shift, top }),
    };
    place(y, left, shape, from, to);
    for (let i = 0; i < rows; i++) share.set(left.share.subarray(i * n, (i + 1) * n), i * columns + from);
    const found = leftOpen.multiply(chunk.worker, pairsOf(left, shape), bits, dealt);
    for (const [k, product] of found.entries()) products.set(product, k * columns + from);
    release(c, dealt.all);
  });
  return { left: { ...y, share }, products };
}

/** P2 → y as products take it. `part` is its part of z. */
export async function helper(party: Party, shape: ProductShape, part?: BigUint64Array): Promise<Left> {
  const { rows, columns, bits } = shape;
  const y = room(shape);
  await party.chunks(columns, async (chunk, from, to) => {
    const R = helperMask(chunk, 0, rows * (to - from), part && gather(part, shape, from, to));
    const left = { bits, terms: 1, words: z64.shiftRight(R, bits), wraps: z64.bitAt(R, 63) };
    place(y, left, shape, from, to);
    await dealShifted(chunk, R, bits, 'R', undefined, leftOpen.deal(pairsOf(left, shape)));
  });
  return y;
}

function room({ rows, columns, bits }: ProductShape): Left {
  const count = rows * columns;
  return { bits, terms: 1, words: new BigUint64Array(count), wraps: new Uint8Array(count) };
}

/** Columns from … to of every row. */
function place(y: Left, columnsOf: Left, { rows, columns }: ProductShape, from: number, to: number): void {
  const n = to - from;
  for (let i = 0; i < rows; i++) {
    y.words.set(columnsOf.words.subarray(i * n, (i + 1) * n), i * columns + from);
    y.wraps.set(columnsOf.wraps.subarray(i * n, (i + 1) * n), i * columns + from);
  }
}

/** The rows that are multiplied. */
function pairsOf(y: Left, { rows, pairs }: ProductShape): LeftPair[] {
  const n = y.words.length / rows;
  const all = Array.from({ length: rows }, (_, i) => leftOpen.slice(y, i * n, (i + 1) * n));
  return pairs.map(([i, j]) => [all[i], all[j]]);
}

/** What is dealt of the products, for `n` columns. */
function dealtMore({ pairs }: ProductShape, n: number): More {
  const fields = pairs.reduce((sum, [i, j]) => sum + (i === j ? n : 2 * n), 0);
  return { words: pairs.length * n, fields };
}

/** Columns from … to of every row, row after row. */
function gather(x: BigUint64Array, { rows, columns }: ProductShape, from: number, to: number): BigUint64Array {
  if (to - from === columns) return x;
  return z64.concat(...Array.from({ length: rows }, (_, i) => x.subarray(i * columns + from, i * columns + to)));
}

export function cost(shape: ProductShape, chunk: number): Cost {
  const { rows, columns, bits } = shape;
  return chunked(columns, chunk, (n) => ({
    rounds: 1,
    bytes: 16 * rows * n + dealtMessage(rows * n, bits, 'R', dealtMore(shape, n))[1],
  }));
}

export function stages(shape: ProductShape): Stage[] {
  const { rows, bits } = shape;
  return inChunks((n) => [
    step('exchange', [':c', 8 * rows * n]),
    step('ahead', dealtMessage(rows * n, bits, 'R', dealtMore(shape, n))),
  ]);
}
