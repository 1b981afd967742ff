/** Comparisons in sessions with `--security private`, of every kind and in both suites: bit for bit the ideal twin's, at the declared cost. */
import { describe, expect, it } from 'vitest';
import { createCostModel } from '../../src/engine/costModel.ts';
import { maximum } from '../../src/functions/maximum.ts';
import { maxpoolRelu } from '../../src/functions/maxpoolTree.ts';
import { closeTo, exactly, numbers, plain, PRIVATE_SETTINGS, type Script, secure, SETTINGS } from '../twins.ts';

describe.each(PRIVATE_SETTINGS)('$suite suite, f = $fractionBits, k = $compareBits', (setting) => {
  const f = setting.fractionBits;
  const model = createCostModel(setting);
  const semiHonest = createCostModel(SETTINGS[PRIVATE_SETTINGS.indexOf(setting)]);

  it('ReLU, and what is kept of it, costs no round more where P2 deals ahead', async () => {
    const inputs = [numbers([10, 10], -100, 100), numbers([10, 10], -100, 100, 2)];
    await exactly(setting, inputs, async (e, x) => (await e.relu(x)).y, model.relu(100));
    const script: Script = async (e, x, y) => e.select((await e.relu(x)).sign, y);
    const found = await exactly(setting, inputs, script, {
      rounds: model.relu(100).rounds + model.select(100).rounds,
      bytes: model.relu(100).bytes + model.select(100).bytes,
    });
    expect(found.shape).toEqual([10, 10]);
    const more = model.relu(100).rounds - semiHonest.relu(100).rounds;
    expect(more).toBe(setting.suite === 'direct' ? 0 : 3);
  });

  it('truncate-and-ReLU of a product', async () => {
    const inputs = [numbers([9, 9], -40, 40), numbers([9, 9], -1, 1, 2)];
    const script: Script = async (e, x, y) => (await e.truncateRelu(await e.mul(x, y), f)).y;
    const [found, twin] = [await secure(setting, inputs, script), await plain(setting, inputs, script)];
    closeTo(found, twin.numbers, 3 * 2 ** -f);
  });

  it('the maximum of four values, and of products and zero', async () => {
    const inputs = [numbers([4, 30], -9, 9), numbers([4, 30], -9, 9, 2)];
    const scripts: Script[] = [async (e, x) => (await maximum(e, x)).y];
    if (setting.suite === 'direct') scripts.push(async (e, x, y) => maxpoolRelu(e, await e.mul(x, y)));
    for (const script of scripts) {
      const [found, twin] = [await secure(setting, inputs, script), await plain(setting, inputs, script)];
      closeTo(found, twin.numbers, 5 * 2 ** -f);
    }
  });
});
