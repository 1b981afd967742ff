/** The split of operands into byte planes, tier (c)'s first step, on a device against its twin; it needs no subgroup matrices. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convOutput, type ConvJob, type ConvMap, type ConvShape, type GemmJob } from '../../runtime/compute.ts';
import { convProduct } from '../../runtime/webgpu/conv.ts';
import type { Gpu } from '../../runtime/webgpu/device.ts';
import { Dispatcher } from '../../runtime/webgpu/dispatch.ts';
import { gemmProduct } from '../../runtime/webgpu/gemm.ts';
import { readShaderFile } from '../../runtime/webgpu/node.ts';
import type { Product } from '../../runtime/webgpu/product.ts';
import { SUBGROUP_VARIANTS, planSubgroup } from '../../runtime/webgpu/subgroupPlan.ts';
import { planesStep } from '../../runtime/webgpu/subgroupProduct.ts';
import { TestRandom } from '../reference/random.ts';
import { openTestDevice } from './open.ts';
import { elementsOf, splitTwin, type Element } from './subgroupTwin.ts';

const VARIANTS = SUBGROUP_VARIANTS.filter(({ name }) => ['wide-direct', 'thin-narrow'].includes(name));
const random = new TestRandom(21);

let gpu: Gpu;
let dispatcher: Dispatcher;

beforeAll(async () => {
  gpu = await openTestDevice();
  dispatcher = new Dispatcher(gpu, readShaderFile);
});

afterAll(() => gpu.close());

async function expectPlanes(product: Product, elements: readonly [Element, Element]): Promise<void> {
  const { m, k, n, terms } = product;
  for (const variant of VARIANTS) {
    const plan = planSubgroup(product, terms.length, variant);
    for (const side of [0, 1] as const) {
      const operand = [plan.left, plan.right][side];
      const found = await dispatcher.run(planesStep(gpu, side, operand, product));
      const expected = splitTwin(operand, [m, n][side], k, terms.length, elements[side]);
      expect(Buffer.compare(Buffer.from(found.buffer), expected)).toBe(0);
    }
  }
}

test.each([
  { m: 17, k: 37, n: 5, transposeA: false, transposeB: false },
  { m: 3, k: 64, n: 33, transposeA: true, transposeB: true },
  { m: 1, k: 1, n: 1, transposeA: false, transposeB: true },
])('of a matrix product, %o', async (sizes) => {
  const { m, k, n } = sizes;
  for (const terms of [1, 2]) {
    const operands = Array.from({ length: terms }, () => ({ a: random.ring(m * k), b: random.ring(k * n) }));
    const job: GemmJob = { ...sizes, terms: operands };
    await expectPlanes(gemmProduct(job) as Product, elementsOf(job));
  }
});

describe.each<ConvMap>(['forward', 'inputGradient', 'weightGradient'])('of a convolution, %s', (map) => {
  const base = { batch: 2, height: 5, width: 4, channels: 3, kernelHeight: 3, kernelWidth: 2, filters: 2 };
  test.each<ConvShape>([
    { ...base, stride: 1, padding: 0 },
    { ...base, stride: 2, padding: 2 },
    { ...base, channels: 1, stride: 3, padding: 1 },
  ])('%o', async (shape) => {
    const { batch, height, width, channels, kernelHeight, kernelWidth, filters } = shape;
    const image = batch * height * width * channels;
    const filter = kernelHeight * kernelWidth * channels * filters;
    const output = batch * convOutput(shape)[0] * convOutput(shape)[1] * filters;
    const [x, y] = { forward: [image, filter], inputGradient: [output, filter], weightGradient: [image, output] }[map];
    const job: ConvJob = { map, shape, terms: [0, 1].map(() => ({ x: random.ring(x), y: random.ring(y) })) };
    await expectPlanes(convProduct(job), convElements(job));
  });
});

/** The operands of a convolution as a product's, by definition: rows, inner dimension and columns as in convOperands.wgsl. */
function convElements({ map, shape, terms }: ConvJob): [Element, Element] {
  const { height, width, channels, kernelWidth, filters, stride, padding } = shape;
  const [outHeight, outWidth] = convOutput(shape);
  const patch = (term: number, window: number, place: number): bigint => {
    const tap = Math.floor(place / channels);
    const line = Math.floor(window / outWidth);
    const y = (line % outHeight) * stride + Math.floor(tap / kernelWidth) - padding;
    const x = (window % outWidth) * stride + (tap % kernelWidth) - padding;
    if (y < 0 || x < 0 || y >= height || x >= width) return 0n;
    return terms[term].x[((Math.floor(line / outHeight) * height + y) * width + x) * channels + (place % channels)];
  };
  const error = (term: number, pixel: number, place: number): bigint => {
    const tap = Math.floor(place / filters);
    const line = Math.floor(pixel / width);
    const y = ((line % height) + padding - Math.floor(tap / kernelWidth)) / stride;
    const x = ((pixel % width) + padding - (tap % kernelWidth)) / stride;
    if (!Number.isInteger(y) || !Number.isInteger(x)) return 0n;
    if (y < 0 || x < 0 || y >= outHeight || x >= outWidth) return 0n;
    return terms[term].x[((Math.floor(line / height) * outHeight + y) * outWidth + x) * filters + (place % filters)];
  };
  switch (map) {
    case 'forward':
      return [patch, (term, column, inner) => terms[term].y[inner * filters + column]];
    case 'inputGradient':
      return [
        error,
        (term, channel, inner) =>
          terms[term].y[(Math.floor(inner / filters) * channels + channel) * filters + (inner % filters)],
      ];
    case 'weightGradient':
      return [
        (term, place, window) => patch(term, window, place),
        (term, column, window) => terms[term].y[window * filters + column],
      ];
  }
}
