import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { convOutput, type ConvJob, type ConvMap, type ConvShape } from '../../runtime/compute.ts';
import { ROLES, lengths } from '../../runtime/wasm/convPlan.ts';
import { convReference } from '../reference/conv.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';
import { LARGE_TILES, SMALL_TILES, openTestCompute, type TestCompute } from './open.ts';

const MAPS: readonly ConvMap[] = ['forward', 'inputGradient', 'weightGradient'];

/** Two terms and an addend, or one term alone. */
function makeJob(map: ConvMap, shape: ConvShape, fused: boolean, make: (length: number) => BigUint64Array): ConvJob {
  const { x, y, out } = ROLES[map];
  const of = lengths(shape);
  const terms = Array.from({ length: fused ? 2 : 1 }, () => ({ x: make(of[x]), y: make(of[y]) }));
  return { map, shape, terms, ...(fused ? { addend: make(of[out]) } : {}) };
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

describe.each(SMALL_TILES)('conv, %s', (choice) => {
  let opened: TestCompute;

  beforeAll(async () => {
    opened = await openTestCompute(choice);
  });

  afterAll(() => opened.compute.close());

  describe.each(MAPS)('%s', (map) => {
    test.each([
      '1, 1x1x1, 1x1 -> 1, 1, 0',
      '2, 5x4x3, 1x1 -> 6, 1, 0',
      '2, 5x4x3, 1x1 -> 2, 3, 2',
      '2, 9x8x2, 3x2 -> 3, 2, 1',
      '2, 11x7x3, 2x5 -> 4, 3, 2',
      // padding beyond what the kernel needs, and beyond the kernel; the stride passes pixels by
      '1, 4x5x2, 2x3 -> 3, 1, 4',
      '2, 8x9x2, 2x1 -> 3, 4, 1',
      '1, 2x3x1, 1x2 -> 1, 3, 7',
      // kernel as large as the image, or as the padded one
      '3, 5x6x2, 5x6 -> 7, 1, 0',
      '2, 3x4x2, 7x8 -> 3, 1, 2',
      // pixels behind the last window
      '2, 10x9x1, 4x4 -> 5, 5, 0',
      // more rows, columns and steps than a tile
      '2, 6x6x13, 5x5 -> 3, 1, 2',
      '1, 5x5x23, 3x4 -> 26, 2, 1',
      // for the weight gradient an inner dimension in parts: 1152 windows
      '2, 24x24x2, 3x3 -> 3, 1, 1',
    ])('%s', async (text) => {
      for (const fused of [false, true]) {
        const job = randomJob(map, shapeOf(text), fused);
        expectSame(await opened.compute.conv(job), convReference(job));
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
          expectSame(await opened.compute.conv(job), convReference(job));
        }),
        { numRuns: 25 },
      );
    });

    test('all ones', async () => {
      const shape = shapeOf('2, 7x7x6, 5x5 -> 5, 1, 2');
      const job = makeJob(map, shape, true, (length) => new BigUint64Array(length).fill(2n ** 64n - 1n));
      expectSame(await opened.compute.conv(job), convReference(job));
    });
  });
});

describe.each(LARGE_TILES)('conv, %s', (choice) => {
  // One for all: SwiftShader takes seconds to compile a kernel.
  let opened: TestCompute;

  beforeAll(async () => {
    opened = await openTestCompute(choice);
  });

  afterAll(() => opened.compute.close());

  test.each(MAPS)('%s', async (map) => {
    for (const text of ['2, 12x12x34, 1x1 -> 65, 1, 0', '2, 9x8x5, 3x2 -> 3, 2, 1', '2, 24x24x2, 3x3 -> 3, 1, 1']) {
      const job = randomJob(map, shapeOf(text), true);
      expectSame(await opened.compute.conv(job), convReference(job));
    }
  });
});
