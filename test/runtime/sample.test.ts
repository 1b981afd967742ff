/** The SIMD samplers give the same samples as the tables, byte for byte. */
import { describe, expect, it } from 'vitest';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { PairStreams } from '../../src/random/streams.ts';
import { sampleBytes, sampleNibblesPlusOne, tableFor } from '../../src/random/uniform.ts';
import { testRandom } from '../reference.ts';

const compute = await createWasmCompute({ workers: 0 });

describe('samplers', () => {
  function expectAsTable(bound: number, offset: number, source: Uint8Array): void {
    const [expected, found] = [new Uint8Array(source.length + 3), new Uint8Array(source.length + 3)];
    const end = sampleBytes(tableFor(bound, offset), source, 0, source.length, expected, 3);
    expect(compute.sample(bound, offset, source, found, 3)).toBe(end);
    expect(Buffer.compare(found.subarray(0, end), expected.subarray(0, end))).toBe(0);
  }

  describe.each([
    [17, 0],
    [31, 0],
    [30, 1],
    [67, 0],
    [66, 1],
    [64, 0],
  ])('%i values from %i', (bound, offset) => {
    it.each([0, 1, 15, 16, 17, 255, 256, 1000, 65_536, 70_001])('%i bytes', (n) => {
      const random = testRandom(n);
      // Every byte value, and far more rejections than by chance, also side by side
      const source = Uint8Array.from({ length: n }, (_, i) => (i < 256 ? i : random() < 0.1 ? 255 : 256 * random()));
      expectAsTable(bound, offset, source);
    });
  });

  it('every bound, every byte in every lane, every set of rejected neighbours', () => {
    const lanes = Array.from({ length: 256 }, (_, i) => [i, ...new Array<number>(16).fill(0)]).flat();
    const sets = Array.from({ length: 2048 }, (_, i) => ((i >> 3) & (1 << (i & 7)) ? 0 : 255));
    const source = Uint8Array.from([...lanes, ...sets]);
    for (let bound = 16; bound <= 256; bound++) expectAsTable(bound, 0, source);
    expectAsTable(255, 1, source);
  });

  it('refuses bounds that it does not serve', () => {
    for (const [bound, offset] of [
      [15, 0],
      [256, 1],
      [20, -1],
    ])
      expect(() => compute.sample(bound, offset, new Uint8Array(1), new Uint8Array(1), 0)).toThrow(
        'expected 16 values',
      );
  });

  it.each([0, 1, 2, 15, 31, 32, 33, 1000, 131_072, 140_001])('%i samples of 1…16 from nibbles', (count) => {
    const random = testRandom(count);
    const source = Uint8Array.from({ length: Math.ceil(count / 2) }, (_, i) => (i < 256 ? i : 256 * random()));
    const [expected, found] = [new Uint8Array(count + 5), new Uint8Array(count + 5)];
    sampleNibblesPlusOne(source, 0, count, expected, 3);
    compute.sampleNibbles(source, count, found, 3);
    expect(Buffer.compare(found, expected)).toBe(0);
  });

  it('makes the same stream', () => {
    const key = new Uint8Array(16).fill(7);
    const plain = new PairStreams(key).stream('a/b', 'c');
    const fast = new PairStreams(key, compute).stream('a/b', 'c');
    for (const n of [1, 5, 100_000, 16, 31, 300_000]) {
      for (const prime of [13, 17, 31, 67]) {
        expect(Buffer.compare(fast.zp(prime, n), plain.zp(prime, n))).toBe(0);
        expect(Buffer.compare(fast.zpStar(prime, n), plain.zpStar(prime, n))).toBe(0);
      }
      expect(Buffer.compare(fast.below(64, n), plain.below(64, n))).toBe(0);
    }
    expect(fast.z64(3)).toEqual(plain.z64(3));
  });
});
