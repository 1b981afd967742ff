/** What a forward pass leaves for the way back, in bytes at all parties, is what the estimate of memory counts (`docs/memory.md`): nothing else stays. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { createCountingEngine } from '../../src/engine/counting.ts';
import type { Engine, Value } from '../../src/engine/engine.ts';
import { createSecureEngine } from '../../src/engine/secure.ts';
import { forward, type Tape } from '../../src/nn/forward.ts';
import { initialValues } from '../../src/nn/initial.ts';
import { inputSize, type Network, parameters } from '../../src/nn/network.ts';
import { encode } from '../../src/ring/fixed.ts';
import { shares } from '../reference.ts';
import { simulate } from '../simulate.ts';
import { DIRECT } from './tiny.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const BATCH = 4;
const TRAINING = { seed: 1, step: 1 };

/** A block of a residual network, and every other layer that keeps bits and operands alone. */
const NETWORK: Network = {
  name: 'kept',
  input: [32, 32, 3],
  layers: [
    { type: 'conv2d', filters: 16, kernel: 3, padding: [1, 0, 1, 2] },
    { type: 'batchnorm' },
    { type: 'relu', name: 'stem' },
    { type: 'conv2d', filters: 16, kernel: 3, padding: 1 },
    { type: 'batchnorm' },
    { type: 'leakyrelu' },
    { type: 'conv2d', filters: 16, kernel: 3, padding: 1 },
    { type: 'batchnorm', name: 'long' },
    { type: 'add', from: ['long', 'stem'] },
    { type: 'relu', name: 'block' },
    { type: 'averagepool', window: 2, name: 'mean' },
    { type: 'maxpool', window: 2, from: 'block', name: 'most' },
    { type: 'concat', from: ['mean', 'most'], name: 'both' },
    { type: 'conv2d', filters: 32, kernel: 1, stride: [1, 2] },
    { type: 'relu6' },
    { type: 'averagepool', window: [8, 4], stride: [8, 4] },
    { type: 'flatten' },
    { type: 'dense', units: 20, name: 'one' },
    { type: 'globalaveragepool', from: 'both', name: 'other' },
    { type: 'concat', from: ['one', 'other'] },
    { type: 'dense', units: 10 },
  ],
};

type Input = (name: string, shape: readonly number[]) => Value;

async function tapesOf(engine: Engine, input: Input): Promise<Tape[]> {
  const model = new Map(parameters(NETWORK).map(({ name, shape }) => [name, input(name, shape)]));
  const images = await engine.truncate(input('images', [BATCH, inputSize(NETWORK)]), 8);
  const { tapes } = await forward(engine, NETWORK, model, engine.extend(images, 8), TRAINING);
  return tapes;
}

/** Of tensors that are alive. */
async function bytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().arrayBuffers;
}

it('keeps operands and bits of comparisons, no values and no openings', async () => {
  const counting = createCountingEngine(DIRECT);
  await tapesOf(counting, (name, shape) => counting.input(name, shape, 16));
  const { operands, bits } = counting.memory.held;

  const dealt = new Map(
    [...parameters(NETWORK), { name: 'images', shape: [BATCH, inputSize(NETWORK)], initial: { fanIn: 6 } }].map(
      (spec) => [spec.name, shares(encode(initialValues(spec, 1), 16))],
    ),
  );
  const held = await (async () => {
    const { results } = await simulate(async (party) => {
      const engine = createSecureEngine(party, { ...DIRECT, reveal: () => Promise.resolve() });
      const tapes = await tapesOf(engine, (name, shape) =>
        engine.input(name, shape, 16, party.id === 2 ? null : dealt.get(name)![party.id]),
      );
      await engine.settle();
      return tapes;
    });
    dealt.clear();
    const full = await bytes();
    const layers = results.map((tapes) => tapes.splice(0).length);
    expect(layers).toEqual([21, 21, 21]);
    return full - (await bytes());
  })();

  const counted = 3 * 8 * operands + (9 + 9 + 1) * bits;
  const weights = parameters(NETWORK).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  // A tape holds the weights of its layer, too, with their masks and openings.
  expect(held).toBeGreaterThan(counted);
  expect(held).toBeLessThan(1.05 * counted + 3 * 50 * weights);
});
