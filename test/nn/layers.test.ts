/** Every layer's backward pass: against finite differences on the plain engine, and secure against plain. */
import { describe, expect, it } from 'vitest';
import { dataOf } from '../../src/engine/linear.ts';
import type { Engine, Value } from '../../src/engine/engine.ts';
import { createPlainEngine, type PlainEngine } from '../../src/engine/plain.ts';
import { backward } from '../../src/nn/backward.ts';
import { initialValues } from '../../src/nn/initial.ts';
import { forward } from '../../src/nn/forward.ts';
import { truncated } from '../../src/functions/formats.ts';
import type { LayerSpec } from '../../src/nn/layers/table.ts';
import { layerShapes, type Network, parameters } from '../../src/nn/network.ts';
import { decode } from '../../src/ring/fixed.ts';
import { sizeOf } from '../../src/ring/shape.ts';
import { testRandom } from '../reference.ts';
import { testCompute } from '../simulate.ts';
import { type Input, plain, secure, SETTINGS } from '../twins.ts';

const BATCH = 2;

/** The last number: how far gradients may be from finite differences, 1e-3 when absent: an approximation's slope is not that of what it approximates. */
const CASES: [string, number[], LayerSpec[], number?][] = [
  ['dense', [5], [{ type: 'dense', units: 3 }]],
  ['relu', [9], [{ type: 'relu' }]],
  ['flatten and dense', [2, 3, 2], [{ type: 'flatten' }, { type: 'dense', units: 2 }]],
  ['conv2d', [4, 5, 2], [{ type: 'conv2d', filters: 3, kernel: 3 }]],
  ['conv2d 1x1', [3, 3, 2], [{ type: 'conv2d', filters: 2, kernel: 1 }]],
  ['conv2d with stride 3', [7, 8, 1], [{ type: 'conv2d', filters: 2, kernel: [3, 2], stride: 3 }]],
  ['conv2d with stride and padding', [5, 4, 2], [{ type: 'conv2d', filters: 2, kernel: 3, stride: 2, padding: 2 }]],
  ['conv2d of the whole image', [3, 4, 1], [{ type: 'conv2d', filters: 3, kernel: [3, 4] }]],
  ['maxpool', [4, 4, 3], [{ type: 'maxpool', window: 2 }]],
  ['maxpool that does not divide', [5, 4, 2], [{ type: 'maxpool', window: [3, 2], stride: 2 }]],
  ['maxpool with overlap', [5, 5, 2], [{ type: 'maxpool', window: 3, stride: 2 }]],
  ['conv2d with padding of each side', [4, 5, 2], [{ type: 'conv2d', filters: 2, kernel: 3, padding: [0, 1, 2, 1] }]],
  [
    'conv2d with two strides and paddings',
    [7, 6, 2],
    [{ type: 'conv2d', filters: 2, kernel: [2, 3], stride: [2, 3], padding: [1, 2] }],
  ],
  [
    'conv2d with strides that divide each other',
    [9, 5, 1],
    [{ type: 'conv2d', filters: 2, kernel: 1, stride: [4, 2] }],
  ],
  ['maxpool with padding', [4, 5, 2], [{ type: 'maxpool', window: 3, stride: 2, padding: 1 }]],
  [
    'maxpool with padding of each side, two strides',
    [5, 6, 1],
    [{ type: 'maxpool', window: [2, 3], stride: [2, 1], padding: [0, 2, 1, 0] }],
  ],
  ['averagepool with padding', [5, 4, 2], [{ type: 'averagepool', window: 3, stride: 2, padding: 1 }]],
  [
    'averagepool that counts no padding',
    [5, 4, 2],
    [{ type: 'averagepool', window: [3, 2], stride: [2, 1], padding: [1, 0, 1, 1], countPadding: false }],
  ],
  ['globalaveragepool', [3, 4, 2], [{ type: 'globalaveragepool' }]],
  ['averagepool', [4, 4, 2], [{ type: 'averagepool', window: 2 }]],
  ['averagepool with overlap', [4, 5, 1], [{ type: 'averagepool', window: 3, stride: 1 }]],
  [
    'conv2d, relu, maxpool, twice, dense',
    [11, 11, 1],
    [
      { type: 'conv2d', filters: 2, kernel: 2 },
      { type: 'relu' },
      { type: 'maxpool', window: 2 },
      { type: 'conv2d', filters: 3, kernel: 2, padding: 1 },
      { type: 'relu' },
      { type: 'averagepool', window: 2 },
      { type: 'flatten' },
      { type: 'dense', units: 3 },
    ],
  ],
  [
    'a shortcut',
    [5, 5, 2],
    [
      { type: 'conv2d', filters: 2, kernel: 3, padding: 1 },
      { type: 'relu', name: 'stem' },
      { type: 'conv2d', filters: 3, kernel: 3, padding: 1, stride: 2 },
      { type: 'relu' },
      { type: 'conv2d', filters: 3, kernel: 3, padding: 1, name: 'long' },
      { type: 'conv2d', filters: 3, kernel: 1, stride: 2, from: 'stem', name: 'short' },
      { type: 'add', from: ['long', 'short'] },
      { type: 'relu' },
      { type: 'globalaveragepool' },
      { type: 'dense', units: 3 },
    ],
  ],
  [
    'branches side by side, of one the input twice',
    [4, 4, 2],
    [
      { type: 'conv2d', filters: 2, kernel: 1, name: 'one' },
      { type: 'maxpool', window: 3, stride: 1, padding: 1, from: 'input', name: 'most' },
      { type: 'concat', from: ['one', 'most', 'input', 'one'] },
      { type: 'averagepool', window: 2 },
    ],
  ],
  [
    'a relu that two layers read, one of them a maxpool',
    [4, 4, 2],
    [
      { type: 'conv2d', filters: 2, kernel: 3, padding: 1 },
      { type: 'relu', name: 'shared' },
      { type: 'maxpool', window: 2, name: 'pooled' },
      { type: 'averagepool', window: 2, from: 'shared', name: 'mean' },
      { type: 'add', from: ['pooled', 'mean'] },
    ],
  ],
  [
    'a relu that a maxpool far behind it reads, and an unused way back',
    [4, 4, 1],
    [
      { type: 'averagepool', window: 1, name: 'kept' },
      { type: 'conv2d', filters: 1, kernel: 1 },
      { type: 'relu', name: 'late' },
      { type: 'maxpool', window: 2, from: 'kept', name: 'most' },
      { type: 'maxpool', window: 2, from: 'late', name: 'positive' },
      { type: 'concat', from: ['most', 'positive'] },
    ],
  ],
  ['leakyrelu', [9], [{ type: 'leakyrelu', slope: 0.2 }]],
  [
    'leakyrelu and relu6 behind a product and a maxpool',
    [6, 6, 1],
    [
      { type: 'conv2d', filters: 2, kernel: 3 },
      { type: 'leakyrelu' },
      { type: 'maxpool', window: 2 },
      { type: 'conv2d', filters: 9, kernel: 1 },
      { type: 'relu6' },
      { type: 'flatten' },
      { type: 'dense', units: 2 },
    ],
  ],
  ['sigmoid', [9], [{ type: 'sigmoid' }], 1e-2],
  [
    'sigmoid between dense layers',
    [5],
    [{ type: 'dense', units: 4 }, { type: 'sigmoid' }, { type: 'dense', units: 2 }],
    1e-2,
  ],
  ['tanh', [9], [{ type: 'tanh' }], 2e-2],
  [
    'tanh between dense layers',
    [5],
    [{ type: 'dense', units: 4 }, { type: 'tanh' }, { type: 'dense', units: 2 }],
    2e-2,
  ],
  ['dropout', [40], [{ type: 'dropout', rate: 0.5 }]],
  [
    'dropout between dense layers',
    [20],
    [
      { type: 'dense', units: 30 },
      { type: 'dropout', rate: 0.3 },
      { type: 'dense', units: 3 },
    ],
  ],
  ['batchnorm of an image', [3, 4, 2], [{ type: 'batchnorm' }], 3e-2],
  [
    'batchnorm between a convolution and a maxpool with its relu, and of a vector',
    [6, 5, 1],
    [
      { type: 'conv2d', filters: 3, kernel: 2 },
      { type: 'batchnorm' },
      { type: 'relu' },
      { type: 'maxpool', window: 2 },
      { type: 'flatten' },
      { type: 'dense', units: 4 },
      { type: 'batchnorm', epsilon: 0.1 },
    ],
    5e-2,
  ],
  [
    'vectors side by side and twice the same',
    [6],
    [
      { type: 'dense', units: 3, name: 'a' },
      { type: 'add', from: ['a', 'a'], name: 'twice' },
      { type: 'concat', from: ['twice', 'input'] },
      { type: 'dense', units: 2 },
    ],
  ],
];

function network(input: number[], layers: LayerSpec[]): Network {
  return { name: 'layers', input, layers };
}

/** Inputs, parameters and the error at the output: distinct numbers, no two of an image close to each other or to 0. */
function numbersFor(net: Network): { inputs: Input; tensors: Input[]; delta: Input } {
  const random = testRandom(15); // a kink of ReLU or of a maximum within h of these numbers would spoil the differences
  const size = BATCH * sizeOf(net.input);
  const spread = Array.from({ length: size }, (_, i) => (2 * i + 1 - size) / size);
  for (let i = size - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [spread[i], spread[j]] = [spread[j], spread[i]];
  }
  const output = [BATCH, ...layerShapes(net).at(-1)!];
  return {
    inputs: { shape: [BATCH, sizeOf(net.input)], numbers: spread },
    tensors: parameters(net).map((spec) => ({
      shape: spec.shape,
      numbers: Array.from(initialValues(spec, 5), (v) => v + 0.2 * (random() - 0.5)),
    })),
    delta: { shape: output, numbers: Array.from({ length: sizeOf(output) }, () => 2 * random() - 1) },
  };
}

/** Output, gradients of all parameters in their order, none of what is not trained, the error at the input, and what layers keep. */
async function pass(
  engine: Engine,
  net: Network,
  batch: Value,
  tensors: readonly Value[],
  delta: Value,
): Promise<{ y: Value; gradients: (Value | undefined)[]; input: Value; kept: readonly Value[] }> {
  const names = parameters(net).map(({ name }) => name);
  const model = new Map(names.map((name, i) => [name, tensors[i]]));
  const { logits, tapes, kept } = await forward(engine, net, model, batch, { seed: 4, step: 2 });
  const gradients = new Map<string, Value>();
  const keep = (_fork: Engine, name: string, gradient: Value): Promise<void> => {
    gradients.set(name, gradient);
    return Promise.resolve();
  };
  const input = await engine.scope('back', (fork) => backward(fork, tapes, delta, keep, true));
  return { y: logits, gradients: names.map((name) => gradients.get(name)), input: input!, kept: [...kept.values()] };
}

async function plainEngine(): Promise<PlainEngine> {
  return createPlainEngine({
    suite: 'direct',
    truncation: 'dealt',
    fractionBits: 24,
    compute: await testCompute(),
    seed: 1,
    reveal: () => Promise.resolve(),
  });
}

const read = (x: Value): Float64Array => decode(dataOf(x), x.fractionBits);

describe.each(CASES)('%s', (_name, input, layers, tolerance = 1e-3) => {
  const net = network(input, layers);
  const { inputs, tensors, delta } = numbersFor(net);

  it('agrees with finite differences', async () => {
    const engine = await plainEngine();
    const all = [inputs, ...tensors];
    const run = async (changed: readonly (readonly number[])[]): Promise<Awaited<ReturnType<typeof pass>>> => {
      const [batch, ...model] = all.map(({ shape }, i) => engine.constant(shape, changed[i]));
      return pass(engine, net, batch, model, engine.constant(delta.shape, delta.numbers));
    };
    const base = all.map(({ numbers }) => numbers);
    const loss = async (changed: readonly (readonly number[])[]): Promise<number> =>
      read((await run(changed)).y).reduce((sum, y, i) => sum + y * delta.numbers[i], 0);
    const { gradients, input: error } = await run(base);
    const h = 2 ** -10;
    for (const [t, gradient] of [error, ...gradients].entries()) {
      if (gradient === undefined) continue;
      const found = read(gradient);
      expect(found).toHaveLength(base[t].length);
      for (let i = 0; i < found.length; i += Math.ceil(found.length / 40)) {
        const shifted = (by: number): Promise<number> => loss(base.with(t, base[t].with(i, base[t][i] + by)));
        const difference = ((await shifted(h)) - (await shifted(-h))) / (2 * h);
        expect(Math.abs(found[i] - difference), `tensor ${t}, element ${i}`).toBeLessThan(tolerance);
      }
    }
  });

  const dealt = layers.some(({ type }) => ['batchnorm', 'sigmoid', 'tanh'].includes(type));
  const settings = SETTINGS.filter(({ truncation }) => !dealt || truncation === 'dealt');

  it.each(settings)('secure is plain to the ulps of truncation: $suite, f = $fractionBits', async (setting) => {
    const flat = async (engine: Engine, x: Value): Promise<Value> =>
      engine.reshape(await truncated(engine, x), [sizeOf(x.shape), 1]);
    const script = async (engine: Engine, batch: Value, error: Value, ...model: Value[]): Promise<Value> => {
      const { y, gradients, input: back, kept } = await pass(engine, net, batch, model, error);
      const parts: Value[] = [];
      for (const value of [y, ...gradients, back, ...kept])
        if (value !== undefined) parts.push(await flat(engine, value));
      return engine.concatRows(parts);
    };
    const data = [inputs, delta, ...tensors];
    const [found, twin] = [await secure(setting, data, script), await plain(setting, data, script)];
    expect(found.shape).toEqual(twin.shape);
    const worst = Math.max(...found.numbers.map((x, i) => Math.abs(x - twin.numbers[i])));
    // A normalisation divides by small deviations, and multiplies roundings by as much.
    expect(worst * 2 ** setting.fractionBits).toBeLessThanOrEqual(dealt ? 400 : 40);
  });
});
