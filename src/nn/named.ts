/** Networks that `--network` knows by name. */
import type { LayerSpec } from './layers/table.ts';
import type { Network } from './network.ts';

/** conv 5x5, ReLU, maxpool 2x2, as in networks B and C. */
function convReluPool(filters: number): LayerSpec[] {
  return [{ type: 'conv2d', filters, kernel: 5 }, { type: 'relu' }, { type: 'maxpool', window: 2 }];
}

/** conv 3x3 that keeps the size, ReLU. */
function conv3(filters: number): LayerSpec[] {
  return [{ type: 'conv2d', filters, kernel: 3, padding: 1 }, { type: 'relu' }];
}

/** dense layers with ReLU between them. */
function denseRelu(...units: readonly number[]): LayerSpec[] {
  return units.flatMap((n, i): LayerSpec[] => [
    ...(i > 0 ? [{ type: 'relu' } as const] : []),
    { type: 'dense', units: n },
  ]);
}

/** Layers of 3x3 convolutions that keep the size, in blocks: behind the last of each its pooling, and ReLU behind that. */
function vgg16(pool: 'maxpool' | 'averagepool'): LayerSpec[] {
  const blocks = [
    [64, 64],
    [128, 128],
    [256, 256, 256],
    [512, 512, 512],
    [512, 512, 512],
  ];
  return [
    ...blocks.flatMap((block) => [
      ...block.slice(0, -1).flatMap(conv3),
      { type: 'conv2d', filters: block.at(-1)!, kernel: 3, padding: 1 } as const,
      { type: pool, window: 2 } as const,
      { type: 'relu' } as const,
    ]),
    { type: 'flatten' },
  ];
}

/** A … D: the networks of the paper (§8; shapes in `bench/published/securenn.json`). The others are for CIFAR-10. */
export const NETWORKS: Readonly<Record<string, Network>> = {
  A: { name: 'A', input: [784], layers: denseRelu(128, 128, 10) },
  B: {
    name: 'B',
    input: [28, 28, 1],
    layers: [...convReluPool(16), ...convReluPool(16), { type: 'flatten' }, ...denseRelu(100, 10)],
  },
  C: {
    name: 'C',
    input: [28, 28, 1],
    layers: [...convReluPool(20), ...convReluPool(50), { type: 'flatten' }, ...denseRelu(500, 10)],
  },
  D: {
    name: 'D',
    input: [28, 28, 1],
    layers: [
      { type: 'conv2d', filters: 5, kernel: 5, stride: 2, padding: 2 },
      { type: 'relu' },
      { type: 'flatten' },
      ...denseRelu(100, 10),
    ],
  },
  /** VGG-style: pairs of 3x3 convolutions, each pair pooled. */
  vgg: {
    name: 'vgg',
    input: [32, 32, 3],
    layers: [
      ...[32, 64, 128].flatMap((filters): LayerSpec[] => [
        ...conv3(filters),
        ...conv3(filters),
        { type: 'maxpool', window: 2 },
      ]),
      { type: 'flatten' },
      ...denseRelu(256, 10),
    ],
  },
  /** As Piranha trains it (`files/models/alexnet-cifar10.json`), but for the ReLU that it puts behind the class scores. */
  alexnet: {
    name: 'alexnet',
    input: [32, 32, 3],
    layers: [
      { type: 'conv2d', filters: 96, kernel: 11, stride: 4, padding: 9 },
      { type: 'averagepool', window: 3, stride: 2 },
      { type: 'relu' },
      { type: 'conv2d', filters: 256, kernel: 5, padding: 1 },
      { type: 'averagepool', window: 2, stride: 1 },
      { type: 'relu' },
      ...[384, 384, 256].flatMap(conv3),
      { type: 'flatten' },
      ...denseRelu(256, 256, 10),
    ],
  },
  /** As Piranha trains it (`files/models/vgg16-cifar10.json`), but for that ReLU. */
  vgg16: { name: 'vgg16', input: [32, 32, 3], layers: [...vgg16('averagepool'), ...denseRelu(256, 256, 10)] },
  /** As Falcon trains it (`src/secondary.cpp`), but for its ReLU behind the class scores, of which it has 1000. */
  'vgg16-falcon': {
    name: 'vgg16-falcon',
    input: [32, 32, 3],
    layers: [...vgg16('maxpool'), ...denseRelu(4096, 4096, 10)],
  },
};
