/** A GPU compute on SwiftShader, for the tests of this folder. Throws where there is no adapter: a test without one has not passed. */
import type { Compute, GemmJob } from '../../runtime/compute.ts';
import { openDevice, type Gpu } from '../../runtime/webgpu/device.ts';
import { loadDawn, readShaderFile } from '../../runtime/webgpu/node.ts';
import type { Choice } from '../../runtime/webgpu/choices.ts';
import { createWebgpuCompute, type WebgpuOptions } from '../../runtime/webgpu/webgpu.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';

/** The kernels that SwiftShader runs; the large tiles differ in their constants only and are tested on fewer shapes. */
export const SMALL_TILES: readonly Choice[] = ['portable/small', 'bytes/small'];
export const LARGE_TILES: readonly Choice[] = ['portable/large', 'bytes/large'];

let dawn: Promise<GPU> | undefined;

/**
 * The one instance of Dawn of a test file. The collector must not take an instance while a device of another one works: on a busy machine
 * that ended the process now and then (webgpu 0.6.2: "terminate called after throwing an instance of 'std::system_error'").
 */
export function testDawn(): Promise<GPU> {
  return (dawn ??= loadDawn());
}

export async function openTestDevice(): Promise<Gpu> {
  return openDevice(await testDawn(), { fallbackAdapter: true });
}

export interface TestCompute {
  readonly compute: Compute;
  readonly gpu: Gpu;
}

/** A compute whose CPU refuses products, so that a product that leaves the GPU fails its test. */
export async function openTestCompute(
  choice: Choice | undefined,
  options: Partial<WebgpuOptions> & { readonly productsOnCpu?: boolean } = {},
): Promise<TestCompute> {
  const gpu = await openTestDevice();
  const cpu = await createWasmCompute({ workers: 0 });
  if (options.productsOnCpu !== true) {
    const gemm = cpu.gemm.bind(cpu);
    const refuse = (): Promise<never> => Promise.reject(new Error('a product came to the CPU'));
    const empty = ({ m, k, n }: GemmJob): boolean => m * k * n === 0;
    cpu.gemm = (job) => (empty(job) ? gemm(job) : refuse());
    cpu.conv = refuse;
  }
  const only = choice === undefined ? {} : { choice };
  return { gpu, compute: createWebgpuCompute({ gpu, cpu, readShader: readShaderFile, ...only, ...options }) };
}
