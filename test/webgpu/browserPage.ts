/** Runs in the browser, loaded by browser.test.ts: the backend as in Node, but for where the adapter and the shaders come from. */
import type { Compute } from '../../runtime/compute.ts';
import { fetchShader } from '../../runtime/webgpu/browser.ts';
import { listChoices, type Choice } from '../../runtime/webgpu/choices.ts';
import { openDevice, type Gpu } from '../../runtime/webgpu/device.ts';
import { createWebgpuCompute } from '../../runtime/webgpu/webgpu.ts';
import { makeJobs } from './browserJobs.ts';

/** A result's elements in decimal: BigInts do not pass from page to test. */
export type Result = readonly string[];

export interface Products {
  readonly gemm: readonly Result[];
  readonly conv: readonly Result[];
  /** Of each product; null where the browser's clock is too coarse. */
  readonly nanoseconds: readonly (number | null)[];
}

/** What takes the place of the CPU's kernels: a product that came here would fail the test. */
const noCpu = { name: 'wasm', close: () => Promise.resolve() } as unknown as Compute;

function open(): Promise<Gpu> {
  const { navigator } = globalThis as unknown as { readonly navigator: { readonly gpu: GPU } };
  return openDevice(navigator.gpu, { fallbackAdapter: true });
}

export async function describeDevice(): Promise<{ readonly adapter: string; readonly choices: readonly Choice[] }> {
  const gpu = await open();
  const found = { adapter: gpu.adapter, choices: listChoices(gpu) };
  gpu.close();
  return found;
}

/** All products by one kernel. */
export async function products(choice: Choice): Promise<Products> {
  const compute = createWebgpuCompute({
    ...{ gpu: await open(), readShader: fetchShader, cpu: noCpu, choice, timestamps: true },
  });
  const jobs = makeJobs();
  for (const { terms } of jobs.gemm) compute.keep(terms[0].a);
  const gemm = await Promise.all(jobs.gemm.map((job) => compute.gemm(job)));
  const conv = await Promise.all(jobs.conv.map((job) => compute.conv(job)));
  const nanoseconds = [...gemm, ...conv].map((result) => compute.gpuNanoseconds?.(result) ?? null);
  await compute.close();
  const told = (results: readonly BigUint64Array[]): Result[] => results.map((result) => Array.from(result, String));
  return { gemm: told(gemm), conv: told(conv), nanoseconds };
}
