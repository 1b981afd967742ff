/**
 * Convolutions over Z_{2^64} and their gradients on one core, batch 128, for the convolutions of networks B, C and D: one term, as products
 * with dealt truncation have it, which may be computed by fewer products (runtime/wasm/convSplit.ts), and two with an addend (fused Beaver
 * product, local truncation), which never are. Rates are of the multiply-adds of the definition. Compared with the 512³ matrix product on the same core, timed before each row, by the best rates of the run: other
 * work on the machine disturbs them least.
 *
 *   node dist/bench/conv.js [--other FOLDER] [--out bench/results/conv.json]
 *
 * With another build's folder: milliseconds of processor time of both, one right after the other, medians, and the median of the ratios.
 */
import { webcrypto } from 'node:crypto';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Compute, type ConvJob, convOutput, type ConvMap, type ConvShape } from '../runtime/compute.ts';
import { createWasmCompute } from '../runtime/wasm/wasm.ts';
import { report } from './machine.ts';
import { inTurn, measure, median, rounded } from './measure.ts';
import { optionsOf } from './options.ts';

const { values } = optionsOf(import.meta.url, { out: { type: 'string' }, other: { type: 'string' } });

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
const TERMS: readonly (1 | 2)[] = [1, 2];
const SQUARE = 512;
const PAIRS = 9;

function ring(length: number): BigUint64Array {
  const values = new BigUint64Array(length);
  // At most 64 KiB of random bytes at a time; the values do not matter for the time.
  for (let i = 0; i < length; i += 8192) webcrypto.getRandomValues(values.subarray(i, Math.min(i + 8192, length)));
  return values;
}

async function otherCompute(folder: string): Promise<Compute> {
  const file = resolve(folder, 'dist/runtime/wasm/wasm.js');
  const other = (await import(pathToFileURL(file).href)) as { readonly createWasmCompute: typeof createWasmCompute };
  return other.createWasmCompute({ workers: 0 });
}

/** Milliseconds of a processor. */
async function processorTime(side: Compute, job: ConvJob): Promise<number> {
  const before = process.cpuUsage();
  await side.conv(job);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function beside(now: Compute, before: Compute, job: ConvJob): Promise<Record<string, number>> {
  const pairs = [];
  for (let turn = 0; turn < PAIRS; turn++)
    pairs.push(await inTurn(turn, ['now', 'before'], (side) => processorTime(side === 'now' ? now : before, job)));
  return {
    'processor ms': rounded(median(pairs.map((pair) => pair.now))),
    before: rounded(median(pairs.map((pair) => pair.before))),
    ratio: rounded(median(pairs.map((pair) => pair.now / pair.before))),
  };
}

const compute = await createWasmCompute({ workers: 0 });
const other = values.other === undefined ? undefined : await otherCompute(values.other);
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
  const work = batch * outHeight * outWidth * kernel * kernel * channels * filters;
  for (const map of MAPS) {
    const x = map === 'inputGradient' ? lengths.output : lengths.image;
    const y = map === 'weightGradient' ? lengths.output : lengths.filter;
    const out = lengths.image + lengths.filter + lengths.output - x - y;
    for (const count of TERMS) {
      const terms = Array.from({ length: count }, () => ({ x: ring(x), y: ring(y) }));
      const job = { map, shape, terms, ...(count === 2 && { addend: ring(out) }) };
      const product = await measure(() => compute.gemm(square));
      squareRate = Math.max(squareRate, SQUARE ** 3 / product.best / 1e6);
      const time = await measure(() => compute.conv(job), 1500);
      rows.push({
        layer: layer.name,
        shape: `${height}x${width}x${channels} k${kernel} s${stride} p${padding} -> ${filters}`,
        map,
        terms: count,
        milliseconds: rounded(time.median),
        'G multiply-adds/s': rounded((count * work) / time.median / 1e6),
        best: rounded((count * work) / time.best / 1e6),
        ...(other !== undefined && (await beside(compute, other, job))),
      });
    }
  }
}
await compute.close();
await other?.close();
const compared = rows.map((row) => ({
  ...row,
  'best 512³ product': rounded(squareRate),
  'of it': `${Math.round((100 * row.best) / squareRate)} %`,
}));
await report('conv', compared, values.out);
