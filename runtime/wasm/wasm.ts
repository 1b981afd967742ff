/** Local arithmetic on the CPU in Node: `wasmCompute.ts` with kernels from files and a pool of workers. */
import type { Compute } from '../compute.ts';
import { InlineKernels } from './instance.ts';
import { compileKernels } from './kernelFiles.ts';
import { WorkerPool } from './pool.ts';
import { WasmCompute } from './wasmCompute.ts';

export interface WasmOptions {
  /** Worker threads; 0 runs everything on the calling thread. */
  readonly workers: number;
}

/** Compiles the kernels and starts the workers. */
export async function createWasmCompute(options: WasmOptions): Promise<Compute> {
  const { workers } = options;
  if (!Number.isInteger(workers) || workers < 0) throw new RangeError(`wasm: workers must be a count, is ${workers}`);
  const inline = new InlineKernels(await compileKernels('inline'));
  return new WasmCompute(inline, workers > 0 ? new WorkerPool(await compileKernels('kernels'), workers) : undefined);
}
