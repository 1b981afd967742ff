/** The loss that is shown, for few classes and many, against double precision: on shares and in the clear, at its declared cost. */
import { describe, expect, it } from 'vitest';
import { createCostModel } from '../../src/engine/costModel.ts';
import { classLimit, crossEntropy, crossEntropyCost, softmax, softmaxCost } from '../../src/functions/softmax.ts';
import { inSequence } from '../../src/party/cost.ts';
import { testRandom } from '../reference.ts';
import { type Input, plain, type Script, secure, SETTINGS } from '../twins.ts';

const WITHIN = 0.005;
const ROWS = 4;

/** Logits of a row, and its label. */
type Rows = (n: number) => { logits: number[]; label: number };
const random = testRandom(7);
const KINDS: readonly (readonly [string, Rows])[] = [
  ['certain and right', (n) => ({ logits: Array.from({ length: n }, (_, i) => (i === 1 ? 30 : -2)), label: 1 })],
  ['uniform', (n) => ({ logits: new Array<number>(n).fill(1.5), label: n - 1 })],
  ['random', (n) => ({ logits: Array.from({ length: n }, () => 12 * random() - 6), label: Math.floor(n / 2) })],
  // Here n exponentials err most together
  [
    'one ahead of all',
    (n) => ({ logits: Array.from({ length: n }, (_, i) => (i === 0 ? 0 : -1.5 - Math.log(n))), label: 0 }),
  ],
];

/** Mean cross-entropy of a row, its logits clipped as documented. */
function exact(logits: readonly number[], label: number): number {
  const most = Math.max(...logits);
  const shifted = logits.map((x) => Math.max(x - most, -16));
  return Math.log(shifted.reduce((sum, x) => sum + Math.exp(x), 0)) - shifted[label];
}

function batch(rows: Rows, n: number): { inputs: [Input, Input]; expected: number } {
  const all = Array.from({ length: ROWS }, () => rows(n));
  const labels = all.flatMap(({ label }) => Array.from({ length: n }, (_, i) => Number(i === label)));
  return {
    inputs: [
      { shape: [ROWS, n], numbers: all.flatMap(({ logits }) => logits) },
      { shape: [ROWS, n], numbers: labels, fractionBits: 0 },
    ],
    expected: all.reduce((sum, { logits, label }) => sum + exact(logits, label), 0) / ROWS,
  };
}

const script: Script = async (engine, x, labels) => crossEntropy(engine, await softmax(engine, x), labels);

describe.each(SETTINGS)('$suite suite, f = $fractionBits', (setting) => {
  const limit = classLimit(setting);
  const model = createCostModel(setting);

  it.each([2, 10, 47, 62, 256, 1000].filter((n) => n <= limit))('%i classes: within 0.005', async (n) => {
    for (const [kind, rows] of KINDS) {
      const { inputs, expected } = batch(rows, n);
      const clear = await plain(setting, inputs, script);
      expect(Math.abs(clear.numbers[0] / ROWS - expected), `${kind}, in the clear`).toBeLessThan(WITHIN);
      const found = await secure(setting, inputs, script);
      expect(Math.abs(found.numbers[0] / ROWS - expected), kind).toBeLessThan(WITHIN);
    }
  });

  it.each([2, 10, 11, 47, 100, 256].filter((n) => n <= limit))('%i classes: the cost as declared', async (n) => {
    const { inputs } = batch(KINDS[2][1], n);
    const found = await secure(setting, inputs, script);
    const declared = inSequence(softmaxCost(model, ROWS, n), crossEntropyCost(model, ROWS, n));
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(declared);
  });
});
