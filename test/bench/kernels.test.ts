/** What bench/kernels rests on: its checks find what is wrong, its shapes are what they say, its ceiling kernels compile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesTwin, ceilingReader, matrixFile, matrixTwin, wordsTwin } from '../../bench/kernels/ceiling.ts';
import { projects, randomElements, same } from '../../bench/kernels/check.ts';
import { benchShapes, bytesOf, makeJob, multiplyAdds, sizes } from '../../bench/kernels/shapes.ts';
import type { Compute } from '../../runtime/compute.ts';
import { SUBGROUP_MATRICES } from '../../runtime/webgpu/device.ts';
import { loadDawn } from '../../runtime/webgpu/node.ts';
import { SUBGROUP_VARIANTS } from '../../runtime/webgpu/subgroupPlan.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';

let cpu: Compute;
/** Dawn keeps the process alive while it is held. */
let dawn: GPU | undefined;

beforeAll(async () => {
  cpu = await createWasmCompute({ workers: 0 });
});

afterAll(async () => {
  dawn = undefined;
  await cpu.close();
});

describe('projections', () => {
  it.each([
    { transposeA: false, transposeB: false, terms: 1 },
    { transposeA: true, transposeB: false, terms: 2 },
    { transposeA: false, transposeB: true, terms: 2 },
  ])('pass what is right and no wrong row, %o', async ({ terms, ...transposed }) => {
    const [m, k, n] = [20, 31, 17];
    const operands = Array.from({ length: terms }, () => ({ a: randomElements(m * k), b: randomElements(k * n) }));
    const job = { m, k, n, ...transposed, terms: operands, ...(terms === 2 ? { addend: randomElements(m * n) } : {}) };
    const product = await cpu.gemm(job);
    expect(await projects(cpu, job, product)).toBe(true);
    // The top bit alone is what is hardest to see: half of all projections miss it.
    const wrong = product.slice();
    wrong[5 * n + 3] ^= 1n << 63n;
    expect(await projects(cpu, job, wrong)).toBe(false);
    expect(same(product, wrong)).toBe(false);
  });
});

describe('shapes', () => {
  it('are jobs the CPU takes, with the bytes and the work they say', async () => {
    for (const shape of benchShapes(true)) {
      expect(multiplyAdds(shape)).toBeLessThanOrEqual(2 ** 20);
      const job = makeJob(shape);
      const result = await (job.kind === 'gemm' ? cpu.gemm(job.job) : cpu.conv(job.job));
      expect(bytesOf(job).down).toBe(result.byteLength);
    }
  });

  it('cover a step of the networks, each product once', () => {
    const shapes = benchShapes(false);
    const names = shapes.map(({ name }) => name);
    for (const name of ['square 256', 'square 4096', 'A/0 dense, weight gradient', 'C/3 conv2d, input gradient']) {
      expect(names).toContain(name);
    }
    for (const network of ['A', 'B', 'C', 'D', 'AlexNet-CIFAR', 'AlexNet-ImageNet', 'VGG16-CIFAR', 'VGG16-ImageNet']) {
      expect(names.some((name) => name.startsWith(`${network}/`))).toBe(true);
    }
    expect(names).not.toContain('C/0 conv2d, input gradient');
    expect(new Set(names).size).toBe(names.length);
    const conv2 = shapes.find(({ name }) => name === 'C/3 conv2d, forward')!;
    expect(sizes(conv2)).toBe('128x12x12x20, 5x5, stride 1, padding 0, 50 filters, 2 terms');
    expect(multiplyAdds(conv2)).toBe(2 * 128 * 64 * 50 * 500);
  });
});

describe('ceilings', () => {
  it('twins', () => {
    expect(wordsTwin(2 ** 32 - 1, 2 ** 32 - 1, 5)).toBe(6);
    expect(bytesTwin(0x01020304, 0x05060708, 9)).toBe(5 + 12 + 21 + 32 + 9);
    expect(bytesTwin(0xffffffff, 0xffffffff, 2 ** 32 - 1)).toBe(4 * 255 * 255 - 1);
    const left = new Uint8Array(8 * 2 * 16).fill(255);
    const product = matrixTwin(left, new Uint8Array(2 * 16).fill(255), { M: 2, N: 2, K: 16 }, 3);
    expect(product).toEqual(new Uint32Array(32).fill(3 * 16 * 255 * 255));
  });

  it('the matrix kernel compiles for every shape, on the null backend', async () => {
    dawn = await loadDawn(['backend=null']);
    const adapter = await dawn.requestAdapter();
    const device = await adapter!.requestDevice({ requiredFeatures: ['subgroups', SUBGROUP_MATRICES] });
    for (const file of new Set(SUBGROUP_VARIANTS.map(matrixFile))) {
      const code = await ceilingReader(SUBGROUP_VARIANTS)(file);
      device.pushErrorScope('validation');
      const module = device.createShaderModule({ code });
      device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } });
      expect((await device.popErrorScope())?.message).toBeUndefined();
    }
    device.destroy();
  });
});
