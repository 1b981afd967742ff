import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { BufferPool, USAGE } from '../../runtime/webgpu/buffers.ts';
import type { GemmJob } from '../../runtime/compute.ts';
import { openDevice } from '../../runtime/webgpu/device.ts';
import { Dispatcher } from '../../runtime/webgpu/dispatch.ts';
import { elementwiseStep } from '../../runtime/webgpu/elementwise.ts';
import { ResidentOperands } from '../../runtime/webgpu/resident.ts';
import { readShaderFile } from '../../runtime/webgpu/node.ts';
import { gemmReference } from '../reference/gemm.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';
import { openTestCompute, openTestDevice, testDawn } from './open.ts';

describe('device', () => {
  test('a fallback adapter is taken only when asked for', async () => {
    const dawn = await testDawn();
    await expect(openDevice(dawn)).rejects.toThrow(/no hardware adapter: .*SwiftShader.*computes on the CPU/);
    const gpu = await openDevice(dawn, { fallbackAdapter: true });
    expect(gpu).toMatchObject({ isFallback: true, packedDot: true });
    expect(gpu.adapter).toContain('SwiftShader');
    gpu.close();
  });

  test('the limits are those of the adapter', async () => {
    const gpu = await openTestDevice();
    // 128 MiB is what a device gets that asks for nothing.
    expect(gpu.maxBindingBytes).toBeGreaterThan(128 * 1024 * 1024);
    expect(gpu.device.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(gpu.maxBindingBytes);
    // The largest buffer that is asked for can be made.
    const { device } = gpu;
    device.pushErrorScope('out-of-memory');
    device.createBuffer({ size: gpu.maxBindingBytes, usage: USAGE.storage }).destroy();
    expect(await device.popErrorScope()).toBeNull();
    expect(new BufferPool(device).sizeFor(gpu.maxBindingBytes - 4)).toBeLessThanOrEqual(gpu.maxBindingBytes);
    gpu.close();
  });

  test('tells of an error that belongs to no call', async () => {
    const heard: string[] = [];
    const onError = (message: string): number => heard.push(message);
    const gpu = await openDevice(await testDawn(), { fallbackAdapter: true, onError });
    gpu.device.createBuffer({ size: 4, usage: 0xffff });
    await gpu.device.queue.onSubmittedWorkDone();
    expect(heard).toEqual([expect.stringMatching(/^Value 65535 is invalid for WGPUBufferUsage/)]);
    gpu.close();
  });

  test('without an adapter the error says what was tried', async () => {
    const none = { requestAdapter: () => Promise.resolve(null) } as unknown as GPU;
    await expect(openDevice(none)).rejects.toThrow(
      'webgpu: no hardware adapter: {"powerPreference":"high-performance"} gave none; {} gave none',
    );
  });

  test('a process ends once its compute is closed; errors that no call asked for are on its standard error', async () => {
    const script = `
      const { openTestCompute } = await import('./test/webgpu/open.ts');
      const { compute, gpu } = await openTestCompute('portable/small');
      gpu.device.createBuffer({ size: 4, usage: 0xffff });
      const one = new BigUint64Array([3n]);
      const product = await compute.gemm({ m: 1, k: 1, n: 1, terms: [{ a: one, b: one }] });
      await compute.close();
      console.log(String(product[0]));`;
    const root = join(import.meta.dirname, '../..');
    const arguments_ = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, arguments_, { cwd: root, timeout: 240_000 });
    expect(stdout).toBe('9\n');
    expect(stderr).toMatch(/^webgpu: Value 65535 is invalid for WGPUBufferUsage/m);
  });
});

test('a step of no workgroups is refused before the device sees it', async () => {
  const gpu = await openTestDevice();
  const values = new BigUint64Array(2);
  const step = elementwiseStep(gpu, { operation: 'add', x: values, y: values })!;
  await expect(new Dispatcher(gpu, readShaderFile).run({ ...step, groups: [0, 1, 1] })).rejects.toThrow(
    'webgpu: elementwise.wgsl: 0 x 1 x 1 workgroups',
  );
  gpu.close();
});

describe('a lost device', () => {
  const random = new TestRandom(3);
  const job = { m: 9, k: 40, n: 7, terms: [{ a: random.ring(360), b: random.ring(280) }] };

  test('leaves the product to the CPU, and the next ones', async () => {
    const reasons: string[] = [];
    const onLost = (reason: string): number => reasons.push(reason);
    const { gpu, compute } = await openTestCompute('portable/small', { productsOnCpu: true, onLost });
    expectSame(await compute.gemm(job), gemmReference(job));
    expect(reasons).toEqual([]);
    const underWay = [compute.gemm(job), compute.gemm(job)];
    gpu.device.destroy();
    for (const product of underWay) expectSame(await product, gemmReference(job));
    expectSame(await compute.gemm(job), gemmReference(job));
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toContain('destroyed');
    await compute.close();
  });

  test('by closing: a product then is an error', async () => {
    const { compute } = await openTestCompute('portable/small', { productsOnCpu: true });
    await compute.close();
    await expect(compute.gemm(job)).rejects.toThrow('webgpu: compute is closed');
  });
});

test('an operand that cannot be bound is left to the CPU', async () => {
  const gpu = await openTestDevice();
  const { compute } = await openTestCompute('portable/small', { gpu: { ...gpu, maxBindingBytes: 64 } });
  const of = (length: number): BigUint64Array => new BigUint64Array(length).fill(2n);
  const product = await compute.gemm({ m: 2, k: 2, n: 2, terms: [{ a: of(4), b: of(4) }] });
  expectSame(product, of(4).fill(8n));
  await expect(compute.gemm({ m: 3, k: 3, n: 1, terms: [{ a: of(9), b: of(3) }] })).rejects.toThrow('came to the CPU');
  await compute.close();
});

test('without a fixed kernel the first product of a shape is tried on all, then on the fastest', async () => {
  const choices: Record<string, string> = {};
  const store = {
    load: () => Promise.resolve(choices),
    save: (key: string, choice: string) => Promise.resolve(void (choices[key] = choice)),
  };
  const onWrong = (choice: string): never => {
    throw new Error(`${choice} is wrong`);
  };
  const { compute } = await openTestCompute(undefined, { productsOnCpu: true, store, onWrong });
  const random = new TestRandom(4);
  const job: GemmJob = { m: 5, k: 7, n: 3, terms: [{ a: random.ring(35), b: random.ring(21) }] };
  const reference = gemmReference(job);
  for (let i = 0; i < 2; i++) expectSame(await compute.gemm(job), reference);
  expect(Object.keys(choices)).toEqual(['webgpu gemm 5x7x3 nn 1']);
  // The CPU took part in the trial, but without `cpuWhereFaster` is not chosen.
  expect(choices['webgpu gemm 5x7x3 nn 1']).toMatch(/^(portable|bytes)\/(large|small)$/);
  await compute.close();
  await expect(openTestCompute('subgroup/wide-direct')).rejects.toThrow(
    'does not run subgroup/wide-direct; it runs portable/large, portable/small, bytes/large, bytes/small',
  );
});

describe('operands that stay on the device', () => {
  const random = new TestRandom(5);
  const job = (a: BigUint64Array, b: BigUint64Array): GemmJob => ({ m: 8, k: 8, n: 8, terms: [{ a, b }] });

  test('go up once, and give the same product', async () => {
    const gpu = await openTestDevice();
    const writes: number[] = [];
    const { queue } = gpu.device;
    const write = queue.writeBuffer.bind(queue);
    queue.writeBuffer = (...call: Parameters<typeof write>): undefined => {
      writes.push(call[0].size);
      return write(...call);
    };
    const { compute } = await openTestCompute('portable/small', { gpu });
    const [a, b] = [random.ring(64), random.ring(64)];
    compute.keep(a);
    const expected = gemmReference(job(a, b));
    for (let i = 0; i < 3; i++) expectSame(await compute.gemm(job(a, b)), expected);
    // 512 bytes an operand: a once, b each time; uniforms are smaller.
    expect(writes.filter((size) => size >= 512).length).toBe(4);
    await compute.close();
  });

  test('are bounded, the least recently used leaving first', async () => {
    const gpu = await openTestDevice();
    const pool = new BufferPool(gpu.device);
    const resident = new ResidentOperands(pool, 2_500);
    const arrays = Array.from({ length: 4 }, () => random.ring(100));
    const add = (values: BigUint64Array): void => {
      resident.add(values, pool.take(800, USAGE.storage));
      resident.trim();
    };
    add(arrays[0]);
    add(arrays[1]);
    expect(resident.find(arrays[0])).toBeDefined();
    add(arrays[2]);
    expect(arrays.map((values) => resident.find(values) !== undefined)).toEqual([true, false, true, false]);
    expect(resident.bytes).toBeLessThanOrEqual(2_500);
    expect(pool.usage.idle).toBeGreaterThanOrEqual(800);
    resident.clear();
    expect(resident.find(arrays[0])).toBeUndefined();
    expect(resident.bytes).toBe(0);
    gpu.close();
  });
});

describe('buffers', () => {
  test('are used again, and the idle ones bounded', async () => {
    const gpu = await openTestDevice();
    const pool = new BufferPool(gpu.device, 10_000, 5_000);
    const first = pool.take(1_000, USAGE.storage);
    pool.give(first);
    expect(pool.take(1_010, USAGE.storage)).toBe(first);
    expect(pool.take(1_000, USAGE.storage)).not.toBe(first);
    const many = Array.from({ length: 9 }, () => pool.take(1_000, USAGE.uniform));
    for (const buffer of many) pool.give(buffer);
    expect(pool.usage.idle).toBeLessThanOrEqual(5_000);
    expect(pool.usage.idle).toBeGreaterThan(3_000);
    gpu.close();
  });

  test('sizes hold what was asked for, in whole words, and at most a quarter more', async () => {
    const gpu = await openTestDevice();
    const pool = new BufferPool(gpu.device);
    for (const bytes of [1, 255, 256, 257, 2_047, 2_048, 2_049, 100_000, 1_000_001]) {
      const size = pool.sizeFor(bytes);
      expect(size).toBeGreaterThanOrEqual(bytes);
      expect(size % 4).toBe(0);
      expect(size).toBeLessThan(Math.max(513, 1.25 * bytes));
    }
    gpu.close();
  });

  test('a job waits for room; a larger one than all runs alone', async () => {
    const gpu = await openTestDevice();
    const pool = new BufferPool(gpu.device, 100);
    const log: string[] = [];
    const finish: (() => void)[] = [];
    const job = (name: string, bytes: number): Promise<void> =>
      pool.withRoom(bytes, async () => {
        log.push(name);
        await new Promise<void>((resolve) => finish.push(resolve));
      });
    const jobs = [job('a', 60), job('b', 40), job('c', 500), job('d', 10)];
    const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    await settled();
    expect(log).toEqual(['a', 'b']);
    finish[0]();
    await settled();
    expect(log).toEqual(['a', 'b']);
    finish[1]();
    await settled();
    expect(log).toEqual(['a', 'b', 'c']);
    finish[2]();
    await settled();
    expect(log).toEqual(['a', 'b', 'c', 'd']);
    finish[3]();
    await Promise.all(jobs);
    expect(pool.usage.room).toBe(0);
    gpu.close();
  });
});
