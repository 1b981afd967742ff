/** Every number of fractional bits that the parser takes: the training learns, or is refused with the reason before it begins. */
import { describe, expect, it } from 'vitest';
import { firstBatchWarnings } from '../../src/cli/range-check.ts';
import { inTheClear } from '../../src/client/in-the-clear.ts';
import type { TrainSettings } from '../../src/cli/options/training.ts';
import { loadDataset } from '../../src/data/load.ts';
import { createPlainEngine } from '../../src/engine/plain.ts';
import { countTraining } from '../../src/nn/count.ts';
import type { Network } from '../../src/nn/network.ts';
import { REVEALED, train } from '../../src/nn/train.ts';
import { decode } from '../../src/ring/fixed.ts';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { testCompute } from '../simulate.ts';
import { SOFTMAX_SGD } from '../training.ts';

const ALL_BITS = Array.from({ length: 24 - 8 + 1 }, (_, i) => 8 + i);
const STEPS = 12;
const network: Network = {
  name: 'small',
  input: [4, 4, 1],
  layers: [{ type: 'flatten' }, { type: 'dense', units: 6 }, { type: 'relu' }, { type: 'dense', units: 4 }],
};
const data = await loadDataset(writeDataset(smallDataset(32, 8)));

type Choice = Pick<TrainSettings, 'suite' | 'truncation' | 'loss' | 'optimizer'>;

function settingsOf(choice: Choice, fractionBits: number): TrainSettings {
  const asm = choice.loss === 'asm';
  const training = { ...SOFTMAX_SGD, learningRate: asm ? 2 ** -5 : 2 ** -3, momentum: asm ? 0 : 0.9 };
  const compareBits = choice.suite === 'paper' ? 64 : 33;
  const common = { network, batch: 8, epochs: undefined, steps: STEPS, fractionBits, compareBits };
  return { ...training, ...common, ...choice } as TrainSettings;
}

/** Loss of the first and the last step. */
async function losses(settings: TrainSettings): Promise<[first: number, last: number]> {
  const found = new Map<string, number>();
  const engine = createPlainEngine({
    ...settings,
    compute: await testCompute(),
    reveal: (name, value) => Promise.resolve(void found.set(name, decode(value, settings.fractionBits)[0])),
  });
  await train(engine, network, inTheClear(engine, data, settings), settings, () => undefined);
  return [found.get(REVEALED.loss(1))!, found.get(REVEALED.loss(STEPS))!];
}

const TRAININGS: Choice[] = [
  ...(['softmax', 'asm'] as const).flatMap((loss) => [
    ...(['sgd', 'adam', 'amsgrad'] as const).map(
      (optimizer) => ({ suite: 'direct', truncation: 'dealt', loss, optimizer }) as const,
    ),
    { suite: 'direct', truncation: 'local', loss, optimizer: 'sgd' } as const,
  ]),
];

describe('8 to 24 fractional bits', () => {
  it.each(TRAININGS)('$loss, $optimizer, $truncation truncation: learns or is refused', async (choice) => {
    const [told, refused]: [number[], number[]] = [[], []];
    for (const bits of ALL_BITS) {
      const settings = settingsOf(choice, bits);
      const said = await firstBatchWarnings(data, settings).catch((error: unknown) => [(error as Error).message]);
      if (said.length > 0) {
        expect(said).toEqual([
          expect.stringMatching(/local.* goes wrong with a probability of .* one ruins the model/),
        ]);
        told.push(bits);
        if (!said[0].startsWith('warning: ')) refused.push(bits);
        continue;
      }
      const [first, last] = await losses(settings);
      expect(last, `${bits} bits: loss from ${first} to ${last}`).toBeLessThan(0.97 * first);
    }
    if (choice.truncation === 'dealt') expect(told).toEqual([]);
    else expect(Math.min(...told)).toBeGreaterThan(18);
    if (choice.truncation === 'local' && choice.loss === 'softmax') expect(refused).toContain(24);
  });

  it.each(['direct', 'paper'] as const)('%s suite: every protocol takes them', async (suite) => {
    for (const { truncation, loss, optimizer } of TRAININGS) {
      for (const bits of ALL_BITS) {
        const settings = { ...settingsOf({ suite, truncation, loss, optimizer }, bits), steps: 2 };
        const { steps } = await countTraining(network, settings, { trainImages: 32, testImages: 8 });
        expect(steps).toHaveLength(2);
      }
    }
  });

  it('and any learning rate that moves a weight', async () => {
    for (const bits of [8, 16, 24]) {
      const common = settingsOf(TRAININGS[0], bits);
      await expect(losses({ ...common, learningRate: 1e-30 })).rejects.toThrow('no weight moves');
      for (const learningRate of [1, 0.05, 0.01, 1e-4, 1e-6]) {
        const settings = { ...common, learningRate };
        const [first, last] = await losses(settings);
        expect(last, `${bits} bits, rate ${learningRate}: ${first} to ${last}`).toBeLessThan(1.3 * first);
      }
    }
  });
});
