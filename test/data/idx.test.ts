import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIdx } from '../../src/data/idx.ts';
import { Problem } from '../../src/data/problem.ts';
import { idxBytes } from './fixtures.ts';

describe('parseIdx', () => {
  it('reads images and labels', () => {
    const images = parseIdx(idxBytes([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]), 3, 'images');
    expect(images.dimensions).toEqual([2, 2, 3]);
    expect([...images.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]);
    expect(parseIdx(idxBytes([3], [7, 0, 9]), 1, 'labels').dimensions).toEqual([3]);
  });

  it('refuses every truncation, saying how many bytes it wanted', () => {
    const whole = idxBytes([2, 3, 4], new Array<number>(24).fill(9));
    for (let length = 0; length < whole.length; length++) {
      const parse = (): unknown => parseIdx(whole.subarray(0, length), 3, 'x');
      expect(parse, `${length} bytes`).toThrow(Problem);
      expect(parse).toThrow(new RegExp(`^x: .*expected (at least )?(16|40) bytes.*found ${length}$`));
    }
  });

  it('refuses bytes after the end', () => {
    expect(() => parseIdx(Uint8Array.of(...idxBytes([2], [1, 2]), 0), 1, 'x')).toThrow(
      'x: too long: expected 10 bytes (header 8, elements 2), found 11',
    );
  });

  it('refuses another magic number', () => {
    expect(() => parseIdx(idxBytes([4], [1, 2, 3, 4]), 3, 'x')).toThrow(
      'expected magic number 0x00000803, found 0x00000801',
    );
    const floats = idxBytes([1], [0]);
    floats[2] = 0x0d;
    expect(() => parseIdx(floats, 1, 'x')).toThrow('found 0x00000d01');
    expect(() => parseIdx(Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0), 1, 'x')).toThrow('found 0x1f8b0800');
  });

  it('refuses dimensions whose product overflows', () => {
    const bytes = idxBytes([0xffffffff, 0xffffffff, 0xffffffff], []);
    expect(() => parseIdx(bytes, 3, 'x')).toThrow('expected at most 2147483647 elements');
  });

  it('never reads past arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(1, 3), (bytes, rank) => {
        try {
          const { dimensions, data } = parseIdx(bytes, rank, 'x');
          expect(data.length).toBe(dimensions.reduce((a, b) => a * b, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(Problem);
        }
      }),
    );
  });
});
