/** A party's local arithmetic: which backend it gets, on which device. Every party decides for itself; results are the same bits. */
import type { Compute } from '../../runtime/compute.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { openDevice } from '../../runtime/webgpu/device.ts';
import { loadDawn, readShaderFile } from '../../runtime/webgpu/node.ts';
import { tuningFile } from '../../runtime/webgpu/tuningFile.ts';
import { createWebgpuCompute } from '../../runtime/webgpu/webgpu.ts';
import { folderOf, howToInstall } from '../data/packages.ts';
import { Problem } from '../data/problem.ts';

export const BACKENDS = ['auto', 'wasm', 'webgpu'] as const;

export interface ComputeSettings {
  /** auto: webgpu where there is an adapter, and there for the products it does faster. */
  readonly backend: (typeof BACKENDS)[number];
  /** Take an adapter that computes on the CPU. */
  readonly fallbackAdapter: boolean;
  /** Threads. */
  readonly workers: number;
  /** For a profile: measure products on the GPU too, where it has timestamps. */
  readonly timestamps?: boolean;
}

/** What the settings came to. */
export interface Computing {
  readonly backend: 'wasm' | 'webgpu';
  /** The GPU; null without one. */
  readonly adapter: string | null;
  /** Why there is none, where `auto` looked for one. */
  readonly reason?: string | undefined;
}

/**
 * `onNote` is told in words what goes on differently from here on: a device that was lost, a kernel that is not used.
 * @param option that chose the backend, as errors name it
 */
export async function openCompute(
  settings: ComputeSettings,
  onNote: (text: string) => void,
  option = '--backend',
): Promise<{ readonly compute: Compute; readonly computing: Computing }> {
  const { backend, fallbackAdapter, workers, timestamps = false } = settings;
  const cpu = await createWasmCompute({ workers });
  if (backend === 'wasm') return { compute: cpu, computing: { backend, adapter: null } };
  try {
    const gpu = await openDevice(await loadDawn(), {
      fallbackAdapter,
      onError: (message) => onNote(`the GPU reports an error: ${message}`),
    });
    const compute = createWebgpuCompute({
      gpu,
      cpu,
      readShader: readShaderFile,
      // An adapter that computes on the CPU is there to test with, not to be fast.
      ...(gpu.isFallback ? { choice: 'portable/small' } : {}),
      cpuWhereFaster: backend === 'auto',
      store: tuningFile(gpu.adapter),
      timestamps,
      onLost: (reason) => onNote(`the GPU is gone (${reason}); going on with wasm`),
      onWrong: (choice, key) => onNote(`kernel ${choice} computes ${key} wrong on ${gpu.adapter}: not used`),
    });
    return { compute, computing: { backend: 'webgpu', adapter: gpu.adapter } };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (backend === 'auto') return { compute: cpu, computing: { backend: 'wasm', adapter: null, reason } };
    await cpu.close();
    throw new Problem(
      `${option} webgpu: ${reason.replace(/^webgpu: /, '')}`,
      folderOf('webgpu') === undefined
        ? `${howToInstall('webgpu')}; ${option} auto goes on without a GPU`
        : `securenn doctor says what to install; ${option} auto goes on without a GPU`,
    );
  }
}
