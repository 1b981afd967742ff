import { describe, expect, it } from 'vitest';
import { packBits, packedBitsLength, unpackBits, xorInto } from '../../src/ring/bits.ts';

describe('bits', () => {
  it.each([0, 1, 7, 8, 9, 1000])('%i of them come back from their packing', (count) => {
    const bits = Uint8Array.from({ length: count }, (_, i) => Number((i * i) % 3 === 1));
    const packed = packBits(bits);
    expect(packed.length).toBe(Math.ceil(count / 8));
    expect(unpackBits(packed, count)).toEqual(bits);
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
