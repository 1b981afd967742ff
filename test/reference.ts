/** Naive BigInt arithmetic and small helpers, for tests only. */
import { randomBytes } from 'node:crypto';
import * as z64 from '../src/ring/z64.ts';

export const L: bigint = 1n << 64n;
export const mod64 = (x: bigint): bigint => BigInt.asUintN(64, x);
export const signed = (x: bigint): bigint => BigInt.asIntN(64, x);

export function ring(values: Iterable<bigint | number>): BigUint64Array {
  return BigUint64Array.from(Array.from(values, (value) => mod64(BigInt(value))));
}

export function randomRing(count: number): BigUint64Array {
  return new BigUint64Array(Uint8Array.from(randomBytes(8 * count)).buffer);
}

/** Two uniform shares of x. */
export function shares(x: BigUint64Array): [BigUint64Array, BigUint64Array] {
  const mask = randomRing(x.length);
  return [mask, z64.sub(x, mask)];
}

/** Upper limit of chi-square, by Wilson–Hilferty, so many standard deviations out: the 99.99 % point, unless told otherwise. */
export function chiSquareLimit(degrees: number, deviations = 3.72): number {
  const spread = 2 / (9 * degrees);
  return degrees * (1 - spread + deviations * Math.sqrt(spread)) ** 3;
}

/** Chi-square statistic of counts against equal expectation. */
export function chiSquare(counts: ArrayLike<number>): number {
  const total = Array.from(counts).reduce((a, b) => a + b, 0);
  const expected = total / counts.length;
  return Array.from(counts).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

export function looksUniform(counts: ArrayLike<number>): boolean {
  return chiSquare(counts) < chiSquareLimit(counts.length - 1);
}

/** Mulberry32: reproducible numbers in [0, 1) for test inputs. */
export function testRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
