import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convOutput, type Compute, type ConvJob, type ConvMap, type ConvShape } from '../../runtime/compute.ts';
import { convResult, planConv } from '../../runtime/wasm/conv.ts';
import { createMemory, viewOf } from '../../runtime/wasm/instance.ts';
import { compileKernels } from '../../runtime/wasm/kernelFiles.ts';
import { fresh, recycle } from '../../src/ring/pool.ts';
import { REGION_BASE, REGION_BYTES } from '../../runtime/wasm/kernels.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { convReference, filterLength, imageLength, outputLength } from '../reference/conv.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';

const backends = new Map<number, Compute>();

beforeAll(async () => {
  for (const workers of [0, 1, 2]) backends.set(workers, await createWasmCompute({ workers }));
});

afterAll(async () => {
  for (const compute of backends.values()) await compute.close();
});

const MAPS: readonly ConvMap[] = ['forward', 'inputGradient', 'weightGradient'];

function operandLengths(map: ConvMap, shape: ConvShape): { x: number; y: number; out: number } {
  const [image, filter, output] = [imageLength(shape), filterLength(shape), outputLength(shape)];
  if (map === 'forward') return { x: image, y: filter, out: output };
  if (map === 'inputGradient') return { x: output, y: filter, out: image };
  return { x: image, y: output, out: filter };
}

/** Two terms and an addend, or one term alone. */
function makeJob(map: ConvMap, shape: ConvShape, fused: boolean, make: (length: number) => BigUint64Array): ConvJob {
  const { x, y, out } = operandLengths(map, shape);
  const terms = Array.from({ length: fused ? 2 : 1 }, () => ({ x: make(x), y: make(y) }));
  return { map, shape, terms, ...(fused ? { addend: make(out) } : {}) };
}

function randomJob(map: ConvMap, shape: ConvShape, fused: boolean, seed = 1): ConvJob {
  const random = new TestRandom(seed);
  return makeJob(map, shape, fused, (length) => random.ring(length));
}

/** batch, height x width x channels, kernelHeight x kernelWidth -> filters, stride, padding. */
function shapeOf(text: string): ConvShape {
  const sizes = text.match(/\d+/g)?.map(Number) ?? [];
  const [batch, height, width, channels, kernelHeight, kernelWidth, filters, stride, padding] = sizes;
  return { batch, height, width, channels, kernelHeight, kernelWidth, filters, stride, padding };
}

/** The patches of an image, one row a window: (windows, taps). */
function patches(shape: ConvShape, image: BigUint64Array): BigUint64Array {
  const out = new BigUint64Array((outputLength(shape) / shape.filters) * (filterLength(shape) / shape.filters));
  eachPixel(shape, (at, patch) => out.set(image.subarray(at, at + shape.channels), patch));
  return out;
}

/** The reverse: the image that patches add up to. */
function folded(shape: ConvShape, rows: BigUint64Array): BigUint64Array {
  const out = new BigUint64Array(imageLength(shape));
  eachPixel(shape, (at, patch) => {
    for (let c = 0; c < shape.channels; c++) out[at + c] += rows[patch + c];
  });
  return out;
}

/** Visits the pixels of all patches: where the pixel begins in the image, and in the patches. */
function eachPixel(shape: ConvShape, visit: (image: number, patch: number) => void): void {
  const { batch, height, width, channels, kernelHeight, kernelWidth, stride, padding } = shape;
  const [outHeight, outWidth] = convOutput(shape);
  const taps = kernelHeight * kernelWidth;
  for (let i = 0; i < batch * outHeight * outWidth * taps; i++) {
    const window = Math.floor(i / taps);
    const tap = i % taps;
    const y = (Math.floor(window / outWidth) % outHeight) * stride + Math.floor(tap / kernelWidth) - padding;
    const x = (window % outWidth) * stride + (tap % kernelWidth) - padding;
    const n = Math.floor(window / (outWidth * outHeight));
    if (y >= 0 && y < height && x >= 0 && x < width) visit(((n * height + y) * width + x) * channels, i * channels);
  }
}

/** The convolution as a product with the patches, for jobs that BigInt would take minutes for; gemm has tests of its own. */
async function unrolled(compute: Compute, { map, shape, terms, addend }: ConvJob): Promise<BigUint64Array> {
  const { filters } = shape;
  const windows = outputLength(shape) / filters;
  const taps = filterLength(shape) / filters;
  if (map === 'inputGradient') {
    const factors = terms.map(({ x, y }) => ({ a: x, b: y }));
    const rows = await compute.gemm({ m: windows, k: filters, n: taps, transposeB: true, terms: factors });
    const image = folded(shape, rows);
    addend?.forEach((value, i) => (image[i] += value));
    return image;
  }
  const factors = terms.map(({ x, y }) => ({ a: patches(shape, x), b: y }));
  const weights = map === 'weightGradient';
  const sizes = weights ? { m: taps, k: windows, n: filters } : { m: windows, k: taps, n: filters };
  return compute.gemm({ ...sizes, transposeA: weights, terms: factors, ...(addend === undefined ? {} : { addend }) });
}

describe.each(MAPS)('%s', (map) => {
  test.each([
    '1, 1x1x1, 1x1 -> 1, 1, 0',
    '2, 5x4x3, 1x1 -> 6, 1, 0',
    '2, 5x4x3, 1x1 -> 2, 3, 2',
    '3, 7x6x1, 3x3 -> 5, 1, 0',
    '2, 9x8x2, 3x2 -> 3, 2, 1',
    '2, 11x7x3, 2x5 -> 4, 3, 2',
    // padding beyond what the kernel needs, and beyond the kernel; the stride passes pixels by
    '1, 4x5x2, 2x3 -> 3, 1, 4',
    '2, 3x2x3, 2x2 -> 3, 2, 5',
    '2, 8x9x2, 2x1 -> 3, 4, 1',
    '1, 2x3x1, 1x2 -> 1, 3, 7',
    // kernel as large as the image, or as the padded one
    '3, 5x6x2, 5x6 -> 7, 1, 0',
    '2, 3x4x2, 7x8 -> 3, 1, 2',
    // pixels behind the last window
    '2, 10x9x1, 4x4 -> 5, 5, 0',
    // past the block of the inner dimension (256), with runs cut by it
    '2, 6x6x13, 5x5 -> 3, 1, 2',
    '1, 19x18x1, 2x2 -> 9, 1, 0',
    '1, 5x5x23, 3x4 -> 26, 2, 1',
    // taps that meet padding alone
    '3, 1x1x5, 3x3 -> 4, 1, 1',
    '2, 2x2x3, 5x5 -> 3, 1, 2',
    '2, 1x2x3, 3x3 -> 2, 1, 1',
    '2, 3x3x2, 9x9 -> 2, 2, 4',
  ])('%s', async (text) => {
    for (const fused of [false, true]) {
      const job = randomJob(map, shapeOf(text), fused);
      expectSame(await backends.get(0)?.conv(job), convReference(job));
    }
  });

  test('random shapes', async () => {
    const size = fc.integer({ min: 1, max: 7 });
    const few = fc.integer({ min: 1, max: 4 });
    const shapes = fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      height: size,
      width: size,
      channels: few,
      kernelHeight: few,
      kernelWidth: few,
      filters: fc.integer({ min: 1, max: 6 }),
      stride: few,
      padding: fc.integer({ min: 0, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(shapes, fc.boolean(), fc.integer(), async (shape, fused, seed) => {
        fc.pre(convOutput(shape).every((length) => length > 0));
        const job = randomJob(map, shape, fused, seed);
        expectSame(await backends.get(0)?.conv(job), convReference(job));
      }),
      { numRuns: 60 },
    );
  });

  test('all ones', async () => {
    const shape = shapeOf('2, 7x7x6, 5x5 -> 5, 1, 2');
    const job = makeJob(map, shape, true, (length) => new BigUint64Array(length).fill(2n ** 64n - 1n));
    expectSame(await backends.get(0)?.conv(job), convReference(job));
  });

  // Images over several calls; bands of one image; cut filters; cut kernels; one row of windows; work for several workers.
  test.each([
    '9, 40x36x9, 3x3 -> 6, 1, 1',
    '1, 90x70x24, 3x3 -> 6, 1, 2',
    '2, 131x67x19, 5x3 -> 5, 3, 0',
    '1, 3x3x300, 3x3 -> 300, 1, 1',
    '1, 40x20x800, 22x1 -> 5, 7, 0',
    '1, 9x300x8, 9x2 -> 7, 1, 0',
    '128, 12x12x3, 5x5 -> 10, 1, 0',
  ])('several calls, %s', async (text) => {
    const job = randomJob(map, shapeOf(text), true);
    const expected = await unrolled(backends.get(0) as Compute, job);
    for (const compute of backends.values()) expectSame(await compute.conv(job), expected);
  });
});

/** Kernels that were called. */
function kernelsOf(map: ConvMap, text: string, { fused = false, workers = 0 } = {}): Set<string> {
  const empty = new BigUint64Array(0);
  const term = { x: empty, y: empty };
  const job: ConvJob = { map, shape: shapeOf(text), terms: fused ? [term, term] : [term] };
  return new Set(planConv(job, empty, workers).map(({ kernel }) => kernel));
}

describe.each(MAPS)('%s by fewer products', (map) => {
  // Halved once, twice and three times; kernels with even, odd and one tap left; odd numbers of values; padding that stands in the image.
  test.each([
    '2, 5x5x8, 2x2 -> 8, 1, 0',
    '2, 6x6x9, 5x5 -> 11, 1, 0',
    '1, 8x6x8, 3x3 -> 9, 1, 1',
    '2, 12x12x8, 5x5 -> 8, 1, 0',
    '1, 3x11x9, 2x4 -> 8, 1, 0',
    '3, 4x3x13, 3x2 -> 9, 1, 2',
    '1, 8x8x8, 9x9 -> 10, 1, 4',
    '1, 20x4x8, 13x3 -> 8, 1, 1',
  ])('%s', async (text) => {
    expect([...kernelsOf(map, text)]).toEqual([expect.stringMatching(/Split$/)]);
    const job = randomJob(map, shapeOf(text), false);
    expectSame(await backends.get(0)?.conv(job), convReference(job));
  });

  test('all ones', async () => {
    const shape = shapeOf('1, 8x8x8, 5x5 -> 8, 1, 2');
    const job = makeJob(map, shape, false, (length) => new BigUint64Array(length).fill(2n ** 64n - 1n));
    expectSame(await backends.get(0)?.conv(job), convReference(job));
  });

  // Images over several calls; bands of one image, the last of them odd; work for several workers.
  test.each(['65, 20x18x9, 5x3 -> 12, 1, 0', '1, 90x70x24, 3x3 -> 8, 1, 1', '1, 300x62x24, 3x3 -> 8, 1, 0'])(
    'several calls, %s',
    async (text) => {
      const job = randomJob(map, shapeOf(text), false);
      const expected = await unrolled(backends.get(0) as Compute, job);
      for (const compute of backends.values()) expectSame(await compute.conv(job), expected);
    },
  );

  test('nothing is halved where nothing is saved', () => {
    const whole = (text: string, fused = false): void =>
      expect([...kernelsOf(map, text, { fused })]).toEqual([expect.not.stringMatching(/Split$/)]);
    whole('2, 8x8x8, 3x3 -> 8, 1, 1', true);
    whole('2, 8x8x8, 3x3 -> 8, 2, 1');
    whole('2, 7x7x8, 3x3 -> 8, 1, 1');
    whole('2, 8x8x8, 1x3 -> 8, 1, 0');
    whole('2, 8x8x7, 3x3 -> 8, 1, 1');
    whole('2, 8x8x8, 3x3 -> 7, 1, 1');
  });
});

// In memory that is used again: pieces alone in their part, pieces that add up, rows and columns that no window reaches.
test.each([
  '2, 80x70x9, 3x3 -> 16, 1, 0',
  '3, 66x70x9, 3x3 -> 16, 4, 0',
  '3, 40x50x16, 2x2 -> 40, 3, 0',
  '9, 40x36x9, 3x3 -> 60, 1, 1',
])('whatever lies where the result goes, %s', async (text) => {
  const shape = shapeOf(text);
  for (const map of MAPS) {
    const job = randomJob(map, shape, false);
    const expected = await unrolled(backends.get(0) as Compute, job);
    for (const compute of backends.values()) {
      const used = fresh(expected.length).fill(0x55n);
      recycle(used);
      expectSame(await compute.conv(job), expected);
    }
  }
});

test('large jobs are cut into calls', () => {
  const empty = new BigUint64Array(0);
  const calls = (map: ConvMap, text: string, workers: number): number =>
    planConv({ map, shape: shapeOf(text), terms: [{ x: empty, y: empty }] }, empty, workers).length;
  for (const map of MAPS) {
    expect(calls(map, '128, 12x12x20, 5x5 -> 50, 1, 0', 3) % 3).toBe(0);
    expect(calls(map, '1, 224x224x64, 3x3 -> 64, 1, 1', 0)).toBeGreaterThan(20);
    expect(calls(map, '1, 28x28x20, 5x5 -> 50, 1, 0', 4)).toBe(4);
    expect(calls(map, '1, 2x2x512, 3x3 -> 512, 1, 1', 0)).toBeGreaterThan(2);
  }
});

test('every call fits a region, whatever the shape', () => {
  const size = fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 600 }));
  const kernel = fc.oneof(fc.integer({ min: 1, max: 11 }), size);
  const shapes = fc.record({
    batch: fc.integer({ min: 1, max: 200 }),
    height: size,
    width: size,
    channels: size,
    kernelHeight: kernel,
    kernelWidth: kernel,
    filters: size,
    stride: fc.integer({ min: 1, max: 12 }),
    padding: fc.integer({ min: 0, max: 12 }),
  });
  const two = fc.boolean();
  fc.assert(
    fc.property(fc.constantFrom(...MAPS), shapes, two, fc.integer({ min: 0, max: 4 }), (map, shape, two, workers) => {
      // A row of the image, or of the kernel for one tile of filters, must fit.
      fc.pre(convOutput(shape).every((length) => length > 0) && (shape.width + 24) * shape.channels < 300_000);
      fc.pre(shape.kernelWidth * shape.channels < 98_304);
      fc.pre(imageLength(shape) < 2 ** 26 && outputLength(shape) < 2 ** 26 && filterLength(shape) < 2 ** 26);
      const empty = new BigUint64Array(0);
      const term = { x: empty, y: empty };
      const calls = planConv({ map, shape, terms: two ? [term, term] : [term] }, empty, workers);
      // Some shapes take more calls than a function takes arguments.
      const largest = calls.reduce((most, { bytes }) => Math.max(most, bytes), 0);
      expect(largest).toBeLessThanOrEqual(REGION_BYTES);
    }),
  );
});

test('a call by fewer products writes nothing behind what it says that it takes', async () => {
  const memory = createMemory(2, false);
  const { exports } = new WebAssembly.Instance(await compileKernels('inline'), { env: { memory } });
  const view = viewOf(memory);
  const size = fc.integer({ min: 8, max: 20 });
  const taps = fc.integer({ min: 2, max: 9 });
  const halves = fc.integer({ min: 1, max: 8 });
  const padding = fc.integer({ min: 0, max: 2 });
  const sizes = fc.record({ channels: size, filters: size, kernelHeight: taps, kernelWidth: taps, halves, padding });
  fc.assert(
    fc.property(fc.constantFrom(...MAPS), sizes, (map, { halves, ...sizes }) => {
      const { kernelHeight, kernelWidth, padding } = sizes;
      const [height, width] = [kernelHeight, kernelWidth].map((kernel) => 2 * halves + kernel - 1 - 2 * padding);
      fc.pre(height > 0 && width > 0);
      const job = randomJob(map, { batch: 2, height, width, stride: 1, ...sizes }, false);
      for (const call of planConv(job, convResult(job, 0), 0)) {
        expect(call.kernel).toMatch(/Split$/);
        const behind = view.bytes.subarray(REGION_BASE + call.bytes, REGION_BASE + call.bytes + 65536).fill(0x55);
        (exports[call.kernel] as (...args: number[]) => void)(...call.load(view, REGION_BASE));
        expect(behind.every((byte) => byte === 0x55)).toBe(true);
      }
    }),
    { numRuns: 40 },
  );
});

test('operands may be parts of larger arrays and stay as they are', async () => {
  const shape = shapeOf('2, 6x5x3, 3x2 -> 4, 2, 1');
  for (const map of MAPS) {
    const random = new TestRandom(5);
    const make = (length: number): BigUint64Array => random.ring(length + 3).subarray(2, length + 2);
    const job = makeJob(map, shape, true, make);
    const operands = [...job.terms.flatMap(({ x, y }) => [x, y]), job.addend as BigUint64Array];
    const before = operands.map((values) => values.slice());
    expectSame(await backends.get(2)?.conv(job), convReference(job));
    operands.forEach((values, i) => expectSame(values, before[i]));
  }
});

test('sizes and operands are checked', async () => {
  const compute = backends.get(0) as Compute;
  const shape = shapeOf('3, 6x5x3, 3x2 -> 4, 2, 1');
  const job = randomJob('forward', shape, true);
  const conv = (change: Partial<ConvJob>): Promise<BigUint64Array> => compute.conv({ ...job, ...change });
  const sized = (change: Partial<ConvShape>): Promise<BigUint64Array> => conv({ shape: { ...shape, ...change } });
  const [term] = job.terms;

  await expect(sized({ stride: 0 })).rejects.toThrow('conv: stride must be an integer of at least 1, is 0');
  await expect(sized({ padding: -1 })).rejects.toThrow('conv: padding must be an integer of at least 0, is -1');
  await expect(sized({ channels: 1.5 })).rejects.toThrow('conv: channels must be');
  await expect(sized({ batch: 0 })).rejects.toThrow(RangeError);
  await expect(sized({ kernelHeight: 9 })).rejects.toThrow(
    'kernel (9,2) is larger than the image (6,5) with padding 1',
  );
  await expect(sized({ kernelWidth: 8 })).rejects.toThrow(RangeError);
  await expect(sized({ batch: 4 })).rejects.toThrow('conv: x[0] has 270 elements, image (4,6,5,3) expected');
  await expect(sized({ filters: 5 })).rejects.toThrow('conv: y[0] has 72 elements, filter (3,2,3,5) expected');
  await expect(conv({ map: 'inputGradient' })).rejects.toThrow('x[0] has 270 elements, output (3,3,3,4) expected');
  await expect(conv({ map: 'weightGradient' })).rejects.toThrow('y[0] has 72 elements, output (3,3,3,4) expected');
  await expect(conv({ addend: new BigUint64Array(3) })).rejects.toThrow(
    'addend has 3 elements, output (3,3,3,4) expected',
  );
  await expect(conv({ terms: [] })).rejects.toThrow('1 or 2 terms expected, found 0');
  await expect(conv({ terms: [term, term, term] })).rejects.toThrow('1 or 2 terms expected, found 3');

  const wide = makeJob('forward', shapeOf('1, 1x1x900000, 1x1 -> 1, 1, 0'), false, (n) => new BigUint64Array(n));
  await expect(compute.conv(wide)).rejects.toThrow('conv: a row of 1 pixels of 900000 channels');
});
