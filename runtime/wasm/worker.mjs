// @ts-check
/**
 * A worker of the pool: one instance of kernels.wasm over a memory it shares with the main thread. Knows exports and numbers;
 * what they mean is in kernels.ts. Plain JavaScript because Node 20 starts workers without a TypeScript loader.
 */
import { parentPort, workerData } from 'node:worker_threads';

const { module, memory } = workerData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });

parentPort?.on('message', ({ id, kernel, args }) => {
  try {
    const run = /** @type {(...args: number[]) => number | undefined} */ (exports[kernel]);
    parentPort?.postMessage({ id, result: run(...args) ?? 0 });
  } catch (error) {
    parentPort?.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
