/** The comparison function: every threshold and point of small windows, wide ones at random, and what bad keys do. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { aesKey } from '#aes';
import { correctionBytes, evaluate, generate, MOST_BITS, ROOT_BYTES } from '../../src/protocols/direct/dcf.ts';
import { randomRing, ring } from '../reference.ts';

interface Keys {
  readonly key: Uint8Array;
  readonly roots: readonly [Uint8Array, Uint8Array];
  readonly corrections: Uint8Array;
}

function keysFor(bits: number, thresholds: BigUint64Array): Keys {
  const n = thresholds.length;
  const key = randomBytes(16);
  const roots = [randomBytes(ROOT_BYTES * n), randomBytes(ROOT_BYTES * n)] as const;
  const corrections = new Uint8Array(correctionBytes(bits) * n);
  generate(aesKey(key), bits, thresholds, roots, corrections);
  return { key, roots, corrections };
}

function shareOf(worker: 0 | 1, bits: number, points: BigUint64Array, { key, roots, corrections }: Keys): Uint8Array {
  return evaluate(bits, worker, points, { aes: aesKey(key), roots: roots[worker], corrections });
}

function outputs(bits: number, points: BigUint64Array, keys: Keys): number[] {
  const [first, second] = ([0, 1] as const).map((worker) => shareOf(worker, bits, points, keys));
  return Array.from(first, (bit, i) => bit ^ second[i]);
}

describe('the comparison function', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])('every threshold and every point of %i bits', (bits) => {
    const all = Array.from({ length: 2 ** bits }, (_, i) => BigInt(i));
    const [some, points] =
      bits < 9 ? [all, all] : [all.filter((a) => a % 13n === 5n || a > 2n ** BigInt(bits) - 3n), all];
    const thresholds = ring(some.flatMap((alpha) => points.map(() => alpha)));
    const x = ring(some.flatMap(() => points));
    const found = outputs(bits, x, keysFor(bits, thresholds));
    const expected = Array.from(x, (point, i) => Number(point < thresholds[i]));
    expect(found).toEqual(expected);
  });

  it.each([32, 33, 46, 60, MOST_BITS])('points near the threshold, and anywhere, of %i bits', (bits) => {
    const top = 2n ** BigInt(bits);
    const alphas = [0n, 1n, top - 1n, top / 2n, ...Array.from(randomRing(200), (v) => v % top)];
    const near = (alpha: bigint): bigint[] => [
      alpha,
      alpha - 1n,
      alpha + 1n,
      ...Array.from({ length: bits }, (_, j) => alpha ^ (1n << BigInt(j))),
      ...randomRing(4),
    ];
    const pairs = alphas.flatMap((alpha) => near(alpha).map((x) => [alpha, BigInt.asUintN(bits, x)] as const));
    const thresholds = ring(pairs.map(([alpha]) => alpha));
    const found = outputs(bits, ring(pairs.map(([, x]) => x)), keysFor(bits, thresholds));
    expect(found).toEqual(pairs.map(([alpha, x]) => Number(x < alpha)));
  });

  it('goes on at any key of those made together', () => {
    const n = 50;
    const thresholds = randomRing(n).map((v) => v & 0xffffn);
    const { key, roots, corrections } = keysFor(16, thresholds);
    const points = thresholds.map((alpha, i) => BigInt.asUintN(16, alpha - BigInt(i % 2)));
    for (const [from, to] of [
      [0, 1],
      [7, 30],
      [49, 50],
      [50, 50],
    ]) {
      const [first, second] = ([0, 1] as const).map((worker) =>
        evaluate(16, worker, points.slice(from, to), { aes: aesKey(key), roots: roots[worker], corrections }, from),
      );
      const expected = Array.from(points.slice(from, to), (x, i) => Number(x < thresholds[from + i]));
      expect(Array.from(first, (bit, i) => bit ^ second[i])).toEqual(expected);
    }
    const beyond = { aes: aesKey(key), roots: roots[0], corrections };
    expect(() => evaluate(16, 0, points, beyond, 1)).toThrow(/keys 1 … 51 of 50/);
  });

  it('looks at the low bits of a point alone', () => {
    const thresholds = randomRing(100).map((v) => v & 0xffffn);
    const keys = keysFor(16, thresholds);
    const points = randomRing(100);
    expect(outputs(16, points, keys)).toEqual(
      outputs(
        16,
        points.map((x) => x & 0xffffn),
        keys,
      ),
    );
  });

  it('gives each worker bits that say nothing: as many ones as zeros, whatever is compared', () => {
    const n = 20_000;
    for (const [alpha, x] of [
      [0n, 0n],
      [2n ** 32n - 1n, 0n],
      [5n, 5n],
    ]) {
      const keys = keysFor(32, ring(new Array<bigint>(n).fill(alpha)));
      for (const worker of [0, 1] as const) {
        const ones = shareOf(worker, 32, ring(new Array<bigint>(n).fill(x)), keys).reduce((sum, bit) => sum + bit, 0);
        expect(Math.abs(ones - n / 2)).toBeLessThan(6 * Math.sqrt(n / 4)); // fails once in 10^9 runs
      }
    }
  });

  it('has corrections that say nothing of the threshold: each bit as often 1 as 0', () => {
    const n = 20_000;
    for (const alpha of [0n, 2n ** 32n - 1n, 0xa5a5a5a5n]) {
      const { corrections } = keysFor(32, ring(new Array<bigint>(n).fill(alpha)));
      const bitsOf = correctionBytes(32) * 8;
      const ones = new Uint32Array(bitsOf);
      const levels = correctionBytes(32) / 16;
      for (let level = 0; level < levels; level++) {
        for (let i = 0; i < n; i++) {
          const at = 16 * (level * n + i);
          for (let byte = 0; byte < 16; byte++)
            for (let bit = 0; bit < 8; bit++) ones[128 * level + 8 * byte + bit] += (corrections[at + byte] >> bit) & 1;
        }
      }
      // 3328 bits: 7.5 standard deviations fail once in 10^10 runs.
      const worst = ones.reduce((most, count) => Math.max(most, Math.abs(count - n / 2)), 0);
      expect(worst).toBeLessThan(7.5 * Math.sqrt(n / 4));
    }
  }, 60_000);

  it('turns wrong keys into wrong bits, and refuses what has another length', () => {
    const n = 1000;
    const keys = keysFor(
      32,
      randomRing(n).map((v) => v & 0xffffffffn),
    );
    const points = randomRing(n);
    const wrong = { ...keys, corrections: keys.corrections.map((byte) => byte ^ 0xff) };
    expect(new Set(outputs(32, points, wrong))).toEqual(new Set([0, 1]));
    const short = { ...keys, corrections: keys.corrections.subarray(16) };
    expect(() => outputs(32, points, short)).toThrow(/corrections of \d+ bytes/);
    expect(() => keysFor(64, randomRing(1))).toThrow(/expected 1 … 63/);
    expect(() => keysFor(0, randomRing(1))).toThrow(/expected 1 … 63/);
  });
});
