/** The unit vector of the maximum where comparisons are made by functions: kept bits are multiplied without a round. */
import { describe, expect, it } from 'vitest';
import { argmax } from '../../src/functions/argmax.ts';
import * as conjunctions from '../../src/protocols/direct/conjunctions.ts';
import * as directRelu from '../../src/protocols/direct/directRelu.ts';
import * as z64 from '../../src/ring/z64.ts';
import { shares } from '../reference.ts';
import { simulate } from '../simulate.ts';
import { closeTo, numbers, plain, secure, SETTINGS } from '../twins.ts';

const FEW = { ...SETTINGS[0], few: 16_384 };

describe('argmax by functions', () => {
  it.each([2, 3, 10, 11, 12, 16])('of %i columns', async (n) => {
    const ties = { shape: [4, n], numbers: Array.from({ length: 4 * n }, (_, i) => (i * i) % 3) };
    const random = numbers([5, n], -30, 30, n);
    for (const input of [ties, random]) {
      const expected = await plain(FEW, [input], argmax);
      const found = await secure(FEW, [input], argmax);
      expect(found.ring).toEqual(expected.ring);
      // Of more than twelve columns the tables would be too large.
      expect(found.rounds).toBe(n <= 12 ? 2 : 3);
    }
  });

  it('takes values with more fractional bits, whose differences count down to a unit', async () => {
    const input = { shape: [1, 4], numbers: [0.5, 2 ** -14 + 1.25, 1.25, -7], fractionBits: 33 };
    closeTo(await secure(FEW, [input], argmax), [0, 1, 0, 0], 0);
  });
});

it('products of kept bits, of every pattern', async () => {
  const rows = 3;
  const columns = 8;
  const bit = (row: number, column: number): number => (column >> row) & 1;
  const values = BigUint64Array.from({ length: rows * columns }, (_, i) =>
    BigInt.asUintN(64, bit(Math.floor(i / columns), i % columns) === 1 ? 5n : -5n),
  );
  const sets = Array.from({ length: 8 }, (_, pattern) =>
    [2, 0, 1].map((row) => ({ row, bit: ((pattern >> row) & 1) as 0 | 1 })),
  );
  const parts = shares(values);
  const { results } = await simulate<BigUint64Array | undefined>(async (party) => {
    const [compare, conjoin] = [party.fork('compare'), party.fork('conjoin')];
    if (party.id === 2) {
      const q = await directRelu.helperBits(compare, values.length);
      await directRelu.helper(compare, q, 33);
      await conjunctions.helper(conjoin, q, { columns, sets });
      return undefined;
    }
    const { sign } = await directRelu.workers(compare, parts[party.id], 33);
    return conjunctions.workers(conjoin, sign.t, { columns, sets });
  });
  const expected = sets.flatMap((_, pattern) =>
    Array.from({ length: columns }, (_, column) => BigInt(Number(pattern === column))),
  );
  expect(Array.from(z64.add(results[0]!, results[1]!))).toEqual(expected);
  expect(
    conjunctions.holds({
      columns: 12,
      sets: Array.from({ length: 10 }, () => new Array<{ row: number; bit: 0 }>(9).fill({ row: 0, bit: 0 })),
    }),
  ).toBe(true);
  expect(
    conjunctions.holds({
      columns: 13,
      sets: Array.from({ length: 10 }, () => new Array<{ row: number; bit: 0 }>(9).fill({ row: 0, bit: 0 })),
    }),
  ).toBe(false);
});
