import { describe, expect, test } from 'vitest';
import { release } from '../../src/ring/release.ts';
import * as z64 from '../../src/ring/z64.ts';

describe('release', () => {
  test('these tests run where arrays can be given back, as parties do', () => {
    expect('transfer' in ArrayBuffer.prototype).toBe(true);
  });

  test('an array that is given back has no elements', () => {
    const words = new BigUint64Array(1000);
    const bytes = new Uint8Array(8000);
    release(words, bytes);
    expect([words.length, bytes.length]).toEqual([0, 0]);
    release(words); // twice does no harm
  });

  test('what others may see, and what is small, stays', () => {
    const words = new BigUint64Array(1000).fill(7n);
    release(words.subarray(0, 900));
    const small = new Uint8Array(100).fill(7);
    release(small);
    expect([words.every((x) => x === 7n), words.length, small.length]).toEqual([true, 1000, 100]);
  });
});

test('absorb adds and gives the other array back', () => {
  const [a, b] = [new BigUint64Array(600).fill(2n ** 64n - 1n), new BigUint64Array(600).fill(3n)];
  expect(z64.absorb(a, b)).toBe(a);
  expect([a.every((x) => x === 2n), b.length]).toEqual([true, 0]);
  expect(() => z64.absorb(a, new BigUint64Array(1))).toThrow('absorb: 600 elements against 1');
});
