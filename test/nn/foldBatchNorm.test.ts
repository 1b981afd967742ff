/** Batch normalisation folded into the layer before it: the same scores, in chains and graphs; not where another layer reads that one. */
import { describe, expect, it } from 'vitest';
import {
  type ClearModel,
  forInference,
  networkWithoutBatchNorm,
  withoutBatchNorm,
} from '../../src/nn/foldBatchNorm.ts';
import { classScores, prepared } from '../../src/nn/forward.ts';
import type { LayerSpec } from '../../src/nn/layers/table.ts';
import { type Network, parameters } from '../../src/nn/network.ts';
import type { Engine, Value } from '../../src/engine/engine.ts';
import { sizeOf } from '../../src/ring/shape.ts';
import { testRandom } from '../reference.ts';
import { closeTo, type Input, numbers, plain, secure, SETTINGS } from '../twins.ts';

function modelOf(input: number[], layers: LayerSpec[]): ClearModel {
  const network: Network = { name: 'net', input, layers };
  const random = testRandom(3);
  const tensors = parameters(network).map(({ name, shape }) => {
    const positive = name.endsWith('.variance');
    const data = Float64Array.from({ length: sizeOf(shape) }, () => (positive ? 0.1 + random() : random() - 0.5));
    return [name, { shape, data }] as const;
  });
  return { network, tensors: new Map(tensors) };
}

const BN = { type: 'batchnorm' } as const;

const CASES: [string, number[], LayerSpec[], number][] = [
  [
    'a chain',
    [5, 5, 2],
    [
      { type: 'conv2d', filters: 3, kernel: 2 },
      BN,
      { type: 'relu' },
      { type: 'flatten' },
      { type: 'dense', units: 4 },
      BN,
    ],
    0,
  ],
  ['two in a row', [4], [{ type: 'dense', units: 3 }, BN, { ...BN, epsilon: 0.5 }], 0],
  [
    'a shortcut that reads the normalised',
    [4, 4, 2],
    [
      { type: 'conv2d', filters: 2, kernel: 3, padding: 1 },
      { ...BN, name: 'stem' },
      { type: 'relu' },
      { type: 'conv2d', filters: 2, kernel: 3, padding: 1 },
      { ...BN, name: 'long' },
      { type: 'add', from: ['long', 'stem'] },
      { type: 'globalaveragepool' },
    ],
    0,
  ],
  [
    'one far behind its layer, and readers by order',
    [4],
    [
      { type: 'dense', units: 3, name: 'a' },
      { type: 'dense', units: 3, from: 'input', name: 'b' },
      { ...BN, from: 'a' },
      { type: 'relu', name: 'c' },
      { type: 'add', from: ['b', 'c'] },
    ],
    0,
  ],
  [
    'of a layer that two read, and of the input: they stay',
    [3],
    [{ ...BN }, { type: 'dense', units: 3, name: 'a' }, { ...BN, name: 'n' }, { type: 'add', from: ['a', 'n'] }],
    2,
  ],
];

describe.each(CASES)('%s', (_name, input, layers, left) => {
  const model = modelOf(input, layers);
  const folded = withoutBatchNorm(model);
  const images = numbers([3, sizeOf(input)], -1, 1);
  const scores = (of: ClearModel): [Input[], (engine: Engine, ...values: Value[]) => Promise<Value>] => [
    [images, ...parameters(of.network).map(({ name, shape }) => ({ shape, numbers: [...of.tensors.get(name)!.data] }))],
    async (engine, batch, ...tensors) => {
      const names = parameters(of.network).map(({ name }) => name);
      const parametersOf = new Map(names.map((name, i) => [name, tensors[i]]));
      return classScores(engine, of.network, await prepared(engine, of.network, parametersOf), batch);
    },
  ];

  it('gives the same scores, shared as it is and folded', async () => {
    expect(folded.network.layers.filter(({ type }) => type === 'batchnorm')).toHaveLength(left);
    expect(networkWithoutBatchNorm(model.network)).toEqual(folded.network);
    expect(new Set(folded.tensors.keys())).toEqual(new Set(parameters(folded.network).map(({ name }) => name)));
    const expected = await plain(SETTINGS[1], ...scores(model));
    closeTo(await plain(SETTINGS[1], ...scores(folded)), expected.numbers, 1e-2);
    closeTo(await secure(SETTINGS[0], ...scores(model)), expected.numbers, 1e-2);
    closeTo(await secure(SETTINGS[0], ...scores(folded)), expected.numbers, 1e-2);
  });
});

describe.each([10, 16, 20, 24])('a normalisation that stays, at %i fractional bits', (fractionBits) => {
  const channels = 60;
  const network: Network = { name: 'net', input: [channels], layers: [BN] };
  const variances = Float64Array.from({ length: channels }, (_, c) => 2 ** (c / 4 - 6));
  const scales = variances.map((variance, c) => Math.sqrt(variance) * (c % 2 === 0 ? 1 : -1));
  const rows = {
    weight: scales,
    bias: new Float64Array(channels),
    mean: new Float64Array(channels),
    variance: variances,
  };
  const tensors = new Map(
    Object.entries(rows).map(([short, data]) => [`layers.0.${short}`, { shape: [1, channels], data }] as const),
  );
  /** The largest difference from γ / √(σ² + ε), in its size of about 1. */
  const slopeError = async (model: ClearModel): Promise<number> => {
    const images = { shape: [1, channels], numbers: new Array<number>(channels).fill(1) };
    const given = parameters(network).map(({ name, shape }) => ({
      shape,
      numbers: [...model.tensors.get(name)!.data],
    }));
    const setting = { ...SETTINGS[1], fractionBits };
    const { numbers: found } = await plain(setting, [images, ...given], async (engine, batch, ...values) => {
      const named = new Map(parameters(network).map(({ name }, i) => [name, values[i]]));
      return classScores(engine, network, await prepared(engine, network, named), batch);
    });
    const exact = scales.map((scale, c) => scale / Math.sqrt(variances[c] + 1e-5));
    return Math.max(...found.map((y, c) => Math.abs(y - exact[c])));
  };

  it('is exact but for rounding when its owner shares it', async () => {
    // The scale's rounding over the least deviation, 1/8, and the slope's.
    expect(await slopeError(forInference({ network, tensors }, fractionBits))).toBeLessThan(
      5 * 2 ** -fractionBits + 1e-5,
    );
    expect(await slopeError({ network, tensors })).toBeGreaterThan(2e-4);
  });
});
