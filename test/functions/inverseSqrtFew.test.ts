/** Inverse square root of few values: its error over the whole domain, in three parties and in the clear, its cost and its rounds. */
import { describe, expect, it } from 'vitest';
import { createCostModel, type CostOptions } from '../../src/engine/costModel.ts';
import { cost, FEW_BITS, inverseSqrtOfFew, planStages } from '../../src/functions/inverseSqrtFew.ts';
import { testRandom } from '../reference.ts';
import { plain, secure } from '../twins.ts';

const ERROR = 4e-4;

describe('the plan of a normalisation', () => {
  it.each([8, 13, 16, 24])('ends just under 1/4, at f = %i', (f) => {
    for (let bits = 0; bits <= 48; bits++) {
      const { stages, low } = planStages(2 ** -bits, f);
      if (bits > 2) expect(low).toBeLessThanOrEqual(0.25);
      expect(low).toBeGreaterThan(2 ** -2.1);
      expect(stages.length).toBeLessThanOrEqual(Math.ceil(bits / (f + 1)));
    }
  });
});

const SETTINGS: (CostOptions & { bits: number; rounds: number })[] = [
  { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 23, chunk: 40, bits: 28, rounds: 12 }, // the narrowest window
  { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33, bits: 48, rounds: 16 },
  { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33, bits: 3, rounds: 8 },
  { suite: 'direct', truncation: 'dealt', fractionBits: 24, compareBits: 61, bits: 40, rounds: 12 },
  { suite: 'direct', truncation: 'dealt', fractionBits: 8, compareBits: 15, bits: 27, rounds: 16 },
  { suite: 'paper', truncation: 'dealt', fractionBits: 13, compareBits: 64, chunk: 40, bits: 28, rounds: 26 },
];

describe.each(SETTINGS)('$suite suite, f = $fractionBits, k = $compareBits, $bits bits', (setting) => {
  const { bits, fractionBits } = setting;
  const low = 2 ** -bits;

  /** The ends of the domain, all magnitudes, and both sides of every threshold. */
  const random = testRandom(4);
  const s = [low, 1 - 2 ** -FEW_BITS];
  for (let e = 0; e < bits; e++)
    s.push(2 ** -e * (1 - random() / 2), 2 ** -e * 0.999, 2 ** -e - 2 ** -FEW_BITS, 2 ** -e);
  const exact = s.map(
    (x) => Math.round(Math.min(1 - 2 ** -FEW_BITS, Math.max(x, low)) * 2 ** FEW_BITS) / 2 ** FEW_BITS,
  );
  const input = { shape: [1, exact.length], numbers: exact, fractionBits: FEW_BITS };

  it('is right to the stated relative error, and costs what it declares', async () => {
    const found = await secure(setting, [input], (e, x) => inverseSqrtOfFew(e, x, low));
    const declared = cost(createCostModel(setting), exact.length, low);
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(declared);
    const twin = await plain(setting, [input], (e, x) => inverseSqrtOfFew(e, x, low));
    for (const { numbers } of [found, twin])
      numbers.forEach((y, i) => expect(Math.abs(y * Math.sqrt(exact[i]) - 1), `s = ${exact[i]}`).toBeLessThan(ERROR));
    expect(planStages(low, fractionBits).stages.length).toBeGreaterThan(0);
    expect(found.rounds).toBe(setting.rounds);
  });
});
