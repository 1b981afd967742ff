/** Comparison protocols of both suites and truncation against BigInt, on edge values and at random. */
import { describe, expect, it } from 'vitest';
import { P67 } from '../../runtime/compute.ts';
import type * as beaver from '../../src/protocols/paper/beaver.ts';
import * as computeMsb from '../../src/protocols/paper/computeMsb.ts';
import * as directRelu from '../../src/protocols/direct/directRelu.ts';
import * as drelu from '../../src/protocols/paper/drelu.ts';
import { dealDigits, dealtDigits } from '../../src/party/deal.ts';
import type { Party } from '../../src/party/party.ts';
import * as privateCompare from '../../src/protocols/paper/privateCompare.ts';
import * as relu from '../../src/protocols/paper/relu.ts';
import * as shareConvert from '../../src/protocols/paper/shareConvert.ts';
import * as truncateOperand from '../../src/protocols/direct/truncateOperand.ts';
import * as dealtTruncation from '../../src/protocols/direct/dealtTruncation.ts';
import { checkTruncationBits, workersLocal } from '../../src/protocols/paper/truncation.ts';
import * as odd from '../../src/ring/odd.ts';
import * as z64 from '../../src/ring/z64.ts';
import { L, mod64, randomRing, ring, shares, signed } from '../reference.ts';
import { simulate, type SimulationOptions } from '../simulate.ts';

const EDGES = [
  0n,
  1n,
  -1n,
  2n,
  -2n,
  2n ** 32n - 1n,
  2n ** 32n,
  -(2n ** 32n),
  2n ** 61n,
  -(2n ** 61n),
  2n ** 62n - 1n,
  -(2n ** 62n),
];

/** Runs the workers' script on shares of x and the helper's on its length; returns both workers' results. */
async function onShares<T>(
  x: BigUint64Array,
  workers: (party: Party, share: BigUint64Array) => Promise<T>,
  helper: (party: Party, count: number) => Promise<unknown>,
  options?: SimulationOptions,
): Promise<[T, T]> {
  const parts = shares(x);
  const { results } = await simulate<unknown>(
    (party) => (party.id === 2 ? helper(party, x.length) : workers(party, parts[party.id])),
    options,
  );
  return [results[0] as T, results[1] as T];
}

function inputs(limit: bigint, random: number): BigUint64Array {
  const edges = EDGES.filter((v) => v < limit && v >= -limit);
  const draws = Array.from(randomRing(random), (v, i) => {
    const size = limit >> BigInt(i % 60); // all magnitudes
    return size === 0n ? 0n : (v % (2n * size)) - size;
  });
  return ring([...edges, limit - 1n, -limit, ...draws]);
}

describe('PrivateCompare', () => {
  const corner = [0n, 1n, 2n, 2n ** 63n - 1n, 2n ** 63n, L - 2n, L - 1n];
  it.each([false, true])('all pairs of corner values, over 64 single bits, orEqual %s', async (orEqual) => {
    const pairs = corner.flatMap((x) => corner.map((y) => [x, y] as const));
    const X = ring(pairs.map(([x]) => x));
    const Y = ring(pairs.map(([, y]) => y));
    const { results } = await simulate(async (party) => {
      const options = { code: P67, orEqual };
      if (party.id === 2) {
        const dealing = dealDigits(party, 'x', P67, X);
        const result = await privateCompare.helper(party, options, X.length);
        await dealing;
        return result;
      }
      const random = privateCompare.draw(party, P67, X.length);
      return privateCompare.workers(party, options, random, { g: await dealtDigits(party, 'x', P67, X.length) }, Y);
    });
    const [beta0, beta1, betaPrime] = results;
    expect(beta0).toEqual(beta1);
    pairs.forEach(([x, y], i) =>
      expect(beta0[i] ^ betaPrime[i], `${x} against ${y}`).toBe(Number(orEqual ? x >= y : x > y)),
    );
  });
});

describe('ShareConvert', () => {
  it('keeps the value, over Z_{L−1}', async () => {
    const a = ring([0n, 1n, 2n, L - 2n, L - 3n, 2n ** 63n, 2n ** 63n - 1n, 2n ** 32n, ...randomRing(200)]);
    const [y0, y1] = await onShares(a, shareConvert.workers, shareConvert.helper);
    const sum = odd.add(y0, y1);
    a.forEach((value, i) => expect(sum[i]).toBe(value % (L - 1n)));
  });
});

describe('ComputeMSB', () => {
  it('is the top bit of a value shared over Z_{L−1}', async () => {
    const a = ring([0n, 1n, L - 2n, 2n ** 63n - 1n, 2n ** 63n, ...randomRing(200)]);
    const mask = odd.canonical(randomRing(a.length));
    const parts = [mask, odd.sub(a, mask)];
    const { results } = await simulate(async (party) =>
      party.id === 2 ? computeMsb.helper(party, a.length) : computeMsb.workers(party, parts[party.id]),
    );
    const msb = z64.add(results[0]!, results[1]!);
    // Over the odd ring 2a wraps exactly when a > (L − 2) / 2, that is, a ≥ 2^63.
    a.forEach((value, i) => expect(msb[i]).toBe(value % (L - 1n) >= 2n ** 63n ? 1n : 0n));
  });
});

describe('DReLU and ReLU, paper suite', () => {
  it('holds for |a| < 2^62', async () => {
    const a = inputs(2n ** 62n, 200);
    const [d0, d1] = await onShares(a, drelu.workers, drelu.helper, { chunk: 50 });
    z64.add(d0, d1).forEach((bit, i) => expect(bit, `a = ${signed(a[i])}`).toBe(signed(a[i]) >= 0n ? 1n : 0n));
    const [r0, r1] = await onShares(
      a,
      relu.workers,
      (party, count) => relu.helper(party, relu.helperBits(party, count)),
      { chunk: 50 },
    );
    z64.add(r0.y, r1.y).forEach((y, i) => expect(signed(y)).toBe(signed(a[i]) >= 0n ? signed(a[i]) : 0n));
  });
});

describe('ReLU, direct suite', () => {
  it.each([2, 3, 17, 25, 32, 33, 34, 45, 61])('holds for |a| < 2^(k−1), k = %i', async (k) => {
    const a = inputs(2n ** BigInt(k - 1), 300);
    const delta = randomRing(a.length);
    const deltaParts = shares(delta);
    const parts = shares(a);
    const { results } = await simulate(
      async (party) => {
        if (party.id === 2) {
          const q = await party.under('relu', async (child) => {
            const bits = await directRelu.helperBits(child, a.length);
            await directRelu.helper(child, bits, k);
            return bits;
          });
          await party.under('select', (child) => directRelu.helperSelect(child, q));
          return undefined;
        }
        const worker = party.worker;
        const { y, sign } = await party.under('relu', (child) => directRelu.workers(child, parts[worker], k));
        return {
          y,
          selected: await party.under('select', (child) => directRelu.workersSelect(child, sign, deltaParts[worker])),
        };
      },
      { chunk: 64 },
    );
    const y = z64.add(results[0]!.y, results[1]!.y);
    const selected = z64.add(results[0]!.selected, results[1]!.selected);
    a.forEach((value, i) => {
      const positive = signed(value) >= 0n;
      expect(signed(y[i]), `a = ${signed(value)}`).toBe(positive ? signed(value) : 0n);
      expect(selected[i]).toBe(positive ? delta[i] : 0n);
    });
  });

  it('refuses windows that no digit code holds', () => {
    for (const k of [0, 1, 62, 64, 33.5, NaN]) expect(() => directRelu.codeFor(k)).toThrow(/expected 2 … 61/);
  });

  it('errs outside its window: the bound is a bound', async () => {
    const k = 17;
    const [r0, r1] = await onShares(
      ring([2n ** 16n]),
      (party, share) => directRelu.workers(party, share, k),
      async (party, count) => directRelu.helper(party, await directRelu.helperBits(party, count), k),
    );
    expect(z64.add(r0.y, r1.y)[0]).toBe(0n);
  });
});

describe('truncation', () => {
  it.each([1, 7, 8, 13, 16, 27, 32, 40, 61])('dealt, by %i bits: within 1 ulp for every |z| < 2^62', async (bits) => {
    const z = inputs(2n ** 62n, 400);
    const [y0, y1] = await onShares(
      z,
      (party, share) => dealtTruncation.workersDealt(party, share, bits),
      (party, count) => dealtTruncation.helperDealt(party, count, bits),
      { chunk: 100 },
    );
    z64.add(y0, y1).forEach((y, i) => {
      const floor = signed(z[i]) >> BigInt(bits);
      expect([floor, floor + 1n], `z = ${signed(z[i])}`).toContain(signed(y));
    });
  });

  it('dealt: rounds stochastically, E[y] = z / 2^bits', async () => {
    const n = 20_000;
    const z = ring(Array.from({ length: n }, () => 3n * 2n ** 16n + 2n ** 14n)); // 3.25
    const [y0, y1] = await onShares(
      z,
      (party, share) => dealtTruncation.workersDealt(party, share, 16),
      (party, count) => dealtTruncation.helperDealt(party, count, 16),
    );
    const up = z64.add(y0, y1).filter((y) => y === 4n).length;
    // Binomial(n, 1/4): five standard deviations
    expect(Math.abs(up - n / 4)).toBeLessThan(5 * Math.sqrt((n * 3) / 16));
  });

  describe.each([8, 16, 27, 40, 56])('of an operand, by %i bits', (bits) => {
    /** Of a value of which P2 holds a part. */
    const open = async (
      z: BigUint64Array,
    ): Promise<{ y: BigUint64Array; mask: beaver.HelperMask; operands: beaver.Masked[] }> => {
      const n = z.length;
      const Z = randomRing(n);
      const parts = shares(z64.sub(z, Z));
      const { results } = await simulate(
        async (party) =>
          party.id === 2
            ? truncateOperand.helper(party, n, bits, Z)
            : truncateOperand.workers(party, parts[party.id], bits),
        { chunk: 300 },
      );
      const operands = results.slice(0, 2) as beaver.Masked[];
      return { y: z64.add(operands[0].share, operands[1].share), mask: results[2] as beaver.HelperMask, operands };
    };

    it('within 1.5 ulp for every |z| < 2^62, under the mask that P2 knows', async () => {
      const z = inputs(2n ** 62n - 2n ** BigInt(bits + 1), 1000);
      const { y, mask, operands } = await open(z);
      expect(operands[1].opened).toEqual(operands[0].opened);
      expect(operands.map((operand) => operand.mask)).toEqual(mask.shares);
      expect(z64.add(operands[0].opened, z64.add(...mask.shares))).toEqual(y);
      z.forEach((value, i) => {
        const twice = (signed(y[i]) << BigInt(bits + 1)) - (signed(value) << 1n);
        expect(twice < 0n ? -twice : twice, `z = ${signed(value)}`).toBeLessThan(3n << BigInt(bits));
      });
    });

    it('E[y] = z / 2^bits', async () => {
      const n = 5000;
      const z = ring(Array.from({ length: n }, () => -(5n << BigInt(bits - 2)))); // −1.25
      const { y } = await open(z);
      const mean = y.reduce((sum, value) => sum + Number(signed(value)), 0) / n;
      // Standard deviation of one: half an ulp
      expect(Math.abs(mean + 1.25)).toBeLessThan((5 * 0.5) / Math.sqrt(n));
    });
  });

  it('of an operand, by bits that its fields cannot hold: is refused', async () => {
    for (const bits of [7, 57]) {
      const run = simulate(async (party) => truncateOperand.workers(party, new BigUint64Array(1), bits));
      await expect(run).rejects.toThrow(`truncation of an operand by ${bits} bits: expected 8 … 56`);
    }
  });

  it('local: within 1 ulp, for values far from the ring’s ends', async () => {
    const z = inputs(2n ** 30n, 400);
    const [y0, y1] = await onShares(
      z,
      (party, share) => Promise.resolve(workersLocal(party, share, 13)),
      () => Promise.resolve(),
    );
    z64.add(y0, y1).forEach((y, i) => {
      const floor = signed(z[i]) >> 13n;
      expect([floor, floor + 1n]).toContain(signed(y));
    });
  });

  it('local: errs by 2^(64 − bits) with probability |z| / 2^64, as documented', async () => {
    const n = 4096;
    const z = ring(Array.from({ length: n }, () => 2n ** 62n)); // probability 1/4
    const [y0, y1] = await onShares(
      z,
      (party, share) => Promise.resolve(workersLocal(party, share, 16)),
      () => Promise.resolve(),
    );
    const wrong = Array.from(z64.add(y0, y1)).filter((y) => ![2n ** 46n, 2n ** 46n + 1n].includes(y));
    for (const y of wrong) expect([mod64(2n ** 46n - 2n ** 48n), mod64(2n ** 46n - 2n ** 48n + 1n)]).toContain(y);
    expect(Math.abs(wrong.length - n / 4)).toBeLessThan(5 * Math.sqrt((n * 3) / 16));
  });

  it('refuses a number of bits outside 1 … 61', () => {
    for (const bits of [0, 62, 1.5]) expect(() => checkTruncationBits(bits)).toThrow(/expected 1 … 61/);
  });
});
