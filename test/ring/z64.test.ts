/** Z_{2^64} on SIMD lanes and u32 pairs, Z_{2^64−1} on u32 pairs, against BigInt; fixed-point encoding. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode, encodeOne } from '../../src/ring/fixed.ts';
import * as odd from '../../src/ring/odd.ts';
import { sameShape, sizeOf } from '../../src/ring/shape.ts';
import * as z64 from '../../src/ring/z64.ts';
import { L, mod64, randomRing } from '../reference.ts';

const EDGES = [0n, 1n, 2n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n - 1n, 2n ** 63n, L - 2n, L - 1n];
const element = fc.oneof(fc.constantFrom(...EDGES), fc.bigInt({ min: 0n, max: L - 1n }));
const vectors = fc.array(fc.tuple(element, element), { maxLength: 40 });
const left = (pairs: [bigint, bigint][]): BigUint64Array => BigUint64Array.from(pairs, ([a]) => a);
const right = (pairs: [bigint, bigint][]): BigUint64Array => BigUint64Array.from(pairs, ([, b]) => b);

/** A view at an odd word offset: functions must respect byteOffset. */
function offset(x: BigUint64Array): BigUint64Array {
  const room = new BigUint64Array(x.length + 1);
  room.set(x, 1);
  return room.subarray(1);
}

function agrees(actual: BigUint64Array, expected: readonly bigint[]): void {
  expect(Array.from(actual)).toEqual(expected);
}

describe('Z_{2^64}', () => {
  it.each([
    [7, 3],
    [3000, 1],
    [5, 2047],
    [3, 2500],
    [1025, 4],
  ])('multiplies (%i,%i) with a row, and sums products by column', (m, n) => {
    const [a, b, row] = [randomRing(m * n), randomRing(m * n), randomRing(n)];
    agrees(
      z64.multiplyRow(a, row),
      Array.from(a, (x, i) => mod64(x * row[i % n])),
    );
    for (const width of [n, Math.min(2 * n, m * n)]) {
      const sums = Array.from({ length: width }, (_, i) => BigInt(i));
      a.forEach((x, i) => (sums[i % width] = mod64(sums[i % width] + x * b[i])));
      const start = BigUint64Array.from({ length: width }, (_, i) => BigInt(i));
      agrees(z64.accumulateProducts(offset(a), b, start), sums);
    }
  });

  it('adds, subtracts, multiplies and negates', () => {
    fc.assert(
      fc.property(vectors, (pairs) => {
        const [a, b] = [offset(left(pairs)), right(pairs)];
        agrees(
          z64.add(a, b),
          pairs.map(([x, y]) => mod64(x + y)),
        );
        agrees(
          z64.sub(a, b),
          pairs.map(([x, y]) => mod64(x - y)),
        );
        agrees(
          z64.subtractFrom(a, offset(b)),
          pairs.map(([x, y]) => mod64(x - y)),
        );
        agrees(
          z64.accumulate(a.slice(), b),
          pairs.map(([x, y]) => mod64(x + y)),
        );
        agrees(
          z64.decrease(a.slice(), b),
          pairs.map(([x, y]) => mod64(x - y)),
        );
        agrees(
          z64.multiply(a, b),
          pairs.map(([x, y]) => mod64(x * y)),
        );
        agrees(
          z64.negate(a),
          pairs.map(([x]) => mod64(-x)),
        );
      }),
    );
  });

  it('shifts, masks and picks bits', () => {
    fc.assert(
      fc.property(vectors, fc.integer({ min: 0, max: 63 }), (pairs, bits) => {
        const a = offset(left(pairs));
        const shift = BigInt(bits);
        agrees(
          z64.shiftLeft(a, bits),
          pairs.map(([x]) => mod64(x << shift)),
        );
        agrees(
          z64.shiftRight(a, bits),
          pairs.map(([x]) => x >> shift),
        );
        agrees(
          z64.lowBits(a, bits),
          pairs.map(([x]) => x % 2n ** shift),
        );
        expect(Array.from(z64.bitAt(a, bits))).toEqual(pairs.map(([x]) => Number((x >> shift) & 1n)));
        for (const to of [bits, bits + 1, (bits + 64) >> 1, 64]) {
          agrees(
            z64.bitField(a, bits, to),
            pairs.map(([x]) => (x % 2n ** BigInt(to)) >> shift),
          );
        }
        const other = Uint8Array.from(pairs, ([, y]) => Number(y & 1n));
        const third = Uint8Array.from(pairs, ([x, y]) => Number((x ^ (y >> 1n)) & 1n));
        for (const flip of [0, 1] as const) {
          const expected = pairs.map(([x], i) => Number((x >> shift) & 1n) ^ other[i] ^ third[i] ^ flip);
          const into = other.slice();
          expect(z64.xorBitAt(into, third, a, bits, flip, into)).toBe(into);
          expect(Array.from(into)).toEqual(expected);
        }
        agrees(
          z64.accumulate(a.slice(), right(pairs), 2 ** (bits % 31)),
          pairs.map(([x, y]) => mod64(x + y + (1n << (32n + (shift % 31n))))),
        );
        agrees(
          z64.scale(a, shift - 30n),
          pairs.map(([x]) => mod64(x * (shift - 30n))),
        );
        agrees(
          z64.addConstant(a, -shift),
          pairs.map(([x]) => mod64(x - shift)),
        );
      }),
    );
    agrees(z64.lowBits(BigUint64Array.of(L - 1n), 64), [L - 1n]);
  });

  it('selects and negates by bits', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(element, fc.boolean()), { maxLength: 40 }), (pairs) => {
        const a = BigUint64Array.from(pairs, ([x]) => x);
        const bits = Uint8Array.from(pairs, ([, bit]) => Number(bit));
        agrees(
          z64.keepWhere(bits, a),
          pairs.map(([x, bit]) => (bit ? x : 0n)),
        );
        agrees(
          z64.negateWhere(bits, a),
          pairs.map(([x, bit]) => (bit ? mod64(-x) : x)),
        );
        agrees(
          z64.fromBytes(bits),
          pairs.map(([, bit]) => BigInt(bit)),
        );
      }),
    );
  });

  it('sums rows and columns, repeats rows and columns', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.infiniteStream(element),
        (rows, columns, stream) => {
          const values = [...stream.take(rows * columns)];
          const a = BigUint64Array.from(values);
          const at = (r: number, c: number): bigint => values[r * columns + c];
          const indices = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
          agrees(
            z64.sumRows(a, rows, columns),
            indices(columns).map((c) => mod64(indices(rows).reduce((sum, r) => sum + at(r, c), 0n))),
          );
          agrees(
            z64.sumColumns(a, rows, columns),
            indices(rows).map((r) => mod64(indices(columns).reduce((sum, c) => sum + at(r, c), 0n))),
          );
          const row = a.slice(0, columns);
          const sum = a.slice();
          z64.accumulate(sum, row);
          agrees(
            sum,
            values.map((v, i) => mod64(v + values[i % columns])),
          );
          const column = a.slice(0, rows);
          agrees(
            z64.multiply(a, column, columns),
            values.map((v, i) => mod64(v * values[Math.floor(i / columns)])),
          );
          agrees(
            z64.repeatColumn(column, columns),
            values.map((_, i) => values[Math.floor(i / columns)]),
          );
        },
      ),
    );
  });

  it('takes columns out of a matrix, and puts matrices side by side', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.infiniteStream(element),
        (rows, widths, step, stream) => {
          const parts = widths.map((width) => offset(BigUint64Array.from([...stream.take(rows * width)])));
          const joined = z64.concatColumns(parts, rows);
          let from = 0;
          for (const [k, part] of parts.entries()) {
            agrees(z64.columns(joined, rows, from, from + widths[k]), [...part]);
            agrees(
              z64.columns(joined, rows, from, from + widths[k], step),
              [...part].filter((_, i) => (i % widths[k]) % step === 0),
            );
            from += widths[k];
          }
          expect(joined).toHaveLength(rows * from);
        },
      ),
    );
  });

  it('computes vectors, rows and repeats of any length', () => {
    // Around the length of a slice (vector.ts), and rows and repeats that do not divide it.
    for (const [rows, columns] of [
      [1, 2047],
      [1, 2048],
      [3, 2049],
      [2, 5000],
      [700, 3],
      [2049, 2],
      [5001, 1],
    ]) {
      const a = randomRing(rows * columns);
      const b = randomRing(rows * columns);
      const each = (f: (x: bigint, y: bigint, i: number) => bigint): bigint[] =>
        Array.from(a, (x, i) => mod64(f(x, b[i], i)));
      agrees(
        z64.add(a, b),
        each((x, y) => x + y),
      );
      agrees(
        z64.sub(a, b),
        each((x, y) => x - y),
      );
      agrees(
        z64.subtractFrom(a, b.slice()),
        each((x, y) => x - y),
      );
      agrees(
        z64.negate(a),
        each((x) => -x),
      );
      agrees(
        z64.multiply(a, b),
        each((x, y) => x * y),
      );
      agrees(
        z64.scale(a, -3n),
        each((x) => -3n * x),
      );
      agrees(
        z64.combine([a, b, a], [-3n, 2n ** 63n + 5n, 1n]),
        each((x, y) => -2n * x + (2n ** 63n + 5n) * y),
      );
      for (const [f, g] of [
        [1n, 2n],
        [1n, -1n],
        [-1n, 2n ** 40n],
        [2n ** 63n, -(2n ** 40n)],
        [2n ** 64n - 2n, 3n],
        [0n, 1n],
      ]) {
        const expected = each((x, y) => f * x + g * y);
        agrees(z64.combine([a, b], [f, g]), expected);
        const [first, second] = [a.slice(), b.slice()];
        agrees(z64.combine([first, b], [f, g], first), expected);
        agrees(z64.combine([a, second], [f, g], second), expected);
      }
      const row = b.subarray(0, columns);
      agrees(
        z64.accumulate(a.slice(), row, 7),
        each((x, _, i) => x + row[i % columns] + 7n * 2n ** 32n),
      );
      const column = b.subarray(0, rows);
      agrees(
        z64.multiply(a, column, columns),
        each((x, _, i) => x * column[Math.floor(i / columns)]),
      );
      const sums = new Array<bigint>(columns).fill(0n);
      a.forEach((x, i) => (sums[i % columns] = mod64(sums[i % columns] + x)));
      agrees(z64.sumRows(a, rows, columns), sums);
    }
  });

  it('refuses lengths and shifts that do not fit', () => {
    const [one, two] = [new BigUint64Array(1), new BigUint64Array(2)];
    expect(() => z64.add(one, two)).toThrow('1 elements against 2');
    expect(() => z64.multiply(two, one)).toThrow('2 elements against 1 × 1');
    expect(() => z64.combine([one, two], [1n, 1n])).toThrow('1 elements against 2');
    expect(() => z64.accumulate(one, two)).toThrow('2 elements do not divide 1');
    expect(() => z64.accumulate(one, new BigUint64Array(0))).toThrow('0 elements');
    expect(() => z64.shiftLeft(one, 64)).toThrow('expected 0 … 63');
    expect(() => z64.lowBits(one, -1)).toThrow('expected 0 … 64');
  });
});

describe('Z_{2^64 − 1}', () => {
  const M = L - 1n;
  it('adds, subtracts and negates, canonically', () => {
    fc.assert(
      fc.property(vectors, (pairs) => {
        const [a, b] = [odd.canonical(left(pairs)), odd.canonical(right(pairs))];
        const reduced = pairs.map(([x, y]) => [x % M, y % M]);
        agrees(
          odd.add(a, b),
          reduced.map(([x, y]) => (x + y) % M),
        );
        agrees(
          odd.sub(a, b),
          reduced.map(([x, y]) => (x - y + M) % M),
        );
        agrees(
          odd.accumulate(left(pairs), b), // whatever stands for 0
          reduced.map(([x, y]) => (x + y) % M),
        );
        agrees(
          odd.subtractFrom(a, b),
          reduced.map(([x, y]) => (x - y + M) % M),
        );
      }),
    );
  });
});

describe('fixed point', () => {
  it('rounds to nearest, ties up, and comes back exactly', () => {
    expect(Array.from(decode(encode([1.5, -1.5, 0.25, -0.25, 0.3], 1), 1))).toEqual([1.5, -1.5, 0.5, 0, 0.5]);
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.integer({ min: 8, max: 24 }), (x, f) => {
        const back = decode(encode([x], f), f)[0];
        expect(Math.abs(back - x)).toBeLessThanOrEqual(2 ** -(f + 1));
      }),
    );
    expect(encodeOne(-1, 16)).toBe(L - 65536n);
  });

  it('refuses what does not fit', () => {
    for (const x of [NaN, Infinity, 2 ** 46, -(2 ** 46)])
      expect(() => encode([0, x], 16)).toThrow(/element 1 .* must be below/);
    expect(() => encode([2 ** 45], 16)).not.toThrow();
  });
});

describe('shapes', () => {
  it('are sized and compared', () => {
    expect(sizeOf([])).toBe(1);
    expect(sizeOf([3, 0, 5])).toBe(0);
    expect(() => sizeOf([2, -1])).toThrow('non-negative');
    expect(sameShape([2, 3], [2, 3])).toBe(true);
    expect(sameShape([2, 3], [6])).toBe(false);
  });
});
