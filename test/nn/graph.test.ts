/** Networks that are graphs: the order in which layers run, values that several read, and depth. */
import { describe, expect, it } from 'vitest';
import { createCountingEngine } from '../../src/engine/counting.ts';
import { dataOf } from '../../src/engine/linear.ts';
import { createPlainEngine } from '../../src/engine/plain.ts';
import { backward } from '../../src/nn/backward.ts';
import { classScores, forward } from '../../src/nn/forward.ts';
import { initialValues } from '../../src/nn/initial.ts';
import type { LayerSpec } from '../../src/nn/layers/table.ts';
import { type Network, parameters } from '../../src/nn/network.ts';
import { schedule } from '../../src/nn/schedule.ts';
import { decode } from '../../src/ring/fixed.ts';
import { testCompute } from '../simulate.ts';
import { plain, secure, SETTINGS } from '../twins.ts';

const BRANCHES: Network = {
  name: 'branches',
  input: [6, 6, 1],
  layers: [
    { type: 'conv2d', filters: 2, kernel: 3, padding: 1 },
    { type: 'relu', name: 'shared' },
    { type: 'maxpool', window: 2, name: 'left' },
    { type: 'conv2d', filters: 2, kernel: 2, stride: 2, from: 'shared' },
    { type: 'relu', name: 'alone' },
    { type: 'maxpool', window: 1, name: 'right' },
    { type: 'concat', from: ['left', 'right'] },
    { type: 'conv2d', filters: 3, kernel: 1 },
    { type: 'relu' },
    { type: 'maxpool', window: 3 },
    { type: 'flatten' },
    { type: 'dense', units: 3 },
  ],
};

describe('the order in which layers run', () => {
  it('has a ReLU behind a maxpool that alone reads it, and whoever reads the maxpool reads the ReLU then', () => {
    const order = schedule(BRANCHES).map(({ index, inputs }) => [index, ...inputs]);
    expect(order).toEqual([
      [0, -1],
      [1, 0],
      [2, 1],
      [3, 1],
      [5, 3],
      [4, 5],
      [6, 2, 4],
      [7, 6],
      [9, 7],
      [8, 9],
      [10, 8],
      [11, 10],
    ]);
  });

  it('keeps a ReLU in its place that stands behind another layer than the maxpool reads', () => {
    const network: Network = {
      name: 'n',
      input: [4, 4, 1],
      layers: [
        { type: 'conv2d', filters: 1, kernel: 1, name: 'c' },
        { type: 'relu', name: 'r' },
        { type: 'maxpool', window: 1, from: 'c', name: 'm' },
        { type: 'add', from: ['r', 'm'] },
      ],
    };
    expect(schedule(network).map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  });

  it('gives the same scores with layers fused as without', async () => {
    const compute = await testCompute();
    const options = { suite: 'direct', truncation: 'dealt', fractionBits: 20, compute, seed: 1 } as const;
    const engine = createPlainEngine({ ...options, reveal: () => Promise.resolve() });
    const model = new Map(parameters(BRANCHES).map((p) => [p.name, engine.constant(p.shape, initialValues(p, 3))]));
    const batch = engine.constant(
      [2, 36],
      Array.from({ length: 72 }, (_, i) => Math.sin(i)),
    );
    const { logits } = await forward(engine, BRANCHES, model, batch);
    const scores = await classScores(engine, BRANCHES, model, batch);
    const [a, b] = [logits, scores].map((x) => decode(dataOf(x), x.fractionBits));
    a.forEach((score, i) => expect(Math.abs(score - b[i])).toBeLessThan(2 ** -15));
    expect(a.some((score) => Math.abs(score) > 0.01)).toBe(true);
  });
});

it('what several layers read is truncated once', async () => {
  const truncations = async (layers: readonly LayerSpec[]): Promise<number> => {
    const setting = { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33 } as const;
    const engine = createCountingEngine(setting);
    const network: Network = { name: 'n', input: [4], layers };
    const model = new Map(parameters(network).map((p) => [p.name, engine.constant(p.shape, initialValues(p, 3))]));
    await forward(engine, network, model, engine.constant([1, 4], [1, 2, 3, 4]));
    return engine.work.truncate;
  };
  const first: LayerSpec = { type: 'dense', units: 8, name: 'first' };
  const second: LayerSpec = { type: 'dense', units: 5, name: 'second' };
  // The outputs of first: the network's are left to whoever reads them.
  expect(await truncations([first, second])).toBe(8);
  const third: LayerSpec = { type: 'dense', units: 5, from: 'first', name: 'third' };
  expect(await truncations([first, second, third, { type: 'add', from: ['second', 'third'] }])).toBe(8);
});

it('a network of a hundred layers runs forth and back on paths that fit into a message', async () => {
  const layers = Array.from({ length: 50 }, (): LayerSpec[] => [{ type: 'dense', units: 3 }, { type: 'relu' }]).flat();
  const network: Network = { name: 'deep', input: [3], layers };
  const specs = parameters(network);
  const inputs = [
    { shape: [1, 3], numbers: [0.5, 0.25, 1] },
    { shape: [1, 3], numbers: [1, -1, 0.5] },
    ...specs.map(({ shape, initial }) => ({
      shape,
      numbers: initial === 0 ? [0, 0, 0] : [0.9, 0.1, 0, 0, 0.9, 0.1, 0.1, 0, 0.9],
    })),
  ];
  const script: Parameters<typeof secure>[2] = async (engine, batch, delta, ...tensors) => {
    const model = new Map(specs.map(({ name }, i) => [name, tensors[i]]));
    const { tapes } = await forward(engine, network, model, batch);
    const gradients = new Map<string, (typeof tensors)[0]>();
    await engine.scope('back', (fork) =>
      backward(fork, tapes, delta, (_own, name, gradient) => {
        gradients.set(name, gradient);
        return Promise.resolve();
      }),
    );
    return gradients.get('layers.0.bias')!;
  };
  const [setting] = SETTINGS;
  const [found, twin] = [await secure(setting, inputs, script), await plain(setting, inputs, script)];
  expect(Math.max(...twin.numbers.map(Math.abs))).toBeGreaterThan(0.1);
  found.numbers.forEach((x, i) => expect(Math.abs(x - twin.numbers[i])).toBeLessThan(2 ** -8));
});
