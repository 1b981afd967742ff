/**
 * The products that are measured: those of a training step of networks A to D, the layers of AlexNet and VGG16, and squares.
 * Products of layers are fused Beaver products (two terms and an addend), as in a party.
 */
import type { ConvJob, ConvMap, ConvShape, GemmJob } from '../../runtime/compute.ts';
import { ROLES, lengths } from '../../runtime/wasm/convPlan.ts';
import { borderOf, pairOf } from '../../src/nn/layers/fields.ts';
import type { LayerSpec } from '../../src/nn/layers/table.ts';
import { NETWORKS, VGG16_BLOCKS } from '../../src/nn/named.ts';
import { layerFlow, type Network } from '../../src/nn/network.ts';
import { randomElements } from './check.ts';

interface Named {
  /** `C/3 conv2d, weight gradient`: network, layer counted from 0, map. */
  readonly name: string;
  readonly terms: 1 | 2;
}

type GemmShape = Named & Pick<GemmJob, 'm' | 'k' | 'n' | 'transposeA' | 'transposeB'> & { readonly kind: 'gemm' };
type ConvMapShape = Named & Pick<ConvJob, 'map' | 'shape'> & { readonly kind: 'conv' };
export type BenchShape = GemmShape | ConvMapShape;

export type BenchJob =
  { readonly kind: 'gemm'; readonly job: GemmJob } | { readonly kind: 'conv'; readonly job: ConvJob };

const SQUARES = [256, 512, 1024, 2048, 4096];

function conv(filters: number, kernel: number, padding: number, stride = 1): LayerSpec[] {
  return [{ type: 'conv2d', filters, kernel, padding, stride }, { type: 'relu' }];
}

function pool(window: number, stride = window): LayerSpec {
  return { type: 'maxpool', window, stride };
}

function dense(...units: readonly number[]): LayerSpec[] {
  return [{ type: 'flatten' }, ...units.map((n): LayerSpec => ({ type: 'dense', units: n }))];
}

/** Blocks of 3x3 convolutions that keep the size, a pooling after each. */
function vgg16(...units: readonly number[]): LayerSpec[] {
  return [
    ...VGG16_BLOCKS.flatMap((block) => [...block.flatMap((filters) => conv(filters, 3, 1)), pool(2)]),
    ...dense(...units),
  ];
}

const ALEXNET_END = [...conv(384, 3, 1), ...conv(256, 3, 1), ...conv(256, 3, 1)];

/** Networks of which the forward products are measured, with the images of a batch: for images of ImageNet, and cut to those of CIFAR-10. */
const LARGE: readonly (readonly [Network, number])[] = [
  [
    {
      name: 'AlexNet-CIFAR',
      input: [32, 32, 3],
      layers: [
        ...conv(96, 11, 9, 4),
        pool(3, 2),
        ...conv(256, 5, 1),
        pool(2, 1),
        ...conv(384, 3, 1),
        ...conv(384, 3, 1),
        ...conv(256, 3, 1),
        ...dense(256, 256, 10),
      ],
    },
    128,
  ],
  [{ name: 'VGG16-CIFAR', input: [32, 32, 3], layers: vgg16(256, 256, 10) }, 128],
  [
    {
      name: 'AlexNet-ImageNet',
      input: [224, 224, 3],
      layers: [
        ...conv(64, 11, 2, 4),
        pool(3, 2),
        ...conv(192, 5, 2),
        pool(3, 2),
        ...ALEXNET_END,
        pool(3, 2),
        ...dense(4096, 4096, 1000),
      ],
    },
    32,
  ],
  [{ name: 'VGG16-ImageNet', input: [224, 224, 3], layers: vgg16(4096, 4096, 1000) }, 4],
];

/** For software adapters, and to see that the benchmark runs: every kind of product once, none above a million multiply-adds. */
const TINY: Network = {
  name: 'tiny',
  input: [9, 9, 3],
  layers: [...conv(8, 3, 1, 2), ...conv(6, 3, 0), ...dense(17)],
};

/** All shapes, small squares first; each shape once. */
export function benchShapes(tiny: boolean): BenchShape[] {
  if (tiny) return [...squares([64]), ...trainingShapes(TINY, 4, true)];
  const shapes = [
    ...squares(SQUARES),
    ...['A', 'C', 'B', 'D'].flatMap((name) => trainingShapes(NETWORKS[name], 128, true)),
    ...LARGE.flatMap(([network, batch]) => trainingShapes(network, batch, false)),
  ];
  const seen = new Set<string>();
  return shapes.filter((shape) => {
    const key = JSON.stringify({ ...shape, name: '' });
    const fresh = !seen.has(key);
    seen.add(key);
    return fresh;
  });
}

/** Multiply-adds over Z_{2^64}; those with padding are among them. */
export function multiplyAdds(shape: BenchShape): number {
  if (shape.kind === 'gemm') return shape.terms * shape.m * shape.k * shape.n;
  const { kernelHeight, kernelWidth, channels } = shape.shape;
  return shape.terms * lengths(shape.shape).output * kernelHeight * kernelWidth * channels;
}

/** Sizes in words: `(128,1568) x (1568,128)`. Two terms are one product of twice the inner dimension. */
export function sizes(shape: BenchShape): string {
  if (shape.kind === 'gemm') {
    const { m, k, n, terms, transposeA, transposeB } = shape;
    const mark = (transposed: boolean | undefined): string => (transposed === true ? 'ᵀ' : '');
    return `(${m},${terms * k})${mark(transposeA)} x (${terms * k},${n})${mark(transposeB)}`;
  }
  const { batch, height, width, channels, kernelHeight, kernelWidth, filters, stride, padding } = shape.shape;
  const kernel = `${kernelHeight}x${kernelWidth}, stride ${stride}, padding ${padding}`;
  return `${batch}x${height}x${width}x${channels}, ${kernel}, ${filters} filters, ${shape.terms} terms`;
}

/** A job of random operands. */
export function makeJob(shape: BenchShape): BenchJob {
  const { terms } = shape;
  const times = <T>(make: () => T): T[] => Array.from({ length: terms }, make);
  const addend = (length: number): { addend?: BigUint64Array } =>
    terms === 2 ? { addend: randomElements(length) } : {};
  if (shape.kind === 'gemm') {
    const { m, k, n, transposeA = false, transposeB = false } = shape;
    const operands = times(() => ({ a: randomElements(m * k), b: randomElements(k * n) }));
    return { kind: 'gemm', job: { m, k, n, transposeA, transposeB, terms: operands, ...addend(m * n) } };
  }
  const { map, shape: conv } = shape;
  const { x, y, out } = ROLES[map];
  const length = lengths(conv);
  const operands = times(() => ({ x: randomElements(length[x]), y: randomElements(length[y]) }));
  return { kind: 'conv', job: { map, shape: conv, terms: operands, ...addend(length[out]) } };
}

/** Bytes of all operands, and of the result. */
export function bytesOf({ kind, job }: BenchJob): { readonly up: number; readonly down: number } {
  const operands = kind === 'gemm' ? job.terms.flatMap(({ a, b }) => [a, b]) : job.terms.flatMap(({ x, y }) => [x, y]);
  const elements = [...operands, ...(job.addend === undefined ? [] : [job.addend])].reduce(
    (sum, { length }) => sum + length,
    0,
  );
  const result = kind === 'gemm' ? job.m * job.n : lengths(job.shape)[ROLES[job.map].out];
  return { up: 8 * elements, down: 8 * result };
}

function squares(sides: readonly number[]): BenchShape[] {
  return sides.map((n) => ({ kind: 'gemm', name: `square ${n}`, m: n, k: n, n, terms: 1 }));
}

/** The products of a network's layers, forward or of a whole step; the first layer needs no gradient of its input. */
function trainingShapes(network: Network, batch: number, gradients: boolean): BenchShape[] {
  const flow = layerFlow(network);
  const first = network.layers.findIndex(({ type }) => type === 'dense' || type === 'conv2d');
  return network.layers.flatMap((spec, i): BenchShape[] => {
    if (spec.type !== 'dense' && spec.type !== 'conv2d') return [];
    const maps: ConvMap[] = !gradients
      ? ['forward']
      : i === first
        ? ['forward', 'weightGradient']
        : ['forward', 'weightGradient', 'inputGradient'];
    return maps.map((map) =>
      layerShape(`${network.name}/${i} ${spec.type}, ${WORDS[map]}`, spec, flow[i].inputs[0], batch, map),
    );
  });
}

const WORDS: Readonly<Record<ConvMap, string>> = {
  forward: 'forward',
  inputGradient: 'input gradient',
  weightGradient: 'weight gradient',
};

function layerShape(
  name: string,
  spec: Extract<LayerSpec, { type: 'dense' | 'conv2d' }>,
  input: readonly number[],
  batch: number,
  map: ConvMap,
): BenchShape {
  if (spec.type === 'dense') {
    const [inputs, { units }] = [input[0], spec];
    switch (map) {
      case 'forward':
        return { kind: 'gemm', name, m: batch, k: inputs, n: units, terms: 2 };
      case 'inputGradient':
        return { kind: 'gemm', name, m: batch, k: units, n: inputs, transposeB: true, terms: 2 };
      case 'weightGradient':
        return { kind: 'gemm', name, m: inputs, k: batch, n: units, transposeA: true, terms: 2 };
    }
  }
  const [height, width, channels] = input;
  const [kernelHeight, kernelWidth] = pairOf(spec.kernel);
  const { filters } = spec;
  const [stride, padding] = [pairOf(spec.stride ?? 1)[0], borderOf(spec.padding).top]; // alike on all sides here
  const shape: ConvShape = { batch, height, width, channels, kernelHeight, kernelWidth, filters, stride, padding };
  return { kind: 'conv', name, map, shape, terms: 2 };
}
