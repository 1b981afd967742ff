/**
 * Convolutions over Z_{2^64} and their gradients on one core, batch 128, two terms (fused Beaver product), for the convolutions of
 * networks B, C and D. Compared with the 512³ matrix product on the same core, timed before each row, by the best rates of the run: other
 * work on the machine disturbs them least.
 *
 *   node dist/bench/conv.js [--out bench/results/conv.json]
 */
import { webcrypto } from 'node:crypto';
import { convOutput, type ConvMap, type ConvShape } from '../runtime/compute.ts';
import { createWasmCompute } from '../runtime/wasm/wasm.ts';
import { report } from './machine.ts';
import { measure, rounded } from './measure.ts';
import { optionsOf } from './options.ts';

const { values } = optionsOf(import.meta.url, { out: { type: 'string' } });

interface Layer {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernel: number;
  readonly filters: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly batch?: number;
}

const LAYERS: readonly Layer[] = [
  { name: 'B conv1', height: 28, width: 28, channels: 1, kernel: 5, filters: 16 },
  { name: 'B conv2', height: 12, width: 12, channels: 16, kernel: 5, filters: 16 },
  { name: 'C conv1', height: 28, width: 28, channels: 1, kernel: 5, filters: 20 },
  { name: 'C conv2', height: 12, width: 12, channels: 20, kernel: 5, filters: 50 },
  { name: 'D conv1', height: 28, width: 28, channels: 1, kernel: 5, filters: 5, stride: 2, padding: 2 },
];
const MAPS: readonly ConvMap[] = ['forward', 'inputGradient', 'weightGradient'];
const BATCH = 128;
const TERMS = 2;
const SQUARE = 512;

function ring(length: number): BigUint64Array {
  const values = new BigUint64Array(length);
  // At most 64 KiB of random bytes at a time; the values do not matter for the time.
  for (let i = 0; i < length; i += 8192) webcrypto.getRandomValues(values.subarray(i, Math.min(i + 8192, length)));
  return values;
}

const compute = await createWasmCompute({ workers: 0 });
const square = { m: SQUARE, k: SQUARE, n: SQUARE, terms: [{ a: ring(SQUARE ** 2), b: ring(SQUARE ** 2) }] };
/** Multiply-adds a nanosecond. */
let squareRate = 0;
const rows = [];
for (const layer of LAYERS) {
  const { height, width, channels, kernel, filters, stride = 1, padding = 0, batch = BATCH } = layer;
  const kernels = { kernelHeight: kernel, kernelWidth: kernel, filters };
  const shape: ConvShape = { batch, height, width, channels, ...kernels, stride, padding };
  const [outHeight, outWidth] = convOutput(shape);
  const lengths = {
    image: batch * height * width * channels,
    filter: kernel * kernel * channels * filters,
    output: batch * outHeight * outWidth * filters,
  };
  const work = TERMS * batch * outHeight * outWidth * kernel * kernel * channels * filters;
  for (const map of MAPS) {
    const x = map === 'inputGradient' ? lengths.output : lengths.image;
    const y = map === 'weightGradient' ? lengths.output : lengths.filter;
    const out = lengths.image + lengths.filter + lengths.output - x - y;
    const terms = Array.from({ length: TERMS }, () => ({ x: ring(x), y: ring(y) }));
    const job = { map, shape, terms, addend: ring(out) };
    const product = await measure(() => compute.gemm(square));
    squareRate = Math.max(squareRate, SQUARE ** 3 / product.best / 1e6);
    const { median, best } = await measure(() => compute.conv(job), 1500);
    rows.push({
      layer: layer.name,
      shape: `${height}x${width}x${channels} k${kernel} s${stride} p${padding} -> ${filters}`,
      map,
      milliseconds: rounded(median),
      'G multiply-adds/s': rounded(work / median / 1e6),
      best: rounded(work / best / 1e6),
    });
  }
}
await compute.close();
const compared = rows.map((row) => ({
  ...row,
  'best 512³ product': rounded(squareRate),
  'of it': `${Math.round((100 * row.best) / squareRate)} %`,
}));
await report('conv', compared, values.out);
