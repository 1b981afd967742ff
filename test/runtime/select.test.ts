import { beforeAll, describe, expect, test } from 'vitest';
import type { Compute, SelectJob } from '../../runtime/compute.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';
import {
  packedBit,
  packedBytes,
  selectReference,
  selectLargerReference,
  truncateSelectReference,
} from '../reference/select.ts';

let compute: Compute;

beforeAll(async () => {
  compute = await createWasmCompute({ workers: 0 });
});

/** None, one, an odd few, and more than one slice. */
const SIZES = [0, 1, 7, 10_001];
/** Every width of packed bits, and both ends of each. */
const BITS = [1, 8, 9, 16, 17, 24, 25, 32, 33, 40, 48, 56, 57, 61];

function drawJob(random: TestRandom, n: number): SelectJob {
  return { t: random.bytes(n, 2), opened: random.ring(n), q: random.ring(n), qMask: random.ring(n) };
}

describe.each(SIZES)('%i elements', (n) => {
  test('select: by the formula', () => {
    const random = new TestRandom(n);
    const job = drawJob(random, n);
    const x = random.ring(n);
    expectSame(compute.select(job, x), selectReference(job, x));
  });

  test('selectLarger: by the formula', () => {
    const random = new TestRandom(n);
    const job = drawJob(random, n);
    const [x, y] = [random.ring(n), random.ring(n)];
    for (const party of [0, 1] as const)
      expectSame(compute.selectLarger(party, job, x, y), selectLargerReference(party, job, x, y));
  });

  test('select, selectLarger: into the array given', () => {
    const random = new TestRandom(n);
    const job = drawJob(random, n);
    const [x, y] = [random.ring(n), random.ring(n)];
    const around = random.ring(n + 2);
    const before = around.slice();
    expect(compute.select(job, x, around.subarray(1, n + 1)).buffer).toBe(around.buffer);
    expectSame(around.slice(1, n + 1), selectReference(job, x));
    compute.selectLarger(1, job, x, y, around.subarray(1, n + 1));
    expectSame(around.slice(1, n + 1), selectLargerReference(1, job, x, y));
    expect([around[0], around[n + 1]]).toEqual([before[0], before[n + 1]]);
  });

  test('deal, signed: the rest of every share of (2q − 1)·R', () => {
    const random = new TestRandom(n);
    const [mask, words, keep] = [random.ring(n), random.ring(n), random.bytes(n, 2)];
    const drawn = words.slice();
    compute.deal({ mask, bits: 0, keep, signed: true, words });
    expectSame(
      words.map((word, i) => BigInt.asUintN(64, word + drawn[i])),
      mask.map((R, i) => BigInt.asUintN(64, keep[i] === 1 ? R : -R)),
    );
  });

  test.each(BITS)('truncateSelect by %i bits: by the formula', (bits) => {
    const random = new TestRandom(bits);
    const bytes = packedBytes(n, bits);
    const job = drawJob(random, n);
    const dealt = { bits, shift: random.ring(n), top: random.bytes(bytes, 256) };
    const qTop = random.bytes(bytes, 256);
    for (const party of [0, 1] as const) {
      expectSame(compute.truncateSelect(party, job, dealt, qTop), truncateSelectReference(party, job, dealt, qTop));
    }
  });

  test.each([0, ...BITS])('deal, shifted by %i bits: the rest of every share', (bits) => {
    const random = new TestRandom(bits);
    const bytes = packedBytes(n, bits);
    const mask = random.ring(n);
    const keep = random.bytes(n, 2);
    for (const q of [undefined, keep]) {
      const [words, bitWords, top] = [random.ring(n), random.ring(n), random.bytes(bytes, 256)];
      const drawn = { words: words.slice(), bitWords: bitWords.slice(), top: top.slice() };
      compute.deal({ mask, bits, words, bitWords, ...(bits > 0 && { top }), ...(q && { keep: q }) });
      const bit = (i: number): bigint => BigInt(q === undefined ? 1 : q[i]);
      const sum = (a: bigint, b: bigint): bigint => BigInt.asUintN(64, a + b);
      expectSame(
        words.map((word, i) => sum(word, drawn.words[i])),
        mask.map((R, i) => bit(i) * (R >> BigInt(bits))),
      );
      expectSame(
        bitWords.map((word, i) => sum(word, drawn.bitWords[i])),
        mask.map((_, i) => bit(i)),
      );
      if (bits > 0) {
        expectSame(
          mask.map((_, i) => BigInt.asUintN(bits, packedBit(top, bits, i) + packedBit(drawn.top, bits, i))),
          mask.map((R, i) => bit(i) * (R >> 63n)),
        );
      }
    }
  });
});

test('deal leaves alone what it is not given', () => {
  const random = new TestRandom(1);
  const buffer = random.ring(30);
  const before = buffer.slice();
  compute.deal({ mask: random.ring(10), bits: 0, words: buffer.subarray(10, 20) });
  expectSame(buffer.slice(0, 10), before.slice(0, 10));
  expectSame(buffer.slice(20), before.slice(20));
});

test('arguments are checked', () => {
  const random = new TestRandom(1);
  const job = drawJob(random, 2);
  const two = random.ring(2);
  expect(() => compute.select(job, random.ring(1))).toThrow('select: share has 1 elements, 2 expected');
  expect(() => compute.select(job, two, random.ring(3))).toThrow('select: out has 3 elements, 2 expected');
  expect(() => compute.select({ ...job, q: random.ring(3) }, two)).toThrow('select: q has 3 elements, 2 expected');
  expect(() => compute.selectLarger(0, job, two, random.ring(3))).toThrow('selectLarger: share has 3 elements, 2');
  const dealt = { bits: 16, shift: two, top: new Uint8Array(4) };
  expect(() => compute.truncateSelect(0, job, { ...dealt, bits: 62 }, dealt.top)).toThrow('[1, 61], is 62');
  expect(() => compute.truncateSelect(0, job, { ...dealt, bits: 17 }, dealt.top)).toThrow('top has 4 elements, 5');
  expect(() => compute.truncateSelect(0, job, dealt, new Uint8Array(3))).toThrow('qTop has 3 elements, 4 expected');
  expect(() => compute.deal({ mask: two, bits: 62, words: two })).toThrow('[1, 61], is 62');
  expect(() => compute.deal({ mask: two, bits: 0, words: random.ring(1) })).toThrow('words has 1 elements, 2 expected');
  expect(() => compute.deal({ mask: two, bits: 8, words: two, top: new Uint8Array(1) })).toThrow('top has 1 elements');
});
