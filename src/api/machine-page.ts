/** A page: no files, one thread, the GPU that the browser offers. Kernels and shaders are in the code, so nothing is fetched. */
import { Problem } from '../data/problem.ts';
import { fromBase64 } from '../random/text.ts';
import type { Compute } from '../../runtime/compute.ts';
import { createInlineCompute } from '../../runtime/wasm/wasmCompute.ts';
import type { ComputeChoice, Machine } from './machine.ts';

export const machine: Machine = {
  openCompute,
  nextTurn: () => new Promise((resolve) => setTimeout(resolve)),
  readFile: () => refuse('loadModel', 'fetch the file or let its owner choose it, and give its bytes to parseModel'),
  writeFile: () => refuse('saveModel', 'formatModel gives the bytes: offer them as a download'),
  readDataset: () => refuse('readDataset', 'read the files in the page, and give their values to makeDataset'),
};

function refuse(name: string, fix: string): Promise<never> {
  return Promise.reject(new Problem(`${name}: a page has no files`, fix));
}

async function openCompute({ backend, fallbackAdapter }: ComputeChoice): Promise<Compute> {
  const { INLINE_WASM } = await import('../../runtime/wasm/inlineWasm.js');
  const cpu = createInlineCompute(await WebAssembly.compile(fromBase64(INLINE_WASM)));
  if (backend === 'wasm') return cpu;
  try {
    return await openGpu(cpu, backend, fallbackAdapter);
  } catch (error) {
    if (backend === 'auto') return cpu;
    await cpu.close();
    const reason = error instanceof Error ? error.message.replace(/^webgpu: /, '') : String(error);
    throw new Problem(`backend webgpu: ${reason}`, 'backend auto goes on without a GPU', { cause: error });
  }
}

async function openGpu(cpu: Compute, backend: 'auto' | 'webgpu', fallbackAdapter: boolean): Promise<Compute> {
  const { navigator } = globalThis as { readonly navigator?: { readonly gpu?: GPU } };
  if (navigator?.gpu === undefined) throw new Error('this browser offers none to this page');
  const [{ openDevice }, { createWebgpuCompute }, { SHADER_TEXTS }] = await Promise.all([
    import('../../runtime/webgpu/device.ts'),
    import('../../runtime/webgpu/webgpu.ts'),
    import('../../runtime/webgpu/shaderTexts.js'),
  ]);
  const gpu = await openDevice(navigator.gpu, { fallbackAdapter });
  return createWebgpuCompute({
    ...{ gpu, cpu, cpuWhereFaster: backend === 'auto' },
    // An adapter that computes on the CPU is there to test with, not to be fast.
    ...(gpu.isFallback ? { choice: 'portable/small' as const } : {}),
    readShader: (path) => {
      const text = SHADER_TEXTS[path];
      return text === undefined ? Promise.reject(new Error(`no shader ${path}`)) : Promise.resolve(text);
    },
  });
}
