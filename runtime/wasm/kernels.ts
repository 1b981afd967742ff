/**
 * What the main thread and a worker agree on: the names of the compiled kernels, the map of an instance's memory, and a
 * kernel call as data (operands in, numbers to the export, results out).
 *
 * Memory map of one instance (its own WebAssembly.Memory, shared if a worker has it):
 *
 *   0               static data of the module
 *   SCRATCH_BASE    scratch of the running kernel (packed panels of products, rotation rows)
 *   REGION_BASE     regions of REGION_BYTES: operands and results, one call each
 *   behind them     BORROWED_BYTES of arrays for a moment (`Scratch`), in the calling thread's instance alone
 *
 * Tensors live in ordinary ArrayBuffers, since allocating shared ones costs about 1 ms per MB and they are collected late; so
 * operands are copied into a region (some 20 GB/s) and results out of it, except bytes that lie in the instance's memory already. Pages of
 * a memory that no call has touched cost nothing.
 */

export type Prime = 17 | 31 | 67;

export type KernelName =
  | 'gemm'
  | 'rowProduct'
  | 'convForward'
  | 'convInputGradient'
  | 'convWeightGradient'
  | `conv${'Forward' | 'InputGradient' | 'WeightGradient'}Split`
  | `${'thermometer' | 'compareShare' | 'compareTest' | 'pack' | 'unpack'}${Prime}`
  | 'sample'
  | 'sampleNibbles'
  | 'truncateLocal'
  | 'truncateDealt'
  | 'convertShare'
  | 'select'
  | 'selectLarger'
  | 'truncateSelect'
  | 'deal'
  | `operand${'Deal' | 'Lift' | 'Mask' | 'Open'}`
  | `proof${'Add' | 'Count' | 'Fold' | 'Inner' | 'Products' | 'Spread' | 'Sums'}`
  | 'wrap';

export const SCRATCH_BASE = 65536;
export const SCRATCH_BYTES: number = 1536 * 1024;
export const REGION_BASE: number = SCRATCH_BASE + SCRATCH_BYTES;
export const REGION_BYTES: number = 16 * 1024 * 1024;
export const BORROWED_BYTES: number = 32 * 1024 * 1024;

/** Kernels move rows of 30 bytes as two vectors of 16, and samples 32 at a time: every array has this much room behind its end. */
const ARRAY_SLACK = 32;
const ARRAY_ALIGNMENT = 64;

/** A view of one instance's whole memory. Its size is fixed, so the views stay valid. */
export interface MemoryView {
  readonly bytes: Uint8Array;
  readonly words: BigUint64Array;
}

/** One call of one kernel. `load` and `store` run on the main thread, the export runs between them on whichever thread. */
export interface KernelCall {
  readonly kernel: KernelName;
  /** Bytes of the region in use, at most REGION_BYTES. */
  readonly bytes: number;
  /** Copies the operands into the region at `base`; returns the export's arguments. */
  load(memory: MemoryView, base: number): number[];
  /** Copies the results out; `result` is what the export returned (0 if it returns nothing). */
  store(memory: MemoryView, base: number, result: number): void;
}

/** Lays arrays out one behind another in a region; offsets are relative to its base. */
export class RegionLayout {
  #bytes = 0;

  /** Total so far. */
  get bytes(): number {
    return this.#bytes;
  }

  add(byteLength: number): number {
    const offset = this.#bytes;
    this.#bytes += roomFor(byteLength);
    return offset;
  }
}

/** Bytes that an array takes in a region. */
export function roomFor(byteLength: number): number {
  return Math.ceil((byteLength + ARRAY_SLACK) / ARRAY_ALIGNMENT) * ARRAY_ALIGNMENT;
}

/** Copies u64 values to a byte offset that is a multiple of 8. */
export function putWords(memory: MemoryView, offset: number, values: BigUint64Array): void {
  memory.words.set(values, offset / 8);
}

/** `length` u64 values at a byte offset, as a view. */
export function wordsAt(memory: MemoryView, offset: number, length: number): BigUint64Array {
  return memory.words.subarray(offset / 8, offset / 8 + length);
}

export function putBytes(memory: MemoryView, offset: number, values: Uint8Array): void {
  memory.bytes.set(values, offset);
}

/** Where a kernel reads these bytes: where they lie if in this memory, else at `offset`, copied. */
export function placeBytes(memory: MemoryView, offset: number, values: Uint8Array): number {
  if (values.buffer === memory.bytes.buffer) return values.byteOffset;
  memory.bytes.set(values, offset);
  return offset;
}

/** Where a kernel writes these bytes: where they lie if in this memory, else at `offset`, from where `fetchBytes` copies them. */
export function targetOf(memory: MemoryView, offset: number, out: Uint8Array): number {
  return out.buffer === memory.bytes.buffer ? out.byteOffset : offset;
}

export function fetchBytes(memory: MemoryView, offset: number, out: Uint8Array): void {
  if (out.buffer !== memory.bytes.buffer) out.set(bytesAt(memory, offset, out.length));
}

/** `length` bytes at an offset, as a view. */
export function bytesAt(memory: MemoryView, offset: number, length: number): Uint8Array {
  return memory.bytes.subarray(offset, offset + length);
}
