/** A GPU compute on SwiftShader, for the tests of this folder. Throws where there is no adapter: a test without one has not passed. */
import type { Compute } from '../../runtime/compute.ts';
import { openDevice, type Gpu } from '../../runtime/webgpu/device.ts';
import { loadDawn, readShaderFile } from '../../runtime/webgpu/node.ts';
import type { Tier } from '../../runtime/webgpu/product.ts';
import { createWebgpuCompute, type WebgpuOptions } from '../../runtime/webgpu/webgpu.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';

export const TIERS: readonly Tier[] = ['portable', 'bytes'];

export async function openTestDevice(): Promise<Gpu> {
  return openDevice(await loadDawn(), { fallbackAdapter: true });
}

export interface TestCompute {
  readonly compute: Compute;
  readonly gpu: Gpu;
}

/** A compute whose CPU refuses products, so that a product that leaves the GPU fails its test. */
export async function openTestCompute(
  tier: Tier,
  options: Partial<WebgpuOptions> & { readonly productsOnCpu?: boolean } = {},
): Promise<TestCompute> {
  const gpu = await openTestDevice();
  const cpu = await createWasmCompute({ workers: 0 });
  if (options.productsOnCpu !== true) {
    const refuse = (): never => {
      throw new Error('a product came to the CPU');
    };
    cpu.gemm = refuse;
    cpu.conv = refuse;
  }
  return { gpu, compute: createWebgpuCompute({ gpu, cpu, readShader: readShaderFile, tier, ...options }) };
}
