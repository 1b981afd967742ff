import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { P17, P31, P67, codeLength, type CompareJob, type Compute, type DigitCode } from '../../runtime/compute.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { compareShareReference, mod, thermometerReference } from '../reference/compare.ts';
import { EDGES, TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';

let inline: Compute;
let pooled: Compute;

beforeAll(async () => {
  inline = await createWasmCompute({ workers: 0 });
  pooled = await createWasmCompute({ workers: 2 });
});

afterAll(async () => {
  await inline.close();
  await pooled.close();
});

interface Pairs {
  readonly x: bigint[];
  readonly y: bigint[];
}

interface Simulated {
  readonly result: Uint8Array;
  readonly job0: CompareJob;
  readonly job1: CompareJob;
  readonly d0: Uint8Array;
  readonly d1: Uint8Array;
}

/** All three roles: P2 deals x, both workers compare with y, P2 tests. Returns β' and what it came from. */
async function simulate(
  compute: Compute,
  code: DigitCode,
  { x, y }: Pairs,
  orEqual: boolean,
  random: TestRandom,
  beta: Uint8Array = random.bytes(x.length, 2),
): Promise<Simulated> {
  const n = x.length;
  const { digits, prime } = code;
  const share0 = random.bytes(n * codeLength(code), prime);
  const share1 = await compute.thermometer(code, BigUint64Array.from(x), share0);
  const drawn = {
    code,
    orEqual,
    y: BigUint64Array.from(y),
    beta,
    s: random.bytes(n * digits, prime, 1),
    u: random.bytes(n * digits, prime),
    rho: random.bytes(n, digits),
  };
  const job0 = { ...drawn, party: 0, g: share0 } as const;
  const job1 = { ...drawn, party: 1, g: share1 } as const;
  const [d0, d1] = await Promise.all([compute.compareShare(job0), compute.compareShare(job1)]);
  const result = await compute.compareTest(code, d0, d1);
  return { result, job0, job1, d0, d1 };
}

function pairsOf(values: readonly bigint[]): Pairs {
  const pairs = values.flatMap((x) => values.map((y) => ({ x, y })));
  return { x: pairs.map(({ x }) => x), y: pairs.map(({ y }) => y) };
}

function expected({ x, y }: Pairs, code: DigitCode, orEqual: boolean, beta: Uint8Array): Uint8Array {
  const window = BigInt(code.digits * code.bits);
  return Uint8Array.from(x, (value, i) => {
    const a = BigInt.asUintN(Number(window), value);
    const b = BigInt.asUintN(Number(window), y[i]);
    return beta[i] ^ Number(orEqual ? a >= b : a > b);
  });
}

describe.each([P17, P31, P67])('PrivateCompare, $name', (code) => {
  test('thermometer agrees with its definition and shares it', async () => {
    const random = new TestRandom(1);
    const x = [...EDGES, ...random.ring(50)];
    const share0 = random.bytes(x.length * codeLength(code), code.prime);
    const share1 = await inline.thermometer(code, BigUint64Array.from(x), share0);
    const plain = x.flatMap((value) => thermometerReference(code, value));
    expectSame(
      share1,
      Uint8Array.from(plain, (g, i) => mod(g - share0[i], code.prime)),
    );
  });

  describe.each([false, true])('orEqual %s', (orEqual) => {
    test.each([0, 1])('small values, exhaustive, β = %i', async (bit) => {
      await check(pairsOf(Array.from({ length: 64 }, (_, i) => BigInt(i))), bit);
    });

    test.each([0, 1])('corners: 0, largest, equal, neighbours, β = %i', async (bit) => {
      const top = (1n << BigInt(code.digits * code.bits)) - 1n;
      const corners = [...EDGES, top, top - 1n, top >> 1n, (top >> 1n) + 1n, 0x5555555555555555n, 0xaaaaaaaaaaaaaaaan];
      await check(pairsOf(corners), bit);
    });

    async function check(pairs: Pairs, bit: number): Promise<void> {
      const beta = new Uint8Array(pairs.x.length).fill(bit);
      for (const seed of [1, 2]) {
        const { result } = await simulate(inline, code, pairs, orEqual, new TestRandom(seed), beta);
        expectSame(result, expected(pairs, code, orEqual, beta));
      }
    }

    test('both shares of d, bit for bit', async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: 40 }), fc.integer(), async (n, seed) => {
          const random = new TestRandom(seed);
          const x = [...random.ring(n)];
          // A third of the pairs equal or close by.
          const y = [...random.ring(n)].map((value, i) =>
            i % 3 === 0 ? BigInt.asUintN(64, x[i] ^ (value & 1n)) : value,
          );
          const { result, job0, job1, d0, d1 } = await simulate(inline, code, { x, y }, orEqual, random);
          expectSame(
            d0,
            flat(n, (i) => compareShareReference(job0, i)),
          );
          expectSame(
            d1,
            flat(n, (i) => compareShareReference(job1, i)),
          );
          expectSame(result, expected({ x, y }, code, orEqual, job0.beta));
        }),
        { numRuns: 20 },
      );
    });
  });

  test('often enough to meet every (s, c): the definition, canonical values, at most one zero', async () => {
    const n = 3000;
    const random = new TestRandom(9);
    const pairs = { x: [...random.ring(n)], y: [...random.ring(n)] };
    const { job0, d0, d1 } = await simulate(inline, code, pairs, false, random);
    expectSame(
      d0,
      flat(n, (i) => compareShareReference(job0, i)),
    );
    const isZero = d0.map((value, j) => Number((value + d1[j]) % code.prime === 0));
    expect(d1.every((value) => value < code.prime)).toBe(true);
    const zeros = Array.from({ length: n }, (_, i) => isZero.subarray(i * code.digits, (i + 1) * code.digits));
    expect(zeros.every((row) => row.reduce((sum, bit) => sum + bit) <= 1)).toBe(true);
  });

  test('workers give the same bytes', async () => {
    const n = 9_001;
    const pairs = { x: [...new TestRandom(4).ring(n)], y: [...new TestRandom(5).ring(n)] };
    const alone = await simulate(inline, code, pairs, false, new TestRandom(6));
    const shared = await simulate(pooled, code, pairs, false, new TestRandom(6));
    expectSame(shared.d0, alone.d0);
    expectSame(shared.d1, alone.d1);
    expectSame(shared.result, alone.result);
    expectSame(alone.result, expected(pairs, code, false, alone.job0.beta));
  });

  test('lengths are checked', async () => {
    const y = new BigUint64Array(2);
    await expect(inline.thermometer(code, y, new Uint8Array(1))).rejects.toThrow('share0 has 1 bytes');
    await expect(inline.compareTest(code, new Uint8Array(code.digits), new Uint8Array(1))).rejects.toThrow('d1 has 1');
    await expect(inline.compareTest(code, new Uint8Array(1), new Uint8Array(1))).rejects.toThrow('d0 has 1');
  });
});

function flat(n: number, row: (i: number) => number[]): Uint8Array {
  return Uint8Array.from(Array.from({ length: n }, (_, i) => row(i)).flat());
}
