import { describe, expect, it } from 'vitest';
import { packBits, packedBitsLength, unpackBits, xorInto } from '../../src/ring/bits.ts';
import * as z64 from '../../src/ring/z64.ts';
import { TestRandom } from '../reference/random.ts';

describe('bits', () => {
  it.each([0, 1, 7, 8, 9, 1000])('%i of them come back from their packing', (count) => {
    const bits = Uint8Array.from({ length: count }, (_, i) => Number((i * i) % 3 === 1));
    const packed = packBits(bits);
    expect(packed.length).toBe(Math.ceil(count / 8));
    expect(unpackBits(packed, count)).toEqual(bits);
  });

  // One slice of the kernels and more, and a few behind.
  it.each([16, 17, 2047, 2048, 2049, 16_383, 16_384, 16_385, 40_001])('%i of them, as one by one', (count) => {
    const random = new TestRandom(count);
    const [x, y, z] = [0, 1, 2].map(() => Uint8Array.from(random.ring(count), (value) => Number(value & 1n)));
    const packed = new Uint8Array(Math.ceil(count / 8));
    for (let i = 0; i < count; i++) packed[i >> 3] |= x[i] << (i & 7);
    expect(packBits(x)).toEqual(packed);
    expect(unpackBits(packed, count)).toEqual(x);
    expect(xorInto(y.slice(), x)).toEqual(y.map((bit, i) => bit ^ x[i]));
    const a = random.ring(count);
    for (const [index, flip] of [
      [0, 1],
      [31, 0],
      [37, 1],
      [63, 0],
    ] as const) {
      const expected = x.map((bit, i) => bit ^ z[i] ^ Number((a[i] >> BigInt(index)) & 1n) ^ flip);
      expect(z64.xorBitAt(x, z, a, index, flip, new Uint8Array(count))).toEqual(expected);
    }
  });

  it('lie with the first in the lowest place', () => {
    expect(packBits(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1, 1))).toEqual(Uint8Array.of(0x81, 0x01));
  });

  it('are bits whatever was received, and no more than asked for', () => {
    expect(unpackBits(Uint8Array.of(0xff, 0xff), 9)).toEqual(new Uint8Array(9).fill(1));
    expect(() => unpackBits(new Uint8Array(packedBitsLength(9)), 8)).toThrow(/2 bytes do not hold 8 bits/);
  });

  it('are added in place', () => {
    const a = Uint8Array.of(0, 0, 1, 1);
    expect(xorInto(a, Uint8Array.of(0, 1, 0, 1))).toBe(a);
    expect(a).toEqual(Uint8Array.of(0, 1, 1, 0));
    expect(() => xorInto(a, new Uint8Array(3))).toThrow(/4 bits against 3/);
  });
});
