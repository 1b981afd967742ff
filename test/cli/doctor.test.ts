import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Compute, ConvJob, GemmJob } from '../../runtime/compute.ts';
import type { Gpu } from '../../runtime/webgpu/device.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { convByDefinition, gemmByDefinition } from '../../src/cli/by-definition.ts';
import { doctor, examine, gpuKernels } from '../../src/cli/doctor.ts';
import { doctorLines, gpuAdvice, type DoctorReport } from '../../src/cli/doctor-report.ts';
import { kernelOf, selfTest, type Kernel } from '../../src/cli/self-test.ts';
import { convReference } from '../reference/conv.ts';
import { gemmReference } from '../reference/gemm.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';
import { openTestDevice } from '../webgpu/open.ts';
import { temporaryFolder } from '../folder.ts';

const NO_GPU = { tried: 'webgpu: no hardware adapter: {} gave none' };

let wasm: Compute;
let reference: Kernel;

beforeAll(async () => {
  wasm = await createWasmCompute({ workers: 0 });
  reference = kernelOf('wasm', wasm);
});

afterAll(() => wasm.close());

/** The CPU's products, but for one bit of one element of matrix products with more than 16 rows. */
function lyingKernel(): Kernel {
  return {
    ...reference,
    name: 'portable/lying',
    async gemm(job: GemmJob) {
      const product = (await wasm.gemm(job)).slice();
      if (job.m > 16) product[product.length - 1] ^= 1n << 63n;
      return product;
    },
  };
}

describe('self-test', () => {
  it('passes a kernel that is right, and one without room for anything', async () => {
    const small: Kernel = { ...reference, name: 'small', gemm: () => Promise.resolve(undefined) };
    const [right, some] = await selfTest([{ ...reference, name: 'right' }, small], reference, 0);
    expect(right).toEqual({ kernel: 'right', products: 15, failure: null });
    expect(some).toEqual({ kernel: 'small', products: 9, failure: null });
  });

  it('goes on with random shapes for the time it is given', async () => {
    // A clock that goes on by 10 ms whenever it is read: at the start, then before each random product.
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 10));
    const [{ products, failure }] = await selfTest([reference], reference, 200);
    clock.mockRestore();
    expect(failure).toBeNull();
    expect(products).toBe(15 + 19);
  });

  it('finds one bit that is wrong, and names shape and element', async () => {
    const [lying, right] = await selfTest([lyingKernel(), reference], reference, 0);
    expect(lying.products).toBe(1);
    expect(lying.failure).toMatch(/^\(17,33\) x \(33,9\), 2 terms, B transposed: element 152 is \d+, expected \d+$/);
    expect(right.failure).toBeNull();
  });

  it('takes an error and a result of another length for failures', async () => {
    const failing: Kernel = { ...reference, name: 'failing', gemm: () => Promise.reject(new Error('no pipeline')) };
    const short: Kernel = { ...reference, name: 'short', conv: () => Promise.resolve(new BigUint64Array(3)) };
    const [first, second] = await selfTest([failing, short], reference, 0);
    expect(first.failure).toBe('(1,1) x (1,1), 1 terms: no pipeline');
    expect(second.failure).toMatch(/^conv forward .*: 3 elements, expected \d+$/);
  });

  it.each([false, true])('definitions are those of the tests, transposed: %s', (transposed) => {
    const random = new TestRandom(4);
    const gemm: GemmJob = {
      ...{ m: 5, k: 7, n: 3, transposeA: transposed, transposeB: transposed },
      terms: [0, 1].map(() => ({ a: random.ring(35), b: random.ring(21) })),
      addend: random.ring(15),
    };
    expectSame(gemmByDefinition(gemm), gemmReference(gemm));
    const shape = { batch: 2, height: 6, width: 5, channels: 3, kernelHeight: 3, kernelWidth: 2, filters: 4 };
    const sizes = { image: 180, filter: 72, output: 2 * 3 * 3 * 4 };
    const forward: ConvJob = {
      map: 'forward',
      shape: { ...shape, stride: 2, padding: 1 },
      terms: [{ x: random.ring(sizes.image), y: random.ring(sizes.filter) }],
    };
    const error = random.ring(sizes.output);
    const [{ x, y }] = forward.terms;
    for (const job of [
      forward,
      { ...forward, map: 'inputGradient', terms: [{ x: error, y }] } as const,
      { ...forward, map: 'weightGradient', terms: [{ x, y: error }] } as const,
    ]) {
      expectSame(convByDefinition(job), convReference(job));
    }
  });
});

describe('report', () => {
  it('without an adapter: a note with what was tried and what to install', async () => {
    const report = await examine(NO_GPU, 0, []);
    expect(report).toMatchObject({ ok: true, gpu: null, wasmSimd: true, nodeOk: true, threads: { ok: true } });
    const text = doctorLines(report).join('\n');
    expect(text).toContain('note  no GPU');
    expect(text).toContain(`tried: ${NO_GPU.tried}`);
    expect(text).toContain(gpuAdvice(process.platform));
    expect(text).toContain('kernel wasm: 15 products right');
    expect(text).toMatch(/This machine can run securenn, without a GPU; 1 kernel tested in \d+\.\d s\.$/);
    expect(text).not.toContain('FAIL');
  });

  it('with a kernel that computes wrong', async () => {
    const report = await examine(NO_GPU, 0, [lyingKernel()]);
    expect(report.ok).toBe(false);
    const text = doctorLines(report).join('\n');
    expect(text).toMatch(/^FAIL {2}kernel portable\/lying: WRONG: \(17,33\)/m);
    expect(text).toMatch(/cannot be trusted with securenn: 1 of 2 kernels compute wrong\.$/);
  });

  it('of an old Node, without SIMD or threads', async () => {
    const good = await examine(NO_GPU, 0, []);
    const bad: DoctorReport = {
      ...good,
      ok: false,
      nodeOk: false,
      wasmSimd: false,
      threads: { ok: false, failure: 'no memory' },
    };
    const text = doctorLines(bad).join('\n');
    expect(text.match(/^FAIL/gm)).toHaveLength(3);
    expect(text).toContain('20.19 or later is needed');
    expect(text).toContain('worker threads: no memory');
    expect(text).toContain('Node is too old; there is no WebAssembly SIMD; worker threads fail.');
  });

  it('of a GPU: driver, limits, features and tiers', async () => {
    const good = await examine(NO_GPU, 0, []);
    const report: DoctorReport = {
      ...good,
      gpuMissing: null,
      gpu: {
        ...{
          adapter: 'nvidia hopper',
          vendor: 'nvidia',
          architecture: 'hopper',
          device: 'h200',
          driver: 'NVIDIA: 580',
        },
        software: false,
        limits: {
          maxBufferSize: 2 ** 32,
          maxStorageBufferBindingSize: 2 ** 31,
          maxComputeWorkgroupStorageSize: 48 * 1024,
          maxComputeInvocationsPerWorkgroup: 1024,
          maxComputeWorkgroupsPerDimension: 65535,
        },
        ...{ features: ['subgroups'], packedDot: true, subgroupSizes: [32, 32] },
        subgroupMatrices: ['u8 16x16x32 u32'],
        kernels: ['portable/large', 'subgroup/wide-direct', 'subgroup/wide-staged'],
      },
    };
    const text = doctorLines(report).join('\n');
    for (const part of [
      'ok    GPU nvidia hopper',
      'driver: NVIDIA: 580',
      'buffers to 4 GiB, operands to 2 GiB, workgroups of 1024 threads and 48 KiB',
      'subgroups of 32 lanes; matrices: u8 16x16x32 u32',
      'tier portable: large\n',
      'tier bytes: none',
      'tier subgroup: wide-direct, wide-staged\n',
      'This machine can run securenn; ',
    ]) {
      expect(text).toContain(part);
    }
  });

  it.each([
    ['linux', /libvulkan1.*mesa-vulkan-drivers.*NVIDIA/],
    ['darwin', /nothing has to be installed.*Metal/],
    ['win32', /nothing has to be installed.*Direct3D/],
    ['freebsd', /builds for Linux, macOS and Windows/],
  ] as const)('advice for %s', (platform, advice) => expect(gpuAdvice(platform)).toMatch(advice));
});

describe('the command', () => {
  beforeEach(() => {
    vi.spyOn(console, 'log').mockReturnValue(undefined);
    return () => vi.restoreAllMocks();
  });

  it('without a hardware adapter says so, and that is no failure', async () => {
    const json = join(temporaryFolder('doctor'), 'doctor.json');
    await doctor({ json, seconds: 0 }, new AbortController().signal);
    const report = JSON.parse(readFileSync(json, 'utf8')) as DoctorReport;
    expect(report).toMatchObject({ command: 'doctor', ok: true, gpu: null });
    expect(report.gpuMissing?.tried).toContain('no hardware adapter');
    expect(vi.mocked(console.log).mock.calls.flat().join('\n')).toContain('note  no GPU');
  });

  it('refuses a pattern that is none', async () => {
    const run = doctor({ seconds: 0, choices: '(' }, new AbortController().signal);
    await expect(run).rejects.toThrow(/--choices: Invalid regular expression/);
  });

  it('refuses a time that is none', async () => {
    const run = doctor({ seconds: 'x' }, new AbortController().signal);
    await expect(run).rejects.toThrow('--seconds: expected a number from 0 to 3600, found "x"');
  });
});

describe('on SwiftShader', () => {
  let gpu: Gpu;

  beforeAll(async () => {
    gpu = await openTestDevice();
  });

  afterAll(() => gpu.close());

  // One kernel, since SwiftShader takes seconds to compile each; the tests of the kernels have the others.
  it('a kernel is tested, and the adapter described', async () => {
    const kernels = gpuKernels(gpu).filter(({ name }) => name === 'portable/small');
    const report = await examine({ gpu }, 0, kernels);
    expect(report.selfTest).toEqual([
      { kernel: 'wasm', products: 15, failure: null },
      { kernel: 'portable/small', products: 15, failure: null },
    ]);
    expect(report).toMatchObject({ ok: true, gpu: { software: true, packedDot: true, subgroupMatrices: [] } });
    expect(report.gpu?.adapter).toContain('SwiftShader');
    expect(doctorLines(report).join('\n')).toContain('computes on the CPU, for tests only');
  });
});
