/** Sigmoid and tanh against doubles over their domain and beyond, with their derivatives; secure against plain, and their cost. */
import { describe, expect, it } from 'vitest';
import { createCostModel, type CostOptions } from '../../src/engine/costModel.ts';
import { inSequence } from '../../src/party/cost.ts';
import { cost, errorCost, sigmoid, sigmoidError, tanh, tanhError } from '../../src/functions/sigmoid.ts';
import { closeTo, numbers, plain, type Script, secure } from '../twins.ts';

const SETTINGS: CostOptions[] = [
  { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33, chunk: 40 },
  { suite: 'direct', truncation: 'dealt', fractionBits: 24, compareBits: 61 },
  { suite: 'direct', truncation: 'dealt', fractionBits: 8, compareBits: 33 },
  { suite: 'paper', truncation: 'dealt', fractionBits: 13, compareBits: 64, chunk: 40 },
];

const FUNCTIONS = {
  sigmoid: { of: (x: number) => 1 / (1 + Math.exp(-x)), error: 1e-3, run: sigmoid, back: sigmoidError },
  tanh: { of: Math.tanh, error: 2e-3, run: tanh, back: tanhError },
} as const;

describe.each(SETTINGS)('$suite suite, f = $fractionBits', (setting) => {
  const ulp = 2 ** -setting.fractionBits;
  const model = createCostModel(setting);
  const grid = Array.from({ length: 241 }, (_, i) => (i - 120) / 10);
  const x = [...grid, 100, -100, 8, -8, 4, -4, ulp, -ulp];
  const delta = numbers([1, x.length], -2, 2, 4);

  it.each(['sigmoid', 'tanh'] as const)('%s and its derivative', async (kind) => {
    const { of, error, run, back } = FUNCTIONS[kind];
    for (const surplus of [0, 9]) {
      const input = { shape: [1, x.length], numbers: x, fractionBits: setting.fractionBits + surplus };
      const script: Script = (e, value) => run(e, value);
      const found = await secure(setting, [input], script);
      closeTo(found, x.map(of), error + 2 * ulp);
      closeTo(await plain(setting, [input], script), x.map(of), error + 2 * ulp);
      const declared = cost(model, x.length, surplus, kind);
      expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(declared);

      const way: Script = async (e, value, error) => back(e, await run(e, value), error);
      const gradient = await secure(setting, [input, delta], way);
      const slopes = x.map(of).map((y) => (kind === 'sigmoid' ? y * (1 - y) : 1 - y * y));
      closeTo(
        gradient,
        slopes.map((slope, i) => slope * delta.numbers[i]),
        2 * (2 * error + 4 * ulp),
      );
      expect({ bytes: gradient.bytes, rounds: gradient.rounds }).toEqual(
        inSequence(declared, errorCost(model, x.length), model.part(x.length)),
      );
    }
  });
});

it('is refused with local truncation', async () => {
  const setting: CostOptions = { suite: 'paper', truncation: 'local', fractionBits: 13, compareBits: 64 };
  await expect(plain(setting, [numbers([1, 3], -1, 1)], (e, x) => tanh(e, x))).rejects.toThrow(
    'sigmoid and tanh: need dealt truncation, found local; give --truncation dealt',
  );
});
