import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { packedLength, type Compute } from '../../runtime/compute.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { packReference } from '../reference/pack.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';

let compute: Compute;

beforeAll(async () => {
  compute = await createWasmCompute({ workers: 0 });
});

describe.each([17, 31, 67] as const)('Z_%i on the wire', (prime) => {
  const values = fc.uint8Array({ min: 0, max: prime - 1, maxLength: 100 });

  test('layout and round trip', () => {
    fc.assert(
      fc.property(values, (plain) => {
        const packed = compute.pack(prime, plain);
        expect(packed).toEqual(packReference(prime, plain));
        expect(packed.length).toBe(packedLength(prime, plain.length));
        expect(compute.unpack(prime, packed, plain.length)).toEqual(plain);
      }),
    );
  });

  test('every pair of values', () => {
    const pairs = Array.from({ length: prime * prime }, (_, i) => [i % prime, Math.floor(i / prime)]).flat();
    const plain = Uint8Array.from(pairs);
    const packed = compute.pack(prime, plain);
    expect(packed).toEqual(packReference(prime, plain));
    expect(compute.unpack(prime, packed, plain.length)).toEqual(plain);
  });

  test.runIf(prime === 17)('every four values', () => {
    const plain = new Uint8Array(4 * 17 ** 4);
    for (let i = 0; i < plain.length; i++) plain[i] = Math.floor((i >> 2) / 17 ** (i & 3)) % 17;
    expectSame(compute.unpack(prime, compute.pack(prime, plain), plain.length), plain);
  });

  test.runIf(prime === 17)('pairs of fours on both sides of 2^32, and the largest', () => {
    const fours = [0, 1, 51422, 51423, 51424, 51425, 66912, 66913, 67000, 83519, 83520];
    const pairs = fours.flatMap((first) => fours.map((second) => [first, second]));
    const plain = new Uint8Array(32 * Math.ceil(pairs.length / 4));
    pairs.forEach((pair, i) =>
      pair.forEach((four, second) => {
        const at = 32 * (i >> 2) + 4 * (i & 3) + 16 * second;
        for (let k = 0; k < 4; k++) plain[at + k] = Math.floor(four / 17 ** k) % 17;
      }),
    );
    const packed = compute.pack(prime, plain);
    expectSame(packed, packReference(prime, plain));
    expectSame(compute.unpack(prime, packed, plain.length), plain);
  });

  test.runIf(prime === 17)('numbers of 33 bits beyond 17^8 are refused in each place', () => {
    for (let index = 0; index < 8; index++) {
      for (const number of [17 ** 8, 17 ** 8 + 83520, 2 ** 33 - 1]) {
        const packed = new Uint8Array(33);
        for (let byte = 0; byte < 4; byte++) packed[4 * index + byte] = Math.floor(number / 256 ** byte) % 256;
        packed[32] = 1 << index;
        expect(() => compute.unpack(prime, packed, 64)).toThrow('a value is not below 17');
      }
    }
  });

  test('more than one slice', () => {
    const plain = new TestRandom(prime).bytes(600_001, prime);
    expectSame(compute.unpack(prime, compute.pack(prime, plain), plain.length), plain);
  });

  test('whatever a peer sends either decodes to what packs to the same bytes, or is refused', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 90 }), fc.uint8Array({ minLength: 80, maxLength: 80 }), (count, bytes) => {
        const packed = bytes.subarray(0, packedLength(prime, count));
        let plain: Uint8Array;
        try {
          plain = compute.unpack(prime, packed, count);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        expect(plain.every((value) => value < prime)).toBe(true);
        expect(compute.pack(prime, plain)).toEqual(packed);
      }),
      { numRuns: 500 },
    );
  });

  test('one wrong bit anywhere: refused, or another message', () => {
    const plain = new TestRandom(5).bytes(37, prime);
    const packed = compute.pack(prime, plain);
    for (let bit = 0; bit < 8 * packed.length; bit++) {
      const wrong = packed.slice();
      wrong[bit >> 3] ^= 1 << (bit & 7);
      let decoded: Uint8Array | undefined;
      try {
        decoded = compute.unpack(prime, wrong, plain.length);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
      expect(decoded).not.toEqual(plain);
    }
  });

  test('a value out of range is found in every place', () => {
    for (let at = 0; at < 65; at++) {
      const plain = new Uint8Array(65);
      plain[at] = prime;
      expect(() => compute.pack(prime, plain)).toThrow(`a value is not below ${prime}`);
      plain[at] = 128 + prime;
      expect(() => compute.pack(prime, plain)).toThrow(`a value is not below ${prime}`);
      plain[at] = prime;
      // For p = 17 the last of eight must be 17 to leave the range: 17 + 17·0 is a valid code of (0, 1).
      const wire = packReference(prime, plain);
      if (prime !== 17 || (at % 32 >= 16 && at % 4 === 3)) {
        expect(() => compute.unpack(prime, wire, plain.length)).toThrow(`a value is not below ${prime}`);
      }
    }
  });

  test('length and padding are checked', () => {
    const packed = compute.pack(prime, new Uint8Array(3).fill(1));
    expect(() => compute.unpack(prime, packed.subarray(1), 3)).toThrow('take');
    expect(() => compute.unpack(prime, new Uint8Array([...packed, 0]), 3)).toThrow(RangeError);
    expect(() => compute.unpack(prime, packReference(prime, [1, 1, 1, 1]).subarray(0, packed.length), 3)).toThrow(
      'padding is not zero',
    );
    expect(compute.unpack(prime, new Uint8Array(0), 0)).toEqual(new Uint8Array(0));
  });
});
