/** What an evaluation counts, on a network whose every answer is known: it names the brightest of three pixels. */
import { describe, expect, it } from 'vitest';
import { createPlainEngine } from '../../src/engine/plain.ts';
import type { Value } from '../../src/engine/engine.ts';
import type { Network } from '../../src/nn/network.ts';
import { evaluationAfter, REVEALED, train, type TrainEvent, type TrainOptions } from '../../src/nn/train.ts';
import { encode } from '../../src/ring/fixed.ts';
import { testCompute } from '../simulate.ts';
import { DIRECT, OPTIONS } from './tiny.ts';

const BRIGHTEST: Network = { name: 'brightest', input: [3], layers: [{ type: 'dense', units: 3 }] };

/** `images`: the class that the network answers, of each; `labels`: what it should. */
async function evaluate(
  test: { readonly images: readonly number[]; readonly labels: readonly number[] } | undefined,
  options: Partial<TrainOptions> = {},
): Promise<{ revealed: Map<string, number[]>; events: TrainEvent[] }> {
  const f = DIRECT.fractionBits;
  const revealed = new Map<string, number[]>();
  const events: TrainEvent[] = [];
  const engine = createPlainEngine({
    ...{ ...DIRECT, seed: 1, compute: await testCompute() },
    reveal: (name, value) => Promise.resolve(void revealed.set(name, Array.from(value, Number))),
  });
  const oneHot = (classes: readonly number[], bits: number): Value => {
    const rows = classes.flatMap((c) => [0, 1, 2].map((i) => (i === c ? 1 : 0)));
    return engine.input([classes.length, 3], bits, encode(rows, bits));
  };
  const identity = engine.constant([3, 3], [4, 0, 0, 0, 4, 0, 0, 0, 4]);
  const names = { weights: 'layers.0.weight', bias: 'layers.0.bias' };
  const state = new Map([
    [names.weights, identity],
    [names.bias, engine.constant([1, 3], [0, 0, 0])],
  ]);
  const data = {
    ...{ images: oneHot([0, 1, 2, 0], f), labels: oneHot([0, 1, 2, 0], 0) },
    ...(test && { testImages: oneHot(test.images, f), testLabels: oneHot(test.labels, 0) }),
  };
  const settings = { ...OPTIONS, batch: 4, steps: 1, learningRate: 2 ** -8, showLoss: false, ...options };
  await train(engine, BRIGHTEST, data, settings, (event) => void events.push(event), { from: { step: 0, state } });
  return { revealed, events };
}

describe('an evaluation', () => {
  // 2003: two whole batches of an evaluation, and three images more, two of them right.
  const labels = Array.from({ length: 2003 }, (_, i) => i % 3);
  const images = labels.map((label, i) => (i % 10 === 1 || i === 2002 ? (label + 1) % 3 : label));
  const right = [0, 1, 2].map((c) => labels.filter((label, i) => label === c && images[i] === c).length);

  it('counts all images, those of the last, incomplete batch too', async () => {
    const { revealed } = await evaluate({ images, labels });
    expect(revealed.get(REVEALED.correct(1))).toEqual([2003 - 201 - 1]);
  });

  it('counts each class by itself where it is asked to', async () => {
    const { revealed } = await evaluate({ images, labels }, { perClass: true });
    expect(revealed.get(REVEALED.correct(1))).toEqual(right);
    expect(right.reduce((a, b) => a + b)).toBe(1801);
  });

  it('gives a class without images a zero', async () => {
    const { revealed } = await evaluate({ images: [1, 1, 0], labels: [1, 1, 1] }, { perClass: true });
    expect(revealed.get(REVEALED.correct(1))).toEqual([0, 2, 0]);
  });

  it('says how far it is', async () => {
    const { events } = await evaluate({ images, labels });
    expect(events.slice(1)).toEqual([
      ...[1000, 2000, 2003].map((done) => ({ kind: 'testing', evaluation: 1, images: done })),
      { kind: 'evaluated', evaluation: 1, images: 2003 },
    ]);
  });

  it('does not take place without test images', async () => {
    const { revealed, events } = await evaluate(undefined);
    expect(events.map(({ kind }) => kind)).toEqual(['step']);
    expect([...revealed.keys()]).toEqual(['model/layers.0.weight', 'model/layers.0.bias']);
  });
});

describe('evaluations', () => {
  it('follow each epoch, or the last of the steps asked for, if there are test images', () => {
    const after = (testImages: number, options: Pick<TrainOptions, 'epochs' | 'steps'>): (number | undefined)[] =>
      [1, 2, 3, 4].map((step) => evaluationAfter(step, { trainImages: 9, testImages }, { batch: 4, ...options }));
    expect(after(1, { epochs: 2 })).toEqual([undefined, 1, undefined, 2]);
    expect(after(1, { steps: 3 })).toEqual([undefined, undefined, 1, undefined]);
    expect(after(0, { epochs: 2 })).toEqual(Array(4).fill(undefined));
    expect(after(0, { steps: 3 })).toEqual(Array(4).fill(undefined));
  });
});
