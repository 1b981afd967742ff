/**
 * The compiled kernels, the memory of an instance, and the instance that runs small calls on the calling thread.
 *
 * The build compiles the kernels twice: `kernels.wasm` for memory that the pool's workers share with the main thread, `inline.wasm` for
 * ordinary memory. Into shared memory V8 copies word by word, and byte by byte (2 GB/s, not 40) where the two sides are not aligned alike,
 * as samples of Z_p are not.
 */
import { Scratch } from '../scratch.ts';
import {
  BORROWED_BYTES,
  bytesAt,
  placeBytes,
  putBytes,
  putWords,
  REGION_BASE,
  REGION_BYTES,
  roomFor,
  SCRATCH_BYTES,
  wordsAt,
  type KernelCall,
  type KernelName,
  type MemoryView,
} from './kernels.ts';

const PAGE_BYTES = 65536;

/** Memory with room for `regions` calls, and more behind them. Reserved at once, committed by the system as pages are touched. */
export function createMemory(regions: number, shared: boolean, more = 0): WebAssembly.Memory {
  const pages = (REGION_BASE + regions * REGION_BYTES + more) / PAGE_BYTES;
  return new WebAssembly.Memory({ shared, initial: pages, maximum: pages });
}

export function viewOf(memory: WebAssembly.Memory): MemoryView {
  return { bytes: new Uint8Array(memory.buffer), words: new BigUint64Array(memory.buffer) };
}

/**
 * One instance with one region, used synchronously, and arrays that lie in its memory. A call is prepared operand by operand: `begin`, then
 * an address for each, then `call` with the addresses, and the results are read where they lie before the next `begin`.
 */
export class InlineKernels {
  readonly scratch: Scratch;
  readonly #exports: WebAssembly.Exports;
  readonly #view: MemoryView;
  /** The region is free from here on. */
  #free = REGION_BASE;

  /** @param module `inline` */
  constructor(module: WebAssembly.Module) {
    const memory = createMemory(1, false, BORROWED_BYTES);
    this.#exports = new WebAssembly.Instance(module, { env: { memory } }).exports;
    this.#view = viewOf(memory);
    this.scratch = new Scratch(memory.buffer, REGION_BASE + REGION_BYTES, memory.buffer.byteLength, roomFor);
    const scratch = this.#exports['CONV_SCRATCH_BYTES'];
    if (!(scratch instanceof WebAssembly.Global) || scratch.value > SCRATCH_BYTES) {
      throw new Error(`wasm: inline.wasm does not belong to this version; run "npm run build"`);
    }
  }

  /** A call that is prepared elsewhere: it may as well run in a worker. */
  run(call: KernelCall): void {
    const result = this.call(call.kernel, ...call.load(this.#view, REGION_BASE));
    call.store(this.#view, REGION_BASE, result);
  }

  begin(): void {
    this.#free = REGION_BASE;
  }

  /** Address of so many bytes, with any content. */
  room(byteLength: number): number {
    const address = this.#free;
    this.#free += roomFor(byteLength);
    if (this.#free > REGION_BASE + REGION_BYTES) throw new RangeError('wasm: the operands of a call exceed its region');
    return address;
  }

  /** Address of a copy of these u64 values. */
  words(values: BigUint64Array): number {
    const address = this.room(values.byteLength);
    putWords(this.#view, address, values);
    return address;
  }

  /** Address of these bytes: where they lie if in this memory, else of a copy. */
  bytes(values: Uint8Array): number {
    if (values.buffer === this.#view.bytes.buffer) return values.byteOffset;
    const address = this.room(values.length);
    putBytes(this.#view, address, values);
    return address;
  }

  /** The same, with a copy at `address`. */
  placed(values: Uint8Array, address: number): number {
    return placeBytes(this.#view, address, values);
  }

  /** Where a kernel writes these bytes: where they lie if in this memory, else where `fetch` copies them from. */
  target(out: Uint8Array): number {
    return out.buffer === this.#view.bytes.buffer ? out.byteOffset : this.room(out.length);
  }

  /** Runs a kernel; returns what it returns (0 if nothing). */
  call(kernel: KernelName, ...operands: readonly number[]): number {
    const run = this.#exports[kernel] as (...operands: number[]) => number | undefined;
    return run(...operands) ?? 0;
  }

  /** `length` u64 values at an address, as a view. */
  wordsAt(address: number, length: number): BigUint64Array {
    return wordsAt(this.#view, address, length);
  }

  /** `length` bytes at an address, as a view. */
  bytesAt(address: number, length: number): Uint8Array {
    return bytesAt(this.#view, address, length);
  }

  /** Copies a result from the address that `target` gave, unless it lies in `out` already. */
  fetch(address: number, out: Uint8Array): void {
    if (out.buffer !== this.#view.bytes.buffer) out.set(bytesAt(this.#view, address, out.length));
  }
}
