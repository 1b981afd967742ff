/**
 * Networks as data. A network is named or read from JSON (docs/networks.md):
 * `{"name": "D", "input": [28, 28, 1], "layers": [{"type": "conv2d", "filters": 5, "kernel": 5, "stride": 2, "padding": 2}, …]}`.
 * Images are channels-last (height, width, channels). The last layer is dense and gives the logits; the loss belongs to training.
 */
import { type Shape, sizeOf } from '../ring/shape.ts';
import { windowCount } from '../ring/windows.ts';

/** One number for both directions, or height and width. */
type Extent = number | readonly [height: number, width: number];

export type LayerSpec =
  | { readonly type: 'dense'; readonly units: number }
  | {
      readonly type: 'conv2d';
      readonly filters: number;
      readonly kernel: Extent;
      /** 1 when absent. */
      readonly stride?: number | undefined;
      /** Zeros on all four sides; 0 when absent. */
      readonly padding?: number | undefined;
    }
  /** `stride`: the window when absent (which is square then). Rows and columns behind the last whole window are dropped. */
  | { readonly type: 'maxpool' | 'averagepool'; readonly window: Extent; readonly stride?: number | undefined }
  | { readonly type: 'flatten' }
  | { readonly type: 'relu' };

export interface Network {
  readonly name: string;
  /** Shape of one sample: (inputs) or (height, width, channels). */
  readonly input: readonly number[];
  readonly layers: readonly LayerSpec[];
}

/** One trained tensor of a network, in the order of its layers. */
export interface ParameterSpec {
  /** `layers.0.weight`, `layers.0.bias`, … */
  readonly name: string;
  /** Dense (inputs, units); conv2d (kernel height, kernel width, channels, filters); bias (1, outputs). */
  readonly shape: Shape;
  /** Inputs per output unit, for He initialisation; 0 for a bias, which starts at zero. */
  readonly fanIn: number;
}

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

/** Height and width of an extent. */
export function pairOf(value: Extent): [height: number, width: number] {
  return typeof value === 'number' ? [value, value] : [value[0], value[1]];
}

/** `3 (maxpool 2x2)`: a layer as errors name it, counted from 0 as in its parameters' names. */
export function layerName(spec: LayerSpec, i: number): string {
  switch (spec.type) {
    case 'dense':
      return `layer ${i} (dense ${spec.units})`;
    case 'conv2d':
      return `layer ${i} (conv2d ${pairOf(spec.kernel).join('x')}, ${spec.filters} filters)`;
    case 'maxpool':
    case 'averagepool':
      return `layer ${i} (${spec.type} ${pairOf(spec.window).join('x')})`;
    case 'flatten':
    case 'relu':
      return `layer ${i} (${spec.type})`;
  }
}

/** The shape of one sample after a layer; an error names the layer and the shapes that do not fit. */
function shapeAfter(spec: LayerSpec, i: number, input: Shape): Shape {
  const name = layerName(spec, i);
  const image = (): [number, number, number] => {
    if (input.length !== 3)
      throw new Error(`${name}: expected an image (height, width, channels), its input is [${input.join(',')}]`);
    return [input[0], input[1], input[2]];
  };
  const slide = (length: number, window: number, step: number, padding: number): number => {
    if (window > length + 2 * padding) {
      const padded = padding > 0 ? ` with padding ${padding}` : '';
      throw new Error(`${name}: larger than its input [${input.join(',')}]${padded}`);
    }
    return windowCount(length, window, step, padding);
  };
  switch (spec.type) {
    case 'relu':
      return input;
    case 'flatten':
      return [sizeOf(input)];
    case 'dense':
      if (input.length !== 1)
        throw new Error(`${name}: expected a vector, its input is [${input.join(',')}]: put a flatten layer before it`);
      return [spec.units];
    case 'conv2d': {
      const [height, width] = image();
      const [kernelHeight, kernelWidth] = pairOf(spec.kernel);
      const [step, padding] = [spec.stride ?? 1, spec.padding ?? 0];
      return [slide(height, kernelHeight, step, padding), slide(width, kernelWidth, step, padding), spec.filters];
    }
    case 'maxpool':
    case 'averagepool': {
      const [height, width, channels] = image();
      const [windowHeight, windowWidth] = pairOf(spec.window);
      const step = poolStride(spec, i);
      return [slide(height, windowHeight, step, 0), slide(width, windowWidth, step, 0), channels];
    }
  }
}

/** The stride of a pooling layer. */
export function poolStride(spec: Extract<LayerSpec, { type: 'maxpool' | 'averagepool' }>, i: number): number {
  const [height, width] = pairOf(spec.window);
  if (spec.stride === undefined && height !== width)
    throw new Error(`${layerName(spec, i)}: a window that is not square needs a stride`);
  return spec.stride ?? height;
}

/** Shapes of one sample: the network's input, then the output of every layer. */
export function layerShapes(network: Network): Shape[] {
  const shapes: Shape[] = [network.input];
  network.layers.forEach((spec, i) => shapes.push(shapeAfter(spec, i, shapes[i])));
  return shapes;
}

/** Inputs of a network as one flat vector. */
export function inputSize(network: Network): number {
  return sizeOf(network.input);
}

/** Classes of a network: units of its last layer. */
export function classCount(network: Network): number {
  const last = network.layers.at(-1)!;
  if (last.type !== 'dense') throw new Error(`network ${network.name}: the last layer must be dense`);
  return last.units;
}

/** Names of the weight and the bias of layer i. */
export function parameterNames(i: number): [string, string] {
  return [`layers.${i}.weight`, `layers.${i}.bias`];
}

/** Shapes of all trained tensors. */
export function parameters(network: Network): ParameterSpec[] {
  const shapes = layerShapes(network);
  return network.layers.flatMap((spec, i): ParameterSpec[] => {
    if (spec.type !== 'dense' && spec.type !== 'conv2d') return [];
    const inputs = spec.type === 'dense' ? shapes[i] : [...pairOf(spec.kernel), shapes[i][2]];
    const outputs = spec.type === 'dense' ? spec.units : spec.filters;
    const [weight, bias] = parameterNames(i);
    return [
      { name: weight, shape: [...inputs, outputs], fanIn: sizeOf(inputs) },
      { name: bias, shape: [1, outputs], fanIn: 0 },
    ];
  });
}
