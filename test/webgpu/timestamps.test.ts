/** What the device says a product took. Durations are compared with what must contain them, never with a figure. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Compute, GemmJob } from '../../runtime/compute.ts';
import { productStep } from '../../runtime/webgpu/choices.ts';
import { openDevice, type Gpu } from '../../runtime/webgpu/device.ts';
import { Dispatcher } from '../../runtime/webgpu/dispatch.ts';
import { gemmProduct } from '../../runtime/webgpu/gemm.ts';
import { readShaderFile } from '../../runtime/webgpu/node.ts';
import { nanosecondsBetween } from '../../runtime/webgpu/timestamps.ts';
import { gemmReference } from '../reference/gemm.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';
import { openTestCompute, openTestDevice, testDawn } from './open.ts';

const random = new TestRandom(11);
const job: GemmJob = { m: 33, k: 50, n: 20, terms: [{ a: random.ring(1650), b: random.ring(1000) }] };
const expected = gemmReference(job);

/** A device of an adapter that offers no features. */
async function openWithoutTimestamps(): Promise<Gpu> {
  const dawn = await testDawn();
  const plain = {
    wgslLanguageFeatures: dawn.wgslLanguageFeatures,
    async requestAdapter(options: GPURequestAdapterOptions) {
      const adapter = (await dawn.requestAdapter(options)) as GPUAdapter;
      const { info, limits } = adapter;
      const requestDevice = (descriptor: GPUDeviceDescriptor): Promise<GPUDevice> => adapter.requestDevice(descriptor);
      return { info, limits, features: new Set(), requestDevice };
    },
  };
  return openDevice(plain as unknown as GPU, { fallbackAdapter: true });
}

describe('nanoseconds of a product', () => {
  // One for all: SwiftShader takes seconds to compile a kernel.
  let compute: Compute;

  beforeAll(async () => {
    ({ compute } = await openTestCompute('portable/small', { timestamps: true }));
  });

  afterAll(() => compute.close());

  test('are more than none, and no more than the call took', async () => {
    for (let i = 0; i < 3; i++) {
      const start = performance.now();
      const result = await compute.gemm(job);
      const elapsed = performance.now() - start;
      expectSame(result, expected);
      const nanoseconds = compute.gpuNanoseconds?.(result);
      expect(nanoseconds).toBeGreaterThan(0);
      expect(nanoseconds).toBeLessThanOrEqual(1e6 * elapsed);
    }
  });

  test('are each product’s own when several are under way', async () => {
    const { compute } = await openTestCompute('bytes/small', { timestamps: true });
    await compute.gemm(job);
    const start = performance.now();
    const results = await Promise.all(Array.from({ length: 6 }, () => compute.gemm(job)));
    const elapsed = performance.now() - start;
    const all = results.map((result) => compute.gpuNanoseconds?.(result) ?? 0);
    for (const nanoseconds of all) expect(nanoseconds).toBeGreaterThan(0);
    // They ran one after the other: a time that held another's would make the sum too large.
    expect(all.reduce((sum, nanoseconds) => sum + nanoseconds)).toBeLessThanOrEqual(1e6 * elapsed);
    await compute.close();
  });

  test('are not known unless asked for, nor of what the CPU computed', async () => {
    const untimed = await openTestCompute('portable/small');
    expect(untimed.compute.gpuNanoseconds?.(await untimed.compute.gemm(job))).toBeUndefined();
    await untimed.compute.close();
    const empty = await compute.gemm({ m: 2, k: 0, n: 3, terms: [{ a: random.ring(0), b: random.ring(0) }] });
    expect(compute.gpuNanoseconds?.(empty)).toBeUndefined();
    expect(compute.gpuNanoseconds?.(Uint8Array.of(1))).toBeUndefined();
  });

  test('are not known on a device without timestamps, and nothing fails', async () => {
    const { compute } = await openTestCompute('portable/small', {
      gpu: await openWithoutTimestamps(),
      timestamps: true,
    });
    const result = await compute.gemm(job);
    expectSame(result, expected);
    expect(compute.gpuNanoseconds?.(result)).toBeUndefined();
    await compute.close();
  });

  test('are none where the driver’s times say nothing', () => {
    expect(nanosecondsBetween(5n, 12n)).toBe(7);
    for (const [begin, end] of [
      [0n, 0n],
      [0n, 12n],
      [12n, 0n],
      [12n, 5n],
      [12n, 12n],
    ]) {
      expect(nanosecondsBetween(begin, end)).toBeUndefined();
    }
  });
});

describe('time of a call of kernels', () => {
  let gpu: Gpu;

  beforeAll(async () => {
    gpu = await openTestDevice();
  });

  afterAll(() => gpu.close());

  test('by the device’s clock is part of that by the wall clock', async () => {
    // Two kernels, the product cut into parts and their sum, between the same two times.
    const step = productStep(gpu, 'portable/small', gemmProduct({ ...job })!, 64)!;
    const { wall, gpu: onDevice } = await new Dispatcher(gpu, readShaderFile).time(step, 5);
    expect(onDevice).toBeGreaterThan(0);
    expect(onDevice).toBeLessThanOrEqual(wall);
  });

  test('is by the wall clock alone without timestamps', async () => {
    const without = await openWithoutTimestamps();
    const step = productStep(without, 'portable/small', gemmProduct(job)!)!;
    const { wall, gpu: onDevice } = await new Dispatcher(without, readShaderFile).time(step, 1);
    expect(wall).toBeGreaterThan(0);
    expect(onDevice).toBeUndefined();
    without.close();
  });
});
