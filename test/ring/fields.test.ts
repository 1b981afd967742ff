import { describe, expect, it } from 'vitest';
import { addFields, packFields, unpackFields } from '../../src/ring/fields.ts';
import * as z64 from '../../src/ring/z64.ts';
import { randomRing } from '../reference.ts';

const WIDTHS = [1, 2, 7, 8, 9, 27, 31, 32, 33, 37, 48, 55, 56];

describe('fields', () => {
  it.each(WIDTHS)('of %i bits come back from their packing, whatever stands around them', (width) => {
    for (const count of [0, 1, 2, 7, 8, 9, 2047, 2048, 2049, 5000]) {
      const x = randomRing(count);
      for (const from of [0, 1, 64 - width]) {
        const packed = packFields(x, Math.min(from, 64 - width), width);
        expect(packed.length).toBe(Math.ceil((count * width) / 8));
        const low = z64.bitField(x, Math.min(from, 64 - width), Math.min(from, 64 - width) + width);
        expect(unpackFields(packed, width, count)).toEqual(low);
      }
    }
  });

  it.each(WIDTHS)('of %i bits are added modulo 2^%i', (width) => {
    const [a, b] = [z64.lowBits(randomRing(3000), width), randomRing(3000)];
    const sum = addFields(a.slice(), packFields(b, 0, width), width);
    expect(sum).toEqual(z64.lowBits(z64.add(a, b), width));
  });

  it('lie one behind another, the first in the lowest bits', () => {
    expect(packFields(BigUint64Array.of(0b101n, 0b011n, 0b110n), 0, 3)).toEqual(Uint8Array.of(0b10011101, 0b1));
    expect(packFields(BigUint64Array.of(0xabcdn << 48n), 48, 16)).toEqual(Uint8Array.of(0xcd, 0xab));
  });

  it('leave padding out of account, and take no other length', () => {
    expect(unpackFields(Uint8Array.of(0xff), 3, 2)).toEqual(BigUint64Array.of(7n, 7n));
    expect(() => unpackFields(new Uint8Array(2), 3, 2)).toThrow(/2 elements of 3 bits take 1 bytes, found 2/);
    expect(() => unpackFields(new Uint8Array(0), 0, 1)).toThrow(/elements of 0 bits: expected 1 … 56/);
    expect(() => packFields(new BigUint64Array(1), 0, 57)).toThrow(/elements of 57 bits: expected 1 … 56/);
    expect(() => packFields(new BigUint64Array(1), 9, 56)).toThrow(/bits 9 … 64 of 64-bit words/);
  });
});
