/** Inverse square root: its error over the whole domain, in three parties and in the clear, and its cost. */
import { describe, expect, it } from 'vitest';
import { createCostModel, type CostOptions } from '../../src/engine/costModel.ts';
import { inSequence } from '../../src/party/cost.ts';
import { cost, inverseSqrt, planNormalization } from '../../src/functions/inverseSqrt.ts';
import { testRandom } from '../reference.ts';
import { plain, secure } from '../twins.ts';

const ERROR = 4e-4;

describe('the plan of a normalisation', () => {
  it.each([14, 19, 22, 30])('ends just under 1/4, with %i bits compared', (compared) => {
    for (let bits = 0; bits <= 52; bits++) {
      const { shifts, low } = planNormalization(2 ** -bits, compared);
      if (bits > 2) expect(low).toBeLessThanOrEqual(0.25);
      expect(low).toBeGreaterThan(2 ** -2.1);
      expect(shifts.length).toBeLessThanOrEqual(Math.ceil(Math.log2(bits + 2)) + (compared < 19 ? 1 : 0));
      for (const c of shifts) expect(c % 2).toBe(0);
    }
  });

  it('takes five comparisons for 48 bits', () => {
    expect(planNormalization(2 ** -48, 22).shifts).toHaveLength(5);
  });
});

const SETTINGS: (CostOptions & { U: number })[] = [
  { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 23, chunk: 40, U: 52 }, // the narrowest window
  { suite: 'direct', truncation: 'dealt', fractionBits: 20, compareBits: 61, U: 54 },
  { suite: 'direct', truncation: 'dealt', fractionBits: 8, compareBits: 15, U: 36 },
  { suite: 'paper', truncation: 'dealt', fractionBits: 13, compareBits: 64, chunk: 40, U: 48 },
];

describe.each(SETTINGS)('$suite suite, f = $fractionBits, k = $compareBits', (setting) => {
  const { U, fractionBits } = setting;
  const low = 2 ** (4 - U);

  /** The ends of the domain, all magnitudes, and both sides of every threshold. */
  const thresholds = planNormalization(low, fractionBits + 6).shifts.flatMap((c) =>
    [-1, 0, 1].map((by) => 2 ** -c + by * 2 ** -U),
  );
  const random = testRandom(4);
  const s = [low, low + 2 ** -U, 1 - 2 ** -Math.min(U, 52), ...thresholds];
  for (let e = 0; e < U - 4; e++) s.push(2 ** -e * (1 - random() / 2), 2 ** -e * 0.999);
  const exact = s.map((x) => Math.round(Math.max(x, low) * 2 ** U) / 2 ** U);
  const input = { shape: [1, s.length], numbers: exact, fractionBits: U };

  it('is right to the stated relative error, and costs what it declares', async () => {
    const found = await secure(setting, [input], (e, x) => inverseSqrt(e, x, low));
    const model = createCostModel(setting);
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(
      inSequence(cost(model, s.length, U, low), model.part(s.length)),
    );
    const twin = await plain(setting, [input], (e, x) => inverseSqrt(e, x, low));
    for (const { numbers } of [found, twin])
      numbers.forEach((y, i) =>
        expect(Math.abs(y * Math.sqrt(input.numbers[i]) - 1), `s = ${exact[i]}`).toBeLessThan(ERROR),
      );
  });
});
