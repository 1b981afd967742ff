/** Larger networks: one training step of each on a small batch, in three parties, against the plain engine. */
import { expect, it } from 'vitest';
import { NETWORKS } from '../../src/nn/named.ts';
import { parameters } from '../../src/nn/network.ts';
import { REVEALED, train, type TrainOptions } from '../../src/nn/train.ts';
import { createPlainEngine } from '../../src/engine/plain.ts';
import { createSecureEngine } from '../../src/engine/secure.ts';
import { decode, encode } from '../../src/ring/fixed.ts';
import * as z64 from '../../src/ring/z64.ts';
import { ownedParts } from '../owned.ts';
import { testRandom } from '../reference.ts';
import { simulate, testCompute } from '../simulate.ts';
import { OPTIONS } from './tiny.ts';

const SAMPLES = 2;
const SETTING = { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33 } as const;
const TRAINING: TrainOptions = { ...OPTIONS, batch: SAMPLES, steps: 1, learningRate: 2 ** -5, showLoss: false };

const random = testRandom(5);
const images = encode(
  Array.from({ length: SAMPLES * 32 * 32 * 3 }, () => random()),
  16,
);
const labels = encode(
  Array.from({ length: SAMPLES * 10 }, (_, i) => Number(i % 11 === 3)),
  0,
);
const SHAPES = { images: [SAMPLES, 3072], labels: [SAMPLES, 10] };

it.each(['vgg', 'resnet20'])('%s goes forward and back on shares as in the clear', async (name) => {
  const network = NETWORKS[name];
  const revealed = Array.from({ length: 3 }, () => new Map<string, BigUint64Array>());
  const inputs = { images: ownedParts(images), labels: ownedParts(labels) };
  await simulate(async (party) => {
    const engine = createSecureEngine(party, {
      ...SETTING,
      reveal: (name, share) => Promise.resolve(void revealed[party.id].set(name, share)),
    });
    const x = engine.dataset('images', SHAPES.images, 16, inputs.images[party.id]);
    const y = engine.dataset('labels', SHAPES.labels, 0, inputs.labels[party.id]);
    const data = { images: x, labels: y, testImages: x, testLabels: y };
    await train(engine, network, data, TRAINING, () => undefined);
  });
  const plain = createPlainEngine({
    ...SETTING,
    compute: await testCompute(),
    seed: 1,
    reveal: (name, value) => Promise.resolve(void revealed[2].set(name, value)),
  });
  const [x, y] = [plain.input(SHAPES.images, 16, images), plain.input(SHAPES.labels, 0, labels)];
  await train(plain, network, { images: x, labels: y, testImages: x, testLabels: y }, TRAINING, () => undefined);

  const still: string[] = [];
  const specs = parameters(network);
  for (const { name } of specs) {
    const [a, b, twin] = revealed.map((values) => values.get(REVEALED.parameter(name))!);
    const [found, expected] = [decode(z64.add(a, b), 16), decode(twin, 16)];
    const worst = found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
    expect(worst, name).toBeLessThan(2 ** -8);
    if (found.every((value) => value === 0)) still.push(name);
  }
  // What starts at zero may move by less than rounding does; the rest is there, and most of the former moves.
  const atZero = specs.filter(({ initial }) => initial === 0).map(({ name }) => name);
  expect(still.filter((name) => !atZero.includes(name))).toEqual([]);
  expect(still.length).toBeLessThan(atZero.length / 2);
});
