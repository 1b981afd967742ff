/** Values are scaled as their owner says, whatever their type, and every block of them alike. */
import { describe, expect, it } from 'vitest';
import { materialize, pixelSource, valueSource } from '../../src/data/encode.ts';
import type { Elements } from '../../src/data/elements.ts';
import {
  checkScaling,
  naturalScaling,
  OF_BYTES,
  sameScaling,
  type Scaling,
  scalingInWords,
} from '../../src/data/scaling.ts';
import { decode } from '../../src/ring/fixed.ts';

const COLOURS: Scaling = { divideBy: 255, mean: [0.5, 0.25, 0.75], std: [0.5, 0.25, 2] };
/** Two images of 2 x 2 pixels in three channels. */
const BYTES = Uint8Array.from({ length: 24 }, (_, i) => (i * 53) % 256);

function reference(values: Elements, { divideBy, mean, std }: Scaling): number[] {
  return Array.from(values, (value, i) => (value / divideBy - mean[i % mean.length]) / std[i % std.length]);
}

describe('valueSource', () => {
  const place: Scaling = { divideBy: 2, mean: Array.from({ length: 12 }, (_, i) => i / 3), std: [4] };
  it.each([
    ['bytes', BYTES, COLOURS],
    ['bytes, place by place', BYTES, place],
    ['16 bits', Uint16Array.from(BYTES, (byte) => 256 * byte + 7), { ...COLOURS, divideBy: 65_535 }],
    ['floats', Float32Array.from(BYTES, (byte) => byte / 100 - 1), { ...COLOURS, divideBy: 1 }],
    ['doubles', Float64Array.from(BYTES, (byte) => (byte - 100) * 1e3), { ...place, divideBy: 1e4 }],
  ] as const)('scales %s as said, to the nearest unit, in every block', (_, values, scaling) => {
    const source = valueSource(values, scaling, 16);
    const whole = materialize(source);
    const expected = reference(values, scaling);
    decode(whole, 16).forEach((x, i) => expect(Math.abs(x - expected[i])).toBeLessThanOrEqual(2 ** -17));
    for (const [from, to] of [
      [0, 1],
      [1, 5],
      [11, 24],
      [23, 24],
      [7, 7],
    ] as const)
      // prettier-ignore
      expect(source.block(from, to)).toEqual(whole.slice(from, to));
  });

  it('gives pixels the same bits as ever', () => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    for (const bits of [8, 13, 16, 24]) {
      const expected = BigUint64Array.from(all, (byte) => BigInt(Math.round((byte / 255) * 2 ** bits)));
      expect(materialize(pixelSource(all, bits))).toEqual(expected);
    }
  });

  it('refuses values that the ring does not hold, without saying them', () => {
    const source = valueSource(Float64Array.of(1, 3e18), { ...OF_BYTES, divideBy: 1 }, 16);
    expect(() => materialize(source)).toThrow(/element 1 does not fit/);
    expect(() => materialize(source)).not.toThrow(/3e\+?18/);
  });
});

describe('a scaling', () => {
  it('is natural for a type: whole ranges become 0 to 1', () => {
    expect(naturalScaling(BYTES)).toBe(OF_BYTES);
    expect(naturalScaling(new Uint16Array(1)).divideBy).toBe(65_535);
    expect(naturalScaling(new Float32Array(1)).divideBy).toBe(1);
  });

  it('is the same when its lists repeat to the same, and absent it is that of bytes', () => {
    expect(sameScaling(undefined, OF_BYTES)).toBe(true);
    expect(sameScaling({ divideBy: 255, mean: [0, 0, 0], std: [1] }, OF_BYTES)).toBe(true);
    expect(sameScaling(COLOURS, { ...COLOURS, mean: [...COLOURS.mean, ...COLOURS.mean] })).toBe(true);
    expect(sameScaling(COLOURS, { ...COLOURS, mean: [0.5, 0.25, 0.5] })).toBe(false);
    expect(sameScaling({ ...OF_BYTES, mean: [0, 0] }, { ...OF_BYTES, mean: [0, 0, 0] })).toBe(false);
    expect(sameScaling(OF_BYTES, { ...OF_BYTES, divideBy: 1 })).toBe(false);
  });

  it('must fit the images', () => {
    const shape = { rows: 2, columns: 2, channels: 3 };
    for (const mean of [[0], [0, 0, 0], Array<number>(12).fill(0)])
      expect(() => checkScaling({ ...COLOURS, mean }, shape, 'x')).not.toThrow();
    expect(() => checkScaling({ ...COLOURS, mean: [0, 0] }, shape, 'x')).toThrow(
      'x: --mean lists 2 numbers, images are 2 x 2 x 3',
    );
  });

  it('is said in words', () => {
    expect(scalingInWords(undefined)).toBe('divided by 255');
    expect(scalingInWords(COLOURS)).toBe(
      'divided by 255, less the mean 0.5, 0.25, 0.75, over the deviation 0.5, 0.25, 2',
    );
    expect(scalingInWords({ divideBy: 1, mean: [0], std: [1] })).toBe('as they are');
  });
});
