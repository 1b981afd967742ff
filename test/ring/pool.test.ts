import { describe, expect, test } from 'vitest';
import { fresh, freshBytes, recycle, zeros } from '../../src/ring/pool.ts';

const WORDS = 10_000;

describe('pool', () => {
  test('what is taken back has no elements, and its memory is used again', () => {
    const words = fresh(WORDS).fill(7n);
    recycle(words);
    expect(words.length).toBe(0);
    const again = fresh(WORDS);
    expect([again.length, again[0], again[WORDS - 1]]).toEqual([WORDS, 7n, 7n]);
    recycle(words); // twice does no harm
    const other = fresh(WORDS);
    expect(other[0]).toBe(0n);
    other.fill(1n);
    expect(again.every((x) => x === 7n)).toBe(true);
  });

  test('zeros are zeros, and words and bytes share memory', () => {
    recycle(fresh(WORDS).fill(7n));
    expect(zeros(WORDS).every((x) => x === 0n)).toBe(true);
    recycle(fresh(WORDS).fill(0x0101010101010101n));
    const bytes = freshBytes(8 * WORDS);
    expect([bytes.length, bytes.every((x) => x === 1)]).toEqual([8 * WORDS, true]);
  });

  test('views of a part, and what is small, stay', () => {
    const words = fresh(WORDS).fill(7n);
    recycle(words.subarray(0, WORDS - 1));
    const small = fresh(10).fill(7n);
    recycle(small);
    expect([words.length, words[0], small.length]).toEqual([WORDS, 7n, 10]);
  });

  test('what was made elsewhere is given back and not kept', () => {
    const words = new BigUint64Array(WORDS + 1).fill(7n);
    recycle(words);
    expect([words.length, fresh(WORDS + 1)[0]]).toEqual([0, 0n]);
  });

  test('no more than so much is kept: what was kept longest goes first', () => {
    const mib = 2 ** 17;
    const kept = Array.from({ length: 25 }, () => fresh(mib).fill(3n));
    const larger = Array.from({ length: 12 }, () => fresh(mib + 1).fill(5n));
    recycle(...kept, ...larger);
    expect(Array.from({ length: 12 }, () => fresh(mib + 1)).every((array) => array[0] === 5n)).toBe(true);
    const left = Array.from({ length: 25 }, () => fresh(mib)).filter((array) => array[0] === 3n).length;
    expect(left).toBe(19); // in the 32 MiB that the larger ones leave
  });
});
