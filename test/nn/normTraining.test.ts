/** A training with batch normalisation and dropout: the loss falls, and on shares it is what it is in the clear, running statistics too. */
import { expect, it } from 'vitest';
import { decode } from '../../src/ring/fixed.ts';
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
