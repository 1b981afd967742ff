/** Values that are given back: what was lent of them stays, and whoever reads them all the same fails. */
import { describe, expect, it } from 'vitest';
import { closeTo, numbers, secure, SETTINGS } from '../twins.ts';

const [M, N] = [100, 120];
const X = numbers([M, N], -2, 2);
const W = numbers([N, 3], -2, 2, 2);
const PRODUCT = Array.from({ length: M * 3 }, (_, i) => {
  const [row, column] = [Math.floor(i / 3), i % 3];
  return X.numbers.slice(row * N, (row + 1) * N).reduce((sum, x, k) => sum + x * W.numbers[k * 3 + column], 0);
});

describe.each(SETTINGS.filter(({ truncation }) => truncation === 'dealt'))('f = $fractionBits', (setting) => {
  it('an operand outlives the value that it was made of, and as many operands of it as there are', async () => {
    const found = await secure(setting, [X, W], async (engine, x, w) => {
      const y = await engine.truncate(
        await engine.mul(x, engine.constant([M, N], new Float64Array(M * N).fill(1))),
        setting.fractionBits,
      );
      const [one, other] = [await engine.operand(y), await engine.operand(y)];
      engine.free(y);
      await engine.settle();
      const first = await engine.matmul(one, w);
      engine.free(one);
      const second = await engine.matmul(other, w);
      engine.free(other);
      return engine.truncate(engine.sub(engine.scale(first, 3n), engine.scale(second, 2n)), setting.fractionBits);
    });
    closeTo(found, PRODUCT, 0.05);
  });

  it('a value that was given back is not read as another one', async () => {
    const reading = secure(setting, [X, X], async (engine, x, other) => {
      const y = engine.add(x, other);
      engine.free(y);
      await engine.settle();
      return engine.add(y, other);
    });
    await expect(reading).rejects.toThrow('elements');
  });
});
