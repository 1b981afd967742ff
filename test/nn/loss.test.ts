/** Losses: what goes back and what is shown, against double precision; tiny training with ASM. */
import { describe, expect, it } from 'vitest';
import { lossOf, type LossName } from '../../src/nn/loss.ts';
import { closeTo, numbers, plain, type Script, secure, SETTINGS } from '../twins.ts';
import { DIRECT, OPTIONS, trainPlain, trainSecure } from './tiny.ts';

const [M, N] = [6, 4];
const logits = numbers([M, N], -3, 4);
logits.numbers.slice(0, N).forEach((u, i) => ((logits.numbers as number[])[i] = -Math.abs(u))); // no positive entry
const labels = {
  shape: [M, N],
  numbers: Array.from({ length: M * N }, (_, i) => Number(i % N === 1)),
  fractionBits: 0,
};
const rows = Array.from({ length: M }, (_, r) => logits.numbers.slice(r * N, (r + 1) * N));

function normalized(row: readonly number[], weight: (u: number) => number): number[] {
  const sum = row.reduce((total, u) => total + weight(u), 0);
  return row.map((u) => (sum === 0 ? 1 / row.length : weight(u) / sum));
}
const softmax = rows.map((row) => normalized(row, Math.exp));
const asm = rows.map((row) => normalized(row, (u) => Math.max(u, 0)));
const expected: Record<LossName, { p: number[][]; sum: number }> = {
  softmax: { p: softmax, sum: -softmax.reduce((total, p) => total + Math.log(p[1]), 0) },
  asm: { p: asm, sum: asm.flat().reduce((total, p, i) => total + (p - labels.numbers[i]) ** 2, 0) },
};

describe.each(SETTINGS)('$suite suite, f = $fractionBits', (setting) => {
  it.each(['softmax', 'asm'] as const)('%s: δ = p − label, and the loss that is shown', async (name) => {
    const delta: Script = async (engine, x, y) => (await lossOf(engine, name, x, y)).delta;
    const shown: Script = async (engine, x, y) => (await lossOf(engine, name, x, y)).sum(engine);
    // Softmax errs by its approximations (PROTOCOLS §5), ASM by the rounding of its input
    const dealt = setting.truncation === 'dealt';
    const tolerance = name === 'asm' ? 8 * 2 ** -setting.fractionBits : dealt ? 5e-3 : 3e-2;
    const { p, sum } = expected[name];
    for (const run of [plain, secure]) {
      closeTo(
        await run(setting, [logits, labels], delta),
        p.flat().map((value, i) => value - labels.numbers[i]),
        tolerance,
      );
      closeTo(await run(setting, [logits, labels], shown), [sum], 2 * M * tolerance);
    }
  });
});

describe('tiny training with ASM', () => {
  it('learns, and on shares as in the clear', async () => {
    const options = { ...OPTIONS, loss: 'asm' as const, steps: 20 };
    const [shared, clear] = [await trainSecure(DIRECT, options), await trainPlain(DIRECT, options)];
    for (const { correct, losses } of [shared, clear]) {
      expect(correct).toBe(12);
      expect(losses[0]).toBeLessThan(2);
      expect(losses.at(-1)).toBeLessThan(losses[0] / 4);
    }
  });
});
