/** A training with batch normalisation and dropout: the loss falls, and on shares it is what it is in the clear, running statistics too. */
import { expect, it } from 'vitest';
import { createPlainEngine } from '../../src/engine/plain.ts';
import type { Network } from '../../src/nn/network.ts';
import { train } from '../../src/nn/train.ts';
import { decode, encode } from '../../src/ring/fixed.ts';
import { testCompute } from '../simulate.ts';
import { DIRECT, NORMED, OPTIONS, trainPlain, trainSecure } from './tiny.ts';

it('follows the training in the clear', async () => {
  const options = { ...OPTIONS, batch: 6, steps: 20, learningRate: 2 ** -2 };
  const [found, twin] = [
    await trainSecure(DIRECT, options, {}, undefined, NORMED),
    await trainPlain(DIRECT, options, 1, NORMED),
  ];
  expect(found.losses).toHaveLength(3);
  expect(found.losses[2]).toBeLessThan(found.losses[0] / 2);
  found.losses.forEach((loss, i) => expect(Math.abs(loss - twin.losses[i])).toBeLessThan(0.02));
  expect(found.correct).toBe(twin.correct);
  expect([...found.parameters.keys()]).toEqual([...twin.parameters.keys()]);
  for (const [name, value] of found.parameters) {
    const [x, y] = [decode(value, 16), decode(twin.parameters.get(name)!, 16)];
    x.forEach((number, i) => expect(Math.abs(number - y[i]), name).toBeLessThan(0.02));
  }
  const variance = decode(found.parameters.get('model/layers.1.variance')!, 16);
  for (const value of variance) expect(value).toBeGreaterThan(0);
});

it('keeps running statistics of so many channels that the state has them in pieces', async () => {
  const f = DIRECT.fractionBits;
  // The second piece begins with the 16,385th.
  const channels = 16_500;
  const network: Network = {
    ...{ name: 'wide', input: [channels] },
    layers: [{ type: 'batchnorm' }, { type: 'dense', units: 2 }],
  };
  const revealed = new Map<string, BigUint64Array>();
  const engine = createPlainEngine({
    ...{ ...DIRECT, seed: 1, compute: await testCompute() },
    reveal: (name, value) => Promise.resolve(void revealed.set(name, value)),
  });
  const level = (i: number): number => (1 + (i % 7)) / 8;
  const samples = Float64Array.from({ length: 4 * channels }, (_, i) => level(i % channels));
  const data = {
    images: engine.input([4, channels], f, encode(samples, f)),
    labels: engine.input([4, 2], 0, encode([1, 0, 0, 1, 1, 0, 0, 1], 0)),
  };
  await train(engine, network, data, { ...OPTIONS, steps: 1, showLoss: false }, () => undefined);
  const of = (name: string): number[] => Array.from(decode(revealed.get(`model/layers.0.${name}`)!, f));
  const [mean, variance] = [of('mean'), of('variance')];
  expect([mean.length, variance.length]).toEqual([channels, channels]);
  for (const i of [0, 1, 16_383, 16_384, 16_385, channels - 1]) {
    expect(Math.abs(mean[i] - 0.1 * level(i)), `mean ${i}`).toBeLessThan(0.005);
    expect(Math.abs(variance[i] - 0.9), `variance ${i}`).toBeLessThan(0.005);
  }
});
