import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { BufferPool, USAGE } from '../../runtime/webgpu/buffers.ts';
import { openDevice } from '../../runtime/webgpu/device.ts';
import { loadDawn } from '../../runtime/webgpu/node.ts';
import { gemmReference } from '../reference/gemm.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';
import { openTestCompute, openTestDevice } from './open.ts';

describe('device', () => {
  test('a fallback adapter is taken only when asked for', async () => {
    const dawn = await loadDawn();
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
    gpu.close();
  });

  test('without an adapter the error says what was tried', async () => {
    const none = { requestAdapter: () => Promise.resolve(null) } as unknown as GPU;
    await expect(openDevice(none)).rejects.toThrow(
      'webgpu: no hardware adapter: {"powerPreference":"high-performance"} gave none; {} gave none',
    );
  });

  test('a process ends once its compute is closed', async () => {
    const script = `
      const { openTestCompute } = await import('./test/webgpu/open.ts');
      const { compute } = await openTestCompute('portable');
      const one = new BigUint64Array([3n]);
      const product = await compute.gemm({ m: 1, k: 1, n: 1, terms: [{ a: one, b: one }] });
      await compute.close();
      console.log(String(product[0]));`;
    const root = join(import.meta.dirname, '../..');
    const arguments_ = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, arguments_, { cwd: root, timeout: 50_000 });
    expect(stdout.trim()).toBe('9');
  });
});

describe('a lost device', () => {
  const random = new TestRandom(3);
  const job = { m: 9, k: 40, n: 7, terms: [{ a: random.ring(360), b: random.ring(280) }] };

  test('leaves the product to the CPU, and the next ones', async () => {
    const reasons: string[] = [];
    const onLost = (reason: string): number => reasons.push(reason);
    const { gpu, compute } = await openTestCompute('portable', { productsOnCpu: true, onLost });
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
    const { compute } = await openTestCompute('portable', { productsOnCpu: true });
    await compute.close();
    await expect(compute.gemm(job)).rejects.toThrow('webgpu: compute is closed');
  });
});

test('an operand that cannot be bound is left to the CPU', async () => {
  const gpu = await openTestDevice();
  const { compute } = await openTestCompute('portable', { gpu: { ...gpu, maxBindingBytes: 64 } });
  const of = (length: number): BigUint64Array => new BigUint64Array(length).fill(2n);
  const product = await compute.gemm({ m: 2, k: 2, n: 2, terms: [{ a: of(4), b: of(4) }] });
  expectSame(product, of(4).fill(8n));
  await expect(compute.gemm({ m: 3, k: 3, n: 1, terms: [{ a: of(9), b: of(3) }] })).rejects.toThrow('came to the CPU');
  await compute.close();
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
