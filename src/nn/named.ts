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
};
