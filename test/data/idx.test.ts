import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIdx } from '../../src/data/formats/idx.ts';
import { Problem } from '../../src/data/problem.ts';
import { idxBytes } from './fixtures.ts';

describe('parseIdx', () => {
  it('reads images and labels', () => {
    const images = parseIdx(idxBytes([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]), 'images');
    expect(images.dimensions).toEqual([2, 2, 3]);
    expect([...images.values]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]);
    expect(parseIdx(idxBytes([3], [7, 0, 9]), 'labels').dimensions).toEqual([3]);
  });

  it('refuses every truncation, saying how many bytes it wanted', () => {
    const whole = idxBytes([2, 3, 4], new Array<number>(24).fill(9));
    for (let length = 0; length < whole.length; length++) {
      const parse = (): unknown => parseIdx(whole.subarray(0, length), 'x');
      expect(parse, `${length} bytes`).toThrow(Problem);
      expect(parse).toThrow(new RegExp(`^x: .*expected (at least )?(8|16|40) bytes.*found ${length}$`));
    }
  });

  it('refuses bytes after the end', () => {
    expect(() => parseIdx(Uint8Array.of(...idxBytes([2], [1, 2]), 0), 'x')).toThrow(
      'x: too long: expected 10 bytes (header 8, unsigned bytes 2), found 11',
    );
  });

  it('refuses another magic number', () => {
    for (const magic of [0x00000a01, 0x00000800, 0x0001_0801, 0x0000_08ff, 0x1f8b_0800]) {
      const bytes = new Uint8Array(64);
      new DataView(bytes.buffer).setUint32(0, magic);
      expect(() => parseIdx(bytes, 'x')).toThrow(/^x: not an IDX file: .*0x00000803, found 0x[0-9a-f]{8}/);
    }
  });

  it.each([
    ['signed bytes', 0x09, Int8Array.of(-128, 127, 0, 5), Float32Array],
    ['16-bit integers', 0x0b, Int16Array.of(-32768, 32767, 0, 258), Float32Array],
    ['32-bit integers', 0x0c, Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 7, 16_777_217), Float64Array],
    ['floats', 0x0d, Float32Array.of(0.5, -1e30, 3, 0.1), Float32Array],
    ['doubles', 0x0e, Float64Array.of(0.1, -1e300, 3, 2 ** 53), Float64Array],
  ])('reads %s, big-endian, whatever their sign', (_, type, values, found) => {
    const bytes = Buffer.from(values.buffer.slice(0));
    const width = values.BYTES_PER_ELEMENT;
    if (width === 2) bytes.swap16();
    if (width === 4) bytes.swap32();
    if (width === 8) bytes.swap64();
    const file = Buffer.concat([Uint8Array.of(0, 0, type, 2, 0, 0, 0, 2, 0, 0, 0, 2), bytes]);
    const array = parseIdx(file, 'x');
    expect(array.dimensions).toEqual([2, 2]);
    expect(array.values).toBeInstanceOf(found);
    expect([...array.values]).toEqual([...values]);
    expect(() => parseIdx(file.subarray(0, -1), 'x')).toThrow(/^x: truncated: expected/);
  });

  it('refuses dimensions whose product overflows', () => {
    const bytes = idxBytes([0xffffffff, 0xffffffff, 0xffffffff], []);
    expect(() => parseIdx(bytes, 'x')).toThrow('expected at most 2147483647 elements');
  });

  it('never reads past arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        bytes.set([0, 0].slice(0, bytes.length));
        try {
          const { dimensions, values } = parseIdx(bytes, 'x');
          expect(values.length).toBe(dimensions.reduce((a, b) => a * b, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(Problem);
        }
      }),
    );
  });
});
