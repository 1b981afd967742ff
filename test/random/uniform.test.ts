import { describe, expect, it } from 'vitest';
import { PairStreams } from '../../src/random/streams.ts';
import {
  checkPrime,
  sampleBits,
  sampleBytes,
  sampleNibblesPlusOne,
  sampleTable,
  tableFor,
} from '../../src/random/uniform.ts';

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, i) => i);

describe('rejection tables, every byte', () => {
  it.each([
    [17, 0, 255],
    [16, 1, 256],
    [31, 0, 248],
    [30, 1, 240],
    [67, 0, 201],
    [66, 1, 198],
    [13, 0, 247],
    [2, 0, 256],
    [1, 0, 256],
    [256, 0, 256],
    [129, 0, 129],
  ])('bound %i from %i: every residue has equally many of %i accepted bytes', (bound, offset, accepted) => {
    const out = new Uint8Array(256);
    const made = sampleBytes(sampleTable(bound, offset), ALL_BYTES, 0, 256, out, 0);
    expect(made).toBe(accepted);
    const counts = new Map<number, number>();
    for (const sample of out.subarray(0, made)) counts.set(sample, (counts.get(sample) ?? 0) + 1);
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: bound }, (_, i) => i + offset));
    expect(new Set(counts.values())).toEqual(new Set([accepted / bound]));
  });

  it('every bound of a byte is exact', () => {
    for (let bound = 1; bound <= 256; bound++) {
      const { accepted, value, step } = sampleTable(bound, 0);
      expect(accepted % bound).toBe(0);
      expect(accepted + bound).toBeGreaterThan(256);
      expect(step.reduce((sum, s) => sum + s, 0)).toBe(accepted);
      expect([...value]).toEqual([...ALL_BYTES].map((b) => (b < accepted ? b % bound : 0)));
    }
  });

  it('Z_17* from nibbles: each of 1…16 from as many nibbles', () => {
    const out = new Uint8Array(512);
    sampleNibblesPlusOne(ALL_BYTES, 0, 512, out, 0);
    const counts = new Array<number>(18).fill(0);
    for (const sample of out) counts[sample]++;
    expect(counts).toEqual([0, ...new Array<number>(16).fill(32), 0]);
  });

  it('bits: lowest first, any count', () => {
    for (let count = 0; count <= 24; count++) {
      const out = new Uint8Array(26).fill(9);
      sampleBits(Uint8Array.of(0b10110001, 0b01001110, 0xff), 0, count, out, 1);
      const expected = [1, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1].slice(0, count);
      expect([...out]).toEqual([9, ...expected, ...new Array<number>(25 - count).fill(9)]);
    }
  });

  it('refuses what does not fit a byte', () => {
    for (const bound of [0, 257, 2.5, -1, NaN])
      expect(() => sampleTable(bound, 0)).toThrow('expected an integer in 1…256');
    expect(() => sampleTable(256, 1)).toThrow('exceed a byte');
    for (const p of [2, 9, 15, 255, 256, 257, 1, 0, NaN, 3.5])
      expect(() => checkPrime(p)).toThrow('expected an odd prime');
    for (const p of [3, 13, 17, 31, 67, 251]) expect(() => checkPrime(p)).not.toThrow();
    expect(tableFor(17, 0)).toBe(tableFor(17, 0));
  });
});

describe('large samples', () => {
  const streams = new PairStreams(new Uint8Array(16).fill(3));
  const N = 1_000_000;

  /** Chi-square of equal cells, normalised: about standard normal. The streams are fixed, so this never flickers. */
  function deviation(counts: Uint32Array): number {
    const total = counts.reduce((sum, c) => sum + c, 0);
    const expected = total / counts.length;
    const chi2 = counts.reduce((sum, c) => sum + (c - expected) ** 2 / expected, 0);
    const degrees = counts.length - 1;
    return (chi2 - degrees) / Math.sqrt(2 * degrees);
  }

  const samplers = {
    zp17: [0, 17, streams.stream('chi', 'zp17').zp(17, N)],
    zpStar17: [1, 16, streams.stream('chi', 'zpStar17').zpStar(17, N)],
    zp31: [0, 31, streams.stream('chi', 'zp31').zp(31, N)],
    zpStar31: [1, 30, streams.stream('chi', 'zpStar31').zpStar(31, N)],
    zp67: [0, 67, streams.stream('chi', 'zp67').zp(67, N)],
    zpStar67: [1, 66, streams.stream('chi', 'zpStar67').zpStar(67, N)],
    below5: [0, 5, streams.stream('chi', 'below5').below(5, N)],
    below16: [0, 16, streams.stream('chi', 'below16').below(16, N)],
    bits: [0, 2, streams.stream('chi', 'bits').bits(N)],
    bytes: [0, 256, streams.stream('chi', 'bytes').bytes(N)],
    z64: [0, 256, new Uint8Array(streams.stream('chi', 'z64').z64(N / 8).buffer)],
  } as const;

  it.each(Object.entries(samplers))(
    '%s: each value and each pair of neighbours equally often',
    (_name, [first, size, samples]) => {
      expect(samples.length).toBe(N);
      const single = new Uint32Array(size);
      const pairs = new Uint32Array(size * size);
      for (let i = 0; i < N; i++) single[samples[i] - first]++;
      for (let i = 0; i + 1 < N; i += 2) pairs[(samples[i] - first) * size + samples[i + 1] - first]++;
      expect(
        single.reduce((sum, c) => sum + c, 0),
        'values out of range',
      ).toBe(N);
      expect(Math.abs(deviation(single))).toBeLessThan(5);
      expect(Math.abs(deviation(pairs))).toBeLessThan(5);
    },
  );
});
