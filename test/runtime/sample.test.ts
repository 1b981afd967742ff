/** The SIMD sampler of Z_17 gives the same samples as the table, byte for byte. */
import { describe, expect, it } from 'vitest';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { PairStreams } from '../../src/random/streams.ts';
import { sampleBytes, sampleNibblesPlusOne, tableFor } from '../../src/random/uniform.ts';
import { testRandom } from '../reference.ts';

const compute = await createWasmCompute({ workers: 0 });

describe('sample17', () => {
  it.each([0, 1, 15, 16, 17, 255, 256, 1000, 65_536, 70_001])('%i bytes', (n) => {
    const random = testRandom(n);
    // Every byte value, and far more rejections than by chance, also side by side
    const source = Uint8Array.from({ length: n }, (_, i) => (i < 256 ? i : random() < 0.1 ? 255 : 256 * random()));
    const [expected, found] = [new Uint8Array(n + 3), new Uint8Array(n + 3)];
    const end = sampleBytes(tableFor(17, 0), source, 0, n, expected, 3);
    expect(compute.sample17(source, found, 3)).toBe(end);
    expect(Buffer.compare(found.subarray(0, end), expected.subarray(0, end))).toBe(0);
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
      expect(Buffer.compare(fast.zp(17, n), plain.zp(17, n))).toBe(0);
      expect(Buffer.compare(fast.zpStar(17, n), plain.zpStar(17, n))).toBe(0);
    }
    expect(fast.z64(3)).toEqual(plain.z64(3));
  });
});
