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

/** Filters of VGG16's convolutions (Simonyan, Zisserman 2015, table 1, D), in blocks with a pooling behind each. */
export const VGG16_BLOCKS: readonly (readonly number[])[] = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];

/** Layers of 3x3 convolutions that keep the size, in blocks: behind the last of each its pooling, and ReLU behind that. */
function vgg16(pool: 'maxpool' | 'averagepool'): LayerSpec[] {
  return [
    ...VGG16_BLOCKS.flatMap((block) => [
      ...block.slice(0, -1).flatMap(conv3),
      { type: 'conv2d', filters: block.at(-1)!, kernel: 3, padding: 1 } as const,
      { type: pool, window: 2 } as const,
      { type: 'relu' } as const,
    ]),
    { type: 'flatten' },
  ];
}

type Conv2d = Extract<LayerSpec, { type: 'conv2d' }>;

/** A convolution and its normalisation, whose output bears the name. */
function normalized(conv: Omit<Conv2d, 'type' | 'name'>, name?: string): LayerSpec[] {
  return [
    { type: 'conv2d', ...conv },
    { type: 'batchnorm', ...(name !== undefined && { name }) },
  ];
}

/** Two 3x3 convolutions beside a shortcut; where the size changes, that is a 1x1 convolution (option B). */
function residual(block: string, before: string, filters: number, stride: 1 | 2): LayerSpec[] {
  const [long, short] = [`${block}.long`, stride === 1 ? before : `${block}.short`];
  return [
    ...normalized({ filters, kernel: 3, stride, padding: 1, from: before }),
    { type: 'relu' },
    ...normalized({ filters, kernel: 3, padding: 1 }, long),
    ...(stride === 1 ? [] : normalized({ filters, kernel: 1, stride, from: before }, short)),
    { type: 'add', from: [long, short] },
    { type: 'relu', name: block },
  ];
}

/** 6n + 2 layers with weights beside the shortcuts: three stages of n blocks. */
function resnet(n: number): LayerSpec[] {
  const layers: LayerSpec[] = [...normalized({ filters: 16, kernel: 3, padding: 1 }), { type: 'relu', name: '1.0' }];
  let before = '1.0';
  [16, 32, 64].forEach((filters, stage) => {
    for (let i = 1; i <= n; i++) {
      const block = `${stage + 1}.${i}`;
      layers.push(...residual(block, before, filters, stage > 0 && i === 1 ? 2 : 1));
      before = block;
    }
  });
  return [...layers, { type: 'globalaveragepool' }, { type: 'dense', units: 10 }];
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
  /** As Falcon trains it (`src/secondary.cpp`), whose images of 33x33 are those of CIFAR-10 and a row and a column of zeros. */
  'alexnet-falcon': {
    name: 'alexnet-falcon',
    input: [32, 32, 3],
    layers: [
      { type: 'conv2d', filters: 96, kernel: 11, stride: 4, padding: [9, 9, 10, 10] },
      { type: 'relu' },
      { type: 'maxpool', window: 3, stride: 2 },
      { type: 'batchnorm' },
      { type: 'conv2d', filters: 256, kernel: 5, padding: 1 },
      { type: 'relu' },
      { type: 'maxpool', window: 3, stride: 2 },
      { type: 'batchnorm' },
      ...[384, 384, 256].flatMap(conv3),
      { type: 'flatten' },
      ...denseRelu(256, 256, 10),
    ],
  },
  /** He, Zhang, Ren, Sun 2016, §4.2, with shortcuts of option B: convolutions where the size changes. */
  resnet20: { name: 'resnet20', input: [32, 32, 3], layers: resnet(3) },
  /** C with normalised layers. */
  'lenet-bn': {
    name: 'lenet-bn',
    input: [28, 28, 1],
    layers: [
      ...[20, 50].flatMap((filters): LayerSpec[] => [
        ...normalized({ filters, kernel: 5 }),
        { type: 'relu' },
        { type: 'maxpool', window: 2 },
      ]),
      { type: 'flatten' },
      { type: 'dense', units: 500 },
      { type: 'batchnorm' },
      { type: 'relu' },
      { type: 'dense', units: 10 },
    ],
  },
};
