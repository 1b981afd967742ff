/** A batch computed part by part: bit for bit the same model in the clear, the same but for rounding on shares, and gradients that add up. */
import { describe, expect, it } from 'vitest';
import type { Engine, Value } from '../../src/engine/engine.ts';
import { createPlainEngine } from '../../src/engine/plain.ts';
import { backward } from '../../src/nn/backward.ts';
import { forward } from '../../src/nn/forward.ts';
import { initialValues } from '../../src/nn/initial.ts';
import { LAYERS } from '../../src/nn/layers/table.ts';
import { classCount, inputSize, type Network, parameters } from '../../src/nn/network.ts';
import { train, type TrainOptions } from '../../src/nn/train.ts';
import { partsOf } from '../../src/nn/trainStep.ts';
import { decode, encode } from '../../src/ring/fixed.ts';
import { sizeOf } from '../../src/ring/shape.ts';
import { testRandom } from '../reference.ts';
import { pairKeys, testCompute } from '../simulate.ts';
import { secure, SETTINGS } from '../twins.ts';
import { DIRECT, OPTIONS, PAPER, TINY, type TinySetting, trainSecure } from './tiny.ts';

/** Every kind of layer for which a batch can be cut. */
const IMAGES: Network = {
  name: 'images',
  input: [7, 7, 2],
  layers: [
    { type: 'conv2d', filters: 3, kernel: 3, padding: 1 },
    { type: 'leakyrelu', slope: 0.125 },
    { type: 'maxpool', window: 3, stride: 2 },
    { type: 'conv2d', filters: 4, kernel: 2, name: 'second' },
    { type: 'relu' },
    { type: 'averagepool', window: 2, stride: 1, name: 'pooled' },
    { type: 'conv2d', filters: 4, kernel: 1 },
    { type: 'relu6', name: 'six' },
    { type: 'add', from: ['pooled', 'six'], name: 'sum' },
    { type: 'concat', from: ['six', 'sum'] },
    { type: 'globalaveragepool' },
    { type: 'dropout', rate: 0.25 },
    { type: 'dense', units: 5, name: 'wide' },
    { type: 'sigmoid', name: 'curved' },
    { type: 'tanh', from: 'wide', name: 'tanh' },
    { type: 'concat', from: ['curved', 'tanh'] },
    { type: 'flatten' },
    { type: 'dense', units: 3 },
  ],
};
/** Sigmoid and tanh need the dealt truncation. */
const WITHOUT_CURVES: Network = {
  ...IMAGES,
  layers: IMAGES.layers.map((spec) =>
    spec.type === 'sigmoid' || spec.type === 'tanh' ? { ...spec, type: 'relu6' } : spec,
  ),
};

/** Public masks, and comparisons side by side. */
const SQUASHED: Network = {
  name: 'squashed',
  input: [4, 4, 1],
  layers: [
    { type: 'conv2d', filters: 3, kernel: 2 },
    { type: 'relu6' },
    { type: 'conv2d', filters: 2, kernel: 2 },
    { type: 'leakyrelu' },
    { type: 'flatten' },
    { type: 'dropout', rate: 0.3 },
    { type: 'dense', units: 6 },
    { type: 'sigmoid' },
    { type: 'dense', units: 5 },
    { type: 'tanh' },
    { type: 'dense', units: 3 },
  ],
};

const SAMPLES = 15;

async function plainModel(
  setting: TinySetting,
  network: Network,
  options: TrainOptions,
): Promise<Map<string, BigUint64Array>> {
  const revealed = new Map<string, BigUint64Array>();
  const engine = createPlainEngine({
    ...setting,
    seed: 5,
    compute: await testCompute(),
    reveal: (name, value) => {
      if (name.startsWith('model/')) revealed.set(name, value.slice());
      return Promise.resolve();
    },
  });
  const [inputs, classes] = [inputSize(network), classCount(network)];
  const random = testRandom(11);
  const pixels = Array.from({ length: SAMPLES * inputs }, random);
  const labels = Array.from({ length: SAMPLES * classes }, (_, i) =>
    Math.floor(i / classes) % classes === i % classes ? 1 : 0,
  );
  const data = {
    images: engine.input([SAMPLES, inputs], engine.fractionBits, encode(pixels, engine.fractionBits)),
    labels: engine.input([SAMPLES, classes], 0, encode(labels, 0)),
  };
  await train(engine, network, data, options, () => undefined);
  return revealed;
}

describe('in the clear', () => {
  const softmax = { ...OPTIONS, batch: 7, steps: 3, learningRate: 2 ** -4 };
  it.each([
    ['images', 'direct', DIRECT, IMAGES, softmax],
    ['public masks and comparisons side by side', 'direct', DIRECT, SQUASHED, softmax],
    ['images', 'paper', PAPER, WITHOUT_CURVES, { ...softmax, learningRate: 2 ** -6 }],
    ['vectors, asm', 'direct', DIRECT, TINY, { ...softmax, loss: 'asm', momentum: 0 }],
    ['images, amsgrad', 'direct', DIRECT, IMAGES, { ...softmax, optimizer: 'amsgrad', learningRate: 2 ** -10 }],
  ] as const)(
    '%s, %s suite: the model of whole batches, bit for bit',
    async (_what, _suite, setting, network, options) => {
      const whole = await plainModel(setting, network, options);
      expect(whole.size).toBe(parameters(network).length);
      for (const microBatch of [1, 3, 6]) {
        expect(await plainModel(setting, network, { ...options, microBatch }), `${microBatch}`).toEqual(whole);
      }
    },
  );

  it('of every layer but those that need the whole batch, whose statistics round by part', async () => {
    const used: ReadonlySet<string> = new Set(IMAGES.layers.map(({ type }) => type));
    expect(
      Object.values(LAYERS)
        .filter(({ type }) => !used.has(type))
        .map(({ type }) => type),
    ).toEqual(['batchnorm']);
    const normalized: Network = { ...TINY, layers: [TINY.layers[0], { type: 'batchnorm' }, ...TINY.layers.slice(1)] };
    const whole = await plainModel(DIRECT, normalized, softmax);
    const cut = await plainModel(DIRECT, normalized, { ...softmax, microBatch: 3 });
    expect([...cut.keys()]).toEqual([...whole.keys()]);
    expect(whole.size).toBe(parameters(normalized).length);
    for (const [name, x] of whole) {
      const [a, b] = [decode(x, DIRECT.fractionBits), decode(cut.get(name)!, DIRECT.fractionBits)];
      a.forEach((number, i) => expect(Math.abs(number - b[i]), name).toBeLessThan(0.01));
    }
  });

  it('notices samples that are rounded as if they were others', async () => {
    // A batch of another size begins with the same samples, rounded otherwise.
    const [seven, six] = [
      await plainModel(DIRECT, IMAGES, softmax),
      await plainModel(DIRECT, IMAGES, { ...softmax, batch: 6 }),
    ];
    expect(six).not.toEqual(seven);
  });
});

describe('on shares', () => {
  const KEYS = pairKeys(4, 5, 6);

  it.each([
    ['direct', DIRECT],
    ['paper', PAPER],
  ] as const)('%s suite: follows the whole batch but for rounding, with the same losses', async (_suite, setting) => {
    const [whole, parts] = [
      await trainSecure(setting, OPTIONS),
      await trainSecure(setting, { ...OPTIONS, microBatch: 3 }),
    ];
    const ulp = 2 ** -setting.fractionBits;
    expect(parts.losses).toHaveLength(whole.losses.length);
    parts.losses.forEach((loss, i) => expect(Math.abs(loss - whole.losses[i])).toBeLessThan(200 * ulp));
    for (const [name, x] of parts.parameters) {
      const [a, b] = [decode(x, setting.fractionBits), decode(whole.parameters.get(name)!, setting.fractionBits)];
      a.forEach((value, i) => expect(Math.abs(value - b[i])).toBeLessThan(20 * OPTIONS.steps! * ulp));
    }
  });

  it('draws no mask twice', async () => {
    const draws = async (options: TrainOptions): Promise<string[]> => {
      const seen: string[] = [];
      await trainSecure(DIRECT, options, {
        keys: KEYS,
        streams: (streams, pair) => ({
          stream: (path, purpose) => {
            seen.push(`${pair} ${Buffer.from(streams.stream(path, purpose).bytes(16)).toString('hex')}`);
            return streams.stream(path, purpose);
          },
        }),
      });
      return seen;
    };
    const parts = await draws({ ...OPTIONS, microBatch: 1 });
    const uses = new Map<string, number>();
    for (const draw of parts) uses.set(draw, (uses.get(draw) ?? 0) + 1);
    // Both ends of a pair.
    expect([...uses.values()].filter((count) => count > 2)).toEqual([]);
    expect(uses.size).toBeGreaterThan(850);
  });

  it('gradients of the parts add up to what is used, exactly', async () => {
    const f = SETTINGS[0].fractionBits;
    const random = testRandom(3);
    const images = { shape: [5, 6], numbers: Array.from({ length: 30 }, random) };
    const errors = { shape: [5, 3], numbers: Array.from({ length: 15 }, () => random() - 0.5) };
    const names = parameters(TINY);
    // Each part's gradient, and their sum as a step makes it, one after the other.
    const { ring } = await secure(SETTINGS[0], [images, errors], async (engine, x, delta) => {
      const state = new Map(names.map((spec) => [spec.name, engine.constant(spec.shape, initialValues(spec, 1))]));
      const sums = new Map<string, Value>();
      const rows: Value[] = [];
      for (const part of partsOf(5, 2)) {
        await engine.part(part, async (fork) => {
          const batch = fork.slice(x, part.from, part.to);
          const { tapes } = await forward(fork, TINY, state, batch, { seed: 1, step: 1, samples: part });
          await fork.scope('back', (back) =>
            backward(back, tapes, back.slice(delta, part.from, part.to), async (own: Engine, name, gradient) => {
              const before = sums.get(name);
              sums.set(name, before === undefined ? gradient : own.add(before, gradient));
              if (name === 'layers.0.weight') rows.push(gradient);
              return Promise.resolve();
            }),
          );
        });
      }
      rows.push(sums.get('layers.0.weight')!);
      return engine.concatRows(rows);
    });
    const size = sizeOf(names[0].shape);
    const [first, second, third, sum] = [0, 1, 2, 3].map((i) => ring.subarray(i * size, (i + 1) * size));
    expect(sum).toEqual(sum.map((_, i) => BigInt.asUintN(64, first[i] + second[i] + third[i])));
    expect(Math.max(...decode(sum, 2 * f + 1).map(Math.abs))).toBeGreaterThan(0.01);
  });
});
