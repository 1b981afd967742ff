import { describe, expect, it } from 'vitest';
import { joinMasks } from '../../src/data/joined-masks.ts';
import { PairStreams } from '../../src/random/streams.ts';

const table = (seed: number) => new PairStreams(new Uint8Array(16).fill(seed)).table('input/images', 'U');

describe('joined masks', () => {
  const width = 5;
  const rows = [3, 1, 7];
  const tables = rows.map((_, i) => table(i));
  const joined = joinMasks(tables.map((masks, i) => ({ elements: rows[i] * width, masks })));
  const whole = tables.flatMap((masks, i) => [...masks.z64(0, rows[i] * width)]);

  it('are the masks of the pieces one after the other, wherever they are read', () => {
    for (let from = 0; from <= whole.length; from++)
      for (let n = 0; n <= whole.length - from; n++)
        expect([...joined.z64(from, n)]).toEqual(whole.slice(from, from + n));
  });

  it('by row, in any order and more than once', () => {
    const indices = [10, 0, 3, 4, 2, 10, 9, 1];
    const starts = indices.map((index) => index * width);
    expect([...joined.rows(starts, width)]).toEqual(starts.flatMap((start) => whole.slice(start, start + width)));
    expect(joined.rows([], width).length).toBe(0);
  });

  it('of one piece are its own', () => {
    expect(joinMasks([{ elements: 15, masks: tables[0] }])).toBe(tables[0]);
  });

  it('never stay zero: what no piece covers is refused', () => {
    expect(() => joined.z64(whole.length, 1)).toThrow(/^masks 55 … 56 of 55 in 3 pieces$/);
    expect(() => joined.z64(-1, 1)).toThrow(RangeError);
    expect(() => joined.rows([0, 55], width)).toThrow(RangeError);
    // A row of two pieces.
    expect(() => joined.rows([12], width)).toThrow(RangeError);
  });
});
