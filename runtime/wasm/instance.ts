/**
 * The compiled kernels, the memory of an instance, and the instance that runs small calls on the calling thread.
 *
 * The build compiles the kernels twice: `kernels.wasm` for memory that the pool's workers share with the main thread, `inline.wasm` for
 * ordinary memory. Into shared memory V8 copies word by word, and byte by byte (2 GB/s, not 40) where the two sides are not aligned alike,
 * as samples of Z_p are not.
 */
import { readFile } from 'node:fs/promises';
import { Scratch } from '../scratch.ts';
import {
  BORROWED_BYTES,
  REGION_BASE,
  REGION_BYTES,
  roomFor,
  SCRATCH_BYTES,
  type KernelCall,
  type MemoryView,
} from './kernels.ts';

const PAGE_BYTES = 65536;

/** Reads and compiles the kernels, which the build puts beside this file: `kernels` for shared memory, `inline` for ordinary. */
export async function compileKernels(name: 'kernels' | 'inline'): Promise<WebAssembly.Module> {
  const url = new URL(`./${name}.wasm`, import.meta.url);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readFile(url);
  } catch (cause) {
    throw new Error(`wasm: cannot read ${url.pathname}; run "npm run build:wasm"`, { cause });
  }
  return WebAssembly.compile(bytes);
}

/** Memory with room for `regions` calls, and more behind them. Reserved at once, committed by the system as pages are touched. */
export function createMemory(regions: number, shared: boolean, more = 0): WebAssembly.Memory {
  const pages = (REGION_BASE + regions * REGION_BYTES + more) / PAGE_BYTES;
  return new WebAssembly.Memory({ shared, initial: pages, maximum: pages });
}

export function viewOf(memory: WebAssembly.Memory): MemoryView {
  return { bytes: new Uint8Array(memory.buffer), words: new BigUint64Array(memory.buffer) };
}

/** One instance with one region, used synchronously, and arrays that lie in its memory. */
export class InlineKernels {
  readonly scratch: Scratch;
  readonly #exports: WebAssembly.Exports;
  readonly #view: MemoryView;

  /** @param module `inline` */
  constructor(module: WebAssembly.Module) {
    const memory = createMemory(1, false, BORROWED_BYTES);
    this.#exports = new WebAssembly.Instance(module, { env: { memory } }).exports;
    this.#view = viewOf(memory);
    this.scratch = new Scratch(memory.buffer, REGION_BASE + REGION_BYTES, memory.buffer.byteLength, roomFor);
    const scratch = this.#exports['CONV_SCRATCH_BYTES'];
    if (!(scratch instanceof WebAssembly.Global) || scratch.value > SCRATCH_BYTES) {
      throw new Error(`wasm: inline.wasm does not belong to this version; run "npm run build:wasm"`);
    }
  }

  run(call: KernelCall): void {
    const kernel = this.#exports[call.kernel] as (...args: number[]) => number | undefined;
    const result = kernel(...call.load(this.#view, REGION_BASE));
    call.store(this.#view, REGION_BASE, result ?? 0);
  }
}
