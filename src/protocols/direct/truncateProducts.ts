/**
 * Truncation of some values, and element products among what it leaves, from the truncation's openings alone: a chain of products takes one
 * round each, not two (a squaring in an exponential, a step of Newton–Raphson).
 *
 * With C = (c >> bits) − 2^(62−bits), M = R >> bits, r = R_63 and w = (1 − c_63)·2^(64−bits) of `dealtTruncation.ts`, y_i = C_i − M_i + w_i·r_i.
 * So y_i − C_i is a function of what P2 knows and of public bits, and for bits ≤ 32, where w_i·w_j = 0,
 *   y_i·y_j = C_i·y_j + C_j·y_i − C_i·C_j + M_i·M_j − w_i·r_i·M_j − w_j·r_j·M_i
 * P2 deals ⟨M_i·M_j⟩ over Z_{2^64} and ⟨r_i·M_j⟩, ⟨r_j·M_i⟩ over Z_{2^bits} ahead, of a square the one that they both are; all else is the
 * truncation's.
 *   Round 1: P0, P1 open c = z + 2^62 + R
 *
 * Views: those of the truncation; what is dealt besides is one-time padded. Cost: a truncation, and a product 8 + 2·bits/8 bytes, a square
 * 8 + bits/8.
 */
import { xorInto } from '../../ring/bits.ts';
import { unpackFields } from '../../ring/fields.ts';
import { release } from '../../ring/release.ts';
import * as z64 from '../../ring/z64.ts';
import { chunked, type Cost } from '../../party/cost.ts';
import { open } from '../../party/open.ts';
import type { Party } from '../../party/party.ts';
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
} from './dealtTruncation.ts';

/** P0, P1: ⟨z⟩, or a part of it (`dealtTruncation.ts`) → ⟨y⟩ = ⟨z / 2^bits⟩ and the products of its rows, pair after pair. */
export async function workers(
  party: Party,
  z: BigUint64Array,
  shape: ProductShape,
): Promise<{ y: BigUint64Array; products: BigUint64Array }> {
  const { rows, columns, bits, pairs } = shape;
  const y = new BigUint64Array(rows * columns);
  const products = new BigUint64Array(pairs.length * columns);
  await party.chunks(columns, async (chunk, from, to) => {
    const n = to - from;
    const masked = maskForTruncation(chunk, gather(z, shape, from, to));
    const more = dealtMore(shape, n);
    const [c, { shift, top, words, fields, all }] = await Promise.all([
      open(chunk, 'c', masked), // round 1
      dealtShifted(chunk, rows * n, bits, 'R', more),
    ]);
    const wraps = z64.shiftLeft(unpackFields(fields, bits, more.fields), 64 - bits);
    const share = chunk.compute.truncateDealt(chunk.worker, c, { bits, shift, top });
    const C = shiftedOpening(c, bits);
    const noWrap = xorInto(z64.bitAt(c, 63), new Uint8Array(c.length).fill(1));
    // P0 takes C_i·C_j off.
    const rest = chunk.worker === 0 ? z64.sub(share, C) : share;
    for (let i = 0; i < rows; i++) y.set(row(share, n, i), i * columns + from);
    let at = 0;
    for (const [k, [i, j]] of pairs.entries()) {
      const sum =
        i === j
          ? z64.multiply(row(C, n, i), z64.add(row(share, n, i), row(rest, n, i)))
          : z64.accumulate(z64.multiply(row(C, n, i), row(share, n, j)), z64.multiply(row(C, n, j), row(rest, n, i)));
      z64.accumulate(sum, row(words, n, k));
      const left = z64.keepWhere(row(noWrap, n, i), row(wraps, n, at++));
      z64.accumulate(left, i === j ? left : z64.keepWhere(row(noWrap, n, j), row(wraps, n, at++)));
      z64.sub(sum, left, products.subarray(k * columns + from, k * columns + to));
    }
    release(c, all);
  });
  return { y, products };
}

/** P2. `part` is its part of z. */
export async function helper(party: Party, shape: ProductShape, part?: BigUint64Array): Promise<void> {
  const { rows, columns, bits, pairs } = shape;
  await party.chunks(columns, async (chunk, from, to) => {
    const n = to - from;
    const R = helperMask(chunk, 0, rows * n, part && gather(part, shape, from, to));
    const M = z64.shiftRight(R, bits);
    const r = z64.bitAt(R, 63);
    const words = pairs.map(([i, j]) => z64.multiply(row(M, n, i), row(M, n, j)));
    const wrapped = (i: number, j: number): BigUint64Array => z64.keepWhere(row(r, n, i), row(M, n, j));
    const fields = pairs.flatMap(([i, j]) => (i === j ? [wrapped(i, i)] : [wrapped(i, j), wrapped(j, i)]));
    const rest = { words: z64.concat(...words), fields: z64.concat(...fields) };
    await dealShifted(chunk, R, bits, 'R', undefined, rest);
  });
}

/** Row i of what has n columns. */
function row<T extends BigUint64Array | Uint8Array>(x: T, n: number, i: number): T {
  return x.subarray(i * n, (i + 1) * n) as T;
}

/** What is dealt of the products, for `n` columns. */
function dealtMore({ pairs }: ProductShape, n: number): More {
  const wraps = pairs.reduce((sum, [i, j]) => sum + (i === j ? 1 : 2), 0);
  return { words: pairs.length * n, fields: wraps * n };
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
