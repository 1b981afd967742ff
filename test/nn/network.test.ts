/** Networks as data: the paper's, one's own, and what is said of those that do not fit together. */
import { describe, expect, it } from 'vitest';
import type { LayerSpec } from '../../src/nn/layers/table.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import { classCount, inputSize, layerShapes, parameters } from '../../src/nn/network.ts';
import { countInference, countTraining } from '../../src/nn/count.ts';
import { parseNetwork } from '../../src/nn/networkFile.ts';
import { schedule } from '../../src/nn/schedule.ts';
import { type Shape, sizeOf } from '../../src/ring/shape.ts';
import { OPTIONS } from './tiny.ts';

const shapes = (name: string): (readonly number[])[] => parameters(NETWORKS[name]).map(({ shape }) => shape);

describe('the networks of the paper', () => {
  it('A is 784-128-128-10', () => {
    const { A } = NETWORKS;
    expect(shapes('A')).toEqual([[784, 128], [1, 128], [128, 128], [1, 128], [128, 10], [1, 10]]); // prettier-ignore
    expect([inputSize(A), classCount(A)]).toEqual([784, 10]);
  });

  it('B has 16 and 16 filters of 5x5, and 256-100-10', () => {
    expect(shapes('B')).toEqual([[5, 5, 1, 16], [1, 16], [5, 5, 16, 16], [1, 16], [256, 100], [1, 100], [100, 10], [1, 10]]); // prettier-ignore
  });

  it('C has 20 and 50 filters of 5x5, and 800-500-10', () => {
    expect(shapes('C')).toEqual([[5, 5, 1, 20], [1, 20], [5, 5, 20, 50], [1, 50], [800, 500], [1, 500], [500, 10], [1, 10]]); // prettier-ignore
  });

  it('D has 5 filters of 5x5 with stride 2 and padding 2, and 980-100-10', () => {
    expect(shapes('D')).toEqual([[5, 5, 1, 5], [1, 5], [980, 100], [1, 100], [100, 10], [1, 10]]); // prettier-ignore
    expect(layerShapes(NETWORKS['D'])[1]).toEqual([14, 14, 5]);
  });

  it.each(Object.entries(NETWORKS))('%s is a network by its own rules', (name, network) => {
    expect(parseNetwork(JSON.parse(JSON.stringify(network)), name)).toEqual(network);
    expect(classCount(network)).toBe(10);
  });
});

describe('the networks for CIFAR-10', () => {
  const images = (name: string): Shape[] => layerShapes(NETWORKS[name]).filter((shape) => shape.length === 3);

  it('alexnet has the shapes that Piranha’s file gives', () => {
    const { alexnet } = NETWORKS;
    const sides = alexnet.layers.flatMap(({ type }, i) => (type === 'conv2d' ? [layerShapes(alexnet)[i + 1]] : []));
    expect(sides).toEqual([
      [10, 10, 96],
      [2, 2, 256],
      [1, 1, 384],
      [1, 1, 384],
      [1, 1, 256],
    ]);
  });

  it.each(['vgg16', 'vgg16-falcon'])('%s has 13 convolutions and pools five times, down to one pixel', (name) => {
    const network = NETWORKS[name];
    expect(network.layers.filter(({ type }) => type === 'conv2d')).toHaveLength(13);
    expect(images(name).at(-1)).toEqual([1, 1, 512]);
    expect(shapes(name).filter((shape) => shape.length === 2 && shape[0] > 1)).toHaveLength(3);
  });

  it('alexnet-falcon has the shapes that Falcon’s source gives', () => {
    const network = NETWORKS['alexnet-falcon'];
    const sides = network.layers.flatMap(({ type }, i) =>
      type === 'conv2d' || type === 'maxpool' ? [layerShapes(network)[i + 1]] : [],
    );
    expect(sides.slice(0, 4)).toEqual([
      [11, 11, 96],
      [5, 5, 96],
      [3, 3, 256],
      [1, 1, 256],
    ]);
  });

  it('resnet20 has 20 layers of weights beside its two shortcuts, and the weights of the paper’s table', () => {
    const { resnet20 } = NETWORKS;
    const weighted = resnet20.layers.filter(({ type }) => type === 'conv2d' || type === 'dense');
    expect(weighted).toHaveLength(20 + 2);
    expect(resnet20.layers.filter(({ type }) => type === 'add')).toHaveLength(9);
    const sizes = parameters(resnet20).filter(({ name, trained }) => trained && name.endsWith('.weight'));
    const total = sizes.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    // 3x3 filters and the last layer, and 19 normalisations; the shortcuts have 16 · 32 + 32 · 64, and theirs.
    expect(total - (16 * 32 + 32 * 64 + 32 + 64)).toBe(268_336 + 688);
    expect(layerShapes(resnet20).slice(-3)).toEqual([[8, 8, 64], [64], [10]]);
  });

  it.each(Object.keys(NETWORKS))('what %s sends is counted', async (name) => {
    const setting = { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33 } as const;
    const options = { ...setting, ...OPTIONS, batch: 2, steps: 1, showLoss: false };
    const { steps } = await countTraining(NETWORKS[name], options, { trainImages: 2, testImages: 1 });
    const [inference] = await countInference(NETWORKS[name], setting, 1, 1);
    expect(steps[0].bytes).toBeGreaterThan(inference.bytes);
    expect(steps[0].rounds).toBeGreaterThan(inference.rounds);
  });
});

describe('a network of one’s own', () => {
  const dense: LayerSpec = { type: 'dense', units: 3 };
  const parse = (input: number[], ...layers: unknown[]): unknown =>
    parseNetwork({ name: 'x', input, layers }, 'x.json');

  it('drops what lies behind the last whole window', () => {
    const network = parseNetwork(
      {
        name: 'x',
        input: [7, 6, 2],
        layers: [
          { type: 'conv2d', filters: 4, kernel: [3, 2], stride: 2 },
          { type: 'averagepool', window: 2 },
          { type: 'flatten' },
          dense,
        ],
      },
      'x.json',
    );
    expect(layerShapes(network)).toEqual([[7, 6, 2], [3, 3, 4], [1, 1, 4], [4], [3]]);
  });

  it.each<[string, number[], unknown[], RegExp]>([
    ['no units', [4], [{ type: 'dense', units: 0 }], /^x\.json: layers\[0\]\.units: /],
    ['an unknown layer', [4], [{ type: 'conv9' }], /^x\.json: layers\[0\]/],
    ['an unknown property', [4], [{ ...dense, bias: 1 }], /^x\.json: layers\[0\]\.bias/],
    ['a last layer that gives an image', [4, 4, 1], [{ type: 'relu' }], /the last layer must give a vector/],
    ['no layers', [4], [], /^x\.json: layers: /],
    [
      'dense on an image',
      [4, 4, 1],
      [dense],
      /^x\.json: layer 0 \(dense 3\): expected a vector, its input is \[4,4,1\]: put a flatten layer before it$/,
    ],
    [
      'conv2d on a vector',
      [16],
      [{ type: 'conv2d', filters: 2, kernel: 3 }, dense],
      /^x\.json: layer 0 \(conv2d 3x3, 2 filters\): expected an image \(height, width, channels\), its input is \[16\]$/,
    ],
    [
      'a kernel larger than the image',
      [4, 4, 1],
      [{ type: 'conv2d', filters: 2, kernel: [5, 3] }, { type: 'flatten' }, dense],
      /^x\.json: layer 0 \(conv2d 5x3, 2 filters\): larger than its input \[4,4,1\]$/,
    ],
    [
      'a kernel larger than the padded image',
      [4, 4, 1],
      [{ type: 'conv2d', filters: 2, kernel: 7, padding: 1 }, { type: 'flatten' }, dense],
      /larger than its input \[4,4,1\] with padding 1$/,
    ],
    [
      'a kernel larger than the image with padding of each side',
      [4, 4, 1],
      [{ type: 'conv2d', filters: 2, kernel: 7, padding: [1, 1, 1, 2] }, { type: 'flatten' }, dense],
      /larger than its input \[4,4,1\] with padding \[1,1,1,2\]$/,
    ],
    [
      'a window larger than the image',
      [8, 8, 1],
      [{ type: 'conv2d', filters: 2, kernel: 5 }, { type: 'maxpool', window: 5 }, { type: 'flatten' }, dense],
      /^x\.json: layer 1 \(maxpool 5x5\): larger than its input \[4,4,2\]$/,
    ],
  ])('is refused with %s', (_what, input, layers, message) => {
    expect(() => parse(input, ...layers)).toThrow(message);
  });

  it('is refused when it is no object', () => {
    expect(() => parseNetwork(null, 'x.json')).toThrow(/^x\.json: /);
    expect(() => parseNetwork({ name: 'x', input: [4], layers: [dense], extra: 1 }, 'x.json')).toThrow(/extra/);
  });

  it('runs a ReLU behind the max pooling that follows it, and nothing else out of order', () => {
    const names = (name: string): string[] => schedule(NETWORKS[name]).map(({ spec }) => spec.type);
    expect(names('B').slice(0, 6)).toEqual(['conv2d', 'maxpool', 'relu', 'conv2d', 'maxpool', 'relu']);
    expect(names('D')).toEqual(NETWORKS['D'].layers.map(({ type }) => type));
    expect(
      schedule(NETWORKS['B'])
        .map(({ index }) => index)
        .slice(0, 3),
    ).toEqual([0, 2, 1]);
  });
});
