import { describe, expect, it } from 'vitest';
import { memoryOf, peak } from '../../src/server/memory.ts';
import { readTrainSettings } from '../../src/cli/options/training.ts';
import { countInference, countTraining } from '../../src/nn/count.ts';
import type { Network } from '../../src/nn/network.ts';
import { DIRECT_SUITE } from '../training.ts';

const SMALL: Network = {
  name: 'small',
  input: [2],
  layers: [{ type: 'dense', units: 3 }, { type: 'relu' }, { type: 'dense', units: 1 }],
};
/** 2 · 3 weights and 3 biases, 3 · 2 weights and 2 biases: a training has two classes at least. */
const TRAINED: Network = { ...SMALL, layers: [...SMALL.layers.slice(0, 2), { type: 'dense', units: 2 }] };
const PARAMETERS = 17;
const BATCH = 4;
const settings = (optimizer: 'sgd' | 'adam' | 'amsgrad') => ({
  ...readTrainSettings({ suite: 'direct', backend: 'auto', loss: 'softmax', optimizer, network: 'A', batch: BATCH }),
  network: TRAINED,
});
const WEIGHTS = { worker: 1, helper: 1 };

describe('memory of a party', () => {
  it('bytes that a batch makes, by hand', async () => {
    const [{ held }] = await countInference(SMALL, DIRECT_SUITE, BATCH, 1);
    const images = (8 + 16) * BATCH * 2; // values, and openings with masks
    const hidden = (8 + 8 + 1 + 8) * BATCH * 3; // products, ReLU, its bits t and q
    const opened = 16 * BATCH * 3; // for the second product
    const logits = 8 * BATCH; // products, which are compared as they are
    const classes = (8 + 8 + 8) * BATCH; // the unit vector of one class, its column, times 0
    expect(held.made).toBe(images + hidden + opened + logits + classes);
    expect(held.made).toBe(812);
  });

  it('what a training carries from step to step', async () => {
    const elements = async (optimizer: 'sgd' | 'adam' | 'amsgrad') => {
      const one = { ...settings(optimizer), epochs: undefined, steps: 2 };
      return (await countTraining(TRAINED, one, { trainImages: 2 * BATCH, testImages: 0 })).stateElements;
    };
    expect(await elements('sgd')).toBe(2 * PARAMETERS);
    expect(await elements('adam')).toBe(3 * PARAMETERS);
    expect(await elements('amsgrad')).toBe(4 * PARAMETERS);
  });

  it('every image and label takes 8 bytes an element at the workers, none at the helper', async () => {
    const few = await memoryOf(settings('sgd'), { trainImages: 100, testImages: 10 });
    const many = await memoryOf(settings('sgd'), { trainImages: 5100, testImages: 10 });
    expect(many.training.P0 - few.training.P0).toBe(5000 * 8 * (2 + 2));
    expect(many.training.P1).toBe(many.training.P0);
    expect(many.training.P2).toBe(few.training.P2);
    expect(many.inference).toEqual(few.inference);
  });

  it('is a process, what it holds and what a step makes', () => {
    const idle = peak(0, 0, WEIGHTS);
    expect(peak(1000, 844, WEIGHTS)).toEqual({ P0: idle.P0 + 1844, P1: idle.P1 + 1844, P2: idle.P2 + 844 });
  });

  it('grows with the batch', async () => {
    const of = async (batch: number) =>
      memoryOf({ ...settings('sgd'), batch }, { trainImages: 100_000, testImages: 0 });
    const [one, large] = [await of(4), await of(4000)];
    expect(large.training.P2).toBeGreaterThan(one.training.P2);
    expect(large.inference.P0).toBeGreaterThan(one.inference.P0);
    expect(large.training.P0).toBeGreaterThan(large.inference.P0);
  });
});
