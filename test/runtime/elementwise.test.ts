import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { Compute, DealtShift } from '../../runtime/compute.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { EDGES, TestRandom } from '../reference/random.ts';
import { packedBytes, packedWidth } from '../reference/select.ts';
import { expectSame } from '../reference/same.ts';

let compute: Compute;

beforeAll(async () => {
  compute = await createWasmCompute({ workers: 0 });
});

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const ring = fc.oneof(fc.constantFrom(...EDGES), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }));
const party = fc.constantFrom(0 as const, 1 as const);

test('truncateLocal: Alg. 11', () => {
  fc.assert(
    fc.property(party, fc.array(ring, { maxLength: 20 }), fc.integer({ min: 0, max: 63 }), (j, z, bits) => {
      const expected = z.map((x) => (j === 0 ? x >> BigInt(bits) : u64(-(u64(-x) >> BigInt(bits)))));
      expect(compute.truncateLocal(j, BigUint64Array.from(z), bits)).toEqual(BigUint64Array.from(expected));
    }),
  );
});

/** Shares of R_63 as they are dealt: packed. */
function topOf(shares: Iterable<bigint>, bits: number): Uint8Array {
  const values = [...shares];
  const width = BigInt(packedWidth(bits));
  let stream = 0n;
  values.forEach((x, i) => (stream |= BigInt.asUintN(Number(width), x) << (width * BigInt(i))));
  return Uint8Array.from({ length: packedBytes(values.length, bits) }, (_, i) =>
    Number((stream >> BigInt(8 * i)) & 255n),
  );
}

test('truncateDealt: step 2 by the formula', () => {
  const triple = fc.tuple(ring, ring, ring);
  fc.assert(
    fc.property(party, fc.array(triple, { maxLength: 20 }), fc.integer({ min: 1, max: 61 }), (j, rows, bits) => {
      const f = BigInt(bits);
      const expected = rows.map(([c, rShift, r63]) => {
        const shared = j === 0 ? (c >> f) - (1n << (62n - f)) : 0n;
        return u64(shared - rShift + r63 * (1n - (c >> 63n)) * (1n << (64n - f)));
      });
      const column = (i: 0 | 1 | 2): BigUint64Array => BigUint64Array.from(rows, (row) => row[i]);
      const out = compute.truncateDealt(j, column(0), { bits, shift: column(1), top: topOf(column(2), bits) });
      expect(out).toEqual(BigUint64Array.from(expected));
    }),
  );
});

test('truncateDealt: both shares together are z / 2^bits to one ulp, for all |z| < 2^62', () => {
  const value = fc.bigInt({ min: -(1n << 62n) + 1n, max: (1n << 62n) - 1n });
  fc.assert(
    fc.property(value, ring, ring, ring, fc.integer({ min: 1, max: 40 }), (z, r, shiftMask, signMask, bits) => {
      const f = BigInt(bits);
      const c = BigUint64Array.of(u64(z + (1n << 62n) + r));
      const r63 = r >> 63n;
      const dealt = (shift: bigint, top: bigint): DealtShift => ({
        bits,
        shift: BigUint64Array.of(u64(shift)),
        top: topOf([u64(top)], bits),
      });
      const share0 = compute.truncateDealt(0, c, dealt(shiftMask, signMask));
      const share1 = compute.truncateDealt(1, c, dealt((r >> f) - shiftMask, r63 - signMask));
      const error = BigInt.asIntN(64, share0[0] + share1[0]) - (z >> f);
      expect(error === 0n || error === 1n).toBe(true);
    }),
  );
});

test('wrap', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(ring, ring), { maxLength: 20 }), (rows) => {
      const a = BigUint64Array.from(rows, ([x]) => x);
      const b = BigUint64Array.from(rows, ([, y]) => y);
      expect(compute.wrap(a, b)).toEqual(Uint8Array.from(rows, ([x, y]) => Number(x + y >= 1n << 64n)));
    }),
  );
});

test('convertShare: Alg. 4, step 5', () => {
  const M = (1n << 64n) - 1n;
  const row = fc.tuple(ring, ring, ring, ring, ring, fc.constantFrom(0, 1));
  fc.assert(
    fc.property(party, fc.array(row, { maxLength: 20 }), (j, rows) => {
      const expected = rows.map(([a, r, r0, delta, etaPrime, flip]) => {
        const wraps = (x: bigint, y: bigint): bigint => BigInt(x + y > M);
        const one = j === 0 ? 1n : 0n;
        const r1 = u64(r - r0);
        const eta = flip === 1 ? one - etaPrime : etaPrime;
        const theta = wraps(a, j === 0 ? r0 : r1) + delta + eta - one * (wraps(r0, r1) + 1n);
        return (((a - theta) % M) + M) % M;
      });
      const [a, r, r0, delta, etaPrime] = [0, 1, 2, 3, 4].map((i) =>
        BigUint64Array.from(rows, (row) => BigInt(row[i])),
      );
      const etaMask = Uint8Array.from(rows, (row) => row[5]);
      const job = { party: j, a, r, r0, delta, etaPrime, etaMask };
      expect(compute.convertShare(job)).toEqual(BigUint64Array.from(expected));
    }),
  );
});

test('more than one slice', () => {
  const n = 40_001;
  const a = new TestRandom(1).ring(n);
  const b = new TestRandom(2).ring(n);
  const bits = new TestRandom(3).bytes(n, 2);
  const converted = (part: (words: BigUint64Array) => BigUint64Array, mask: Uint8Array): BigUint64Array => {
    const [x, y] = [part(a), part(b)];
    return compute.convertShare({ party: 0, a: x, r: y, r0: x, delta: y, etaPrime: x, etaMask: mask });
  };
  expectSame(
    converted((words) => words, bits).slice(-5),
    converted((words) => words.slice(-5), bits.slice(-5)),
  );
  expectSame(
    compute.wrap(a, b),
    Uint8Array.from(a, (x, i) => Number(x + b[i] >= 1n << 64n)),
  );
  expectSame(
    compute.truncateLocal(0, a, 16),
    a.map((x) => x >> 16n),
  );
  expectSame(
    compute.truncateDealt(1, a, { bits: 16, shift: b, top: new Uint8Array(2 * b.length) }),
    b.map((x) => u64(-x)),
  );
});

test('arguments are checked', () => {
  const two = new BigUint64Array(2);
  const one = new BigUint64Array(1);
  expect(() => compute.truncateLocal(0, two, 64)).toThrow('bits must be in [0, 63], is 64');
  const top = new Uint8Array(4);
  for (const bits of [0, 62]) {
    expect(() => compute.truncateDealt(0, two, { bits, shift: two, top })).toThrow(
      `bits must be in [1, 61], is ${bits}`,
    );
  }
  expect(() => compute.truncateDealt(0, two, { bits: 16, shift: one, top })).toThrow(
    'shift has 1 elements, 2 expected',
  );
  expect(() => compute.truncateDealt(0, two, { bits: 8, shift: two, top })).toThrow('top has 4 elements, 2 expected');
  expect(() => compute.wrap(two, one)).toThrow('b has 1 elements, 2 expected');
});
