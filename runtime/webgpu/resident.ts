/**
 * Operands that stay on the device: copies of arrays that were declared not to change any more (`Compute.keep`). The least recently used
 * ones beyond the bound go back to the pool, as does the copy of an array that nobody holds.
 */
import type { BufferPool } from './buffers.ts';

/** Bytes of copies that are kept for later jobs. */
const DEFAULT_RESIDENT_BYTES = 512 * 1024 * 1024;

export class ResidentOperands {
  readonly #pool: BufferPool;
  readonly #bound: number;
  readonly #kept = new WeakSet<BigUint64Array>();
  readonly #copies = new WeakMap<BigUint64Array, GPUBuffer>();
  /** Least recently used first. */
  readonly #order = new Set<GPUBuffer>();
  #bytes = 0;
  readonly #forgotten = new FinalizationRegistry<GPUBuffer>((buffer) => this.#release(buffer));

  constructor(pool: BufferPool, bound: number = DEFAULT_RESIDENT_BYTES) {
    this.#pool = pool;
    this.#bound = bound;
  }

  /** Bytes of the copies. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The array does not change from here on. */
  keep(values: BigUint64Array): void {
    this.#kept.add(values);
  }

  kept(values: BigUint64Array): boolean {
    return this.#kept.has(values);
  }

  /** The copy of an array, if it is there. */
  find(values: BigUint64Array): GPUBuffer | undefined {
    const buffer = this.#copies.get(values);
    if (buffer === undefined || !this.#order.delete(buffer)) return undefined;
    this.#order.add(buffer);
    return buffer;
  }

  /** A buffer of the pool now holds the array's copy. */
  add(values: BigUint64Array, buffer: GPUBuffer): void {
    this.#copies.set(values, buffer);
    this.#order.add(buffer);
    this.#bytes += buffer.size;
    this.#forgotten.register(values, buffer);
  }

  /** Back to the bound. To be called when what was encoded has been submitted: a buffer may then be written anew, behind it. */
  trim(): void {
    for (const buffer of this.#order) {
      if (this.#bytes <= this.#bound) return;
      this.#release(buffer);
    }
  }

  /** Forgets all copies, after an error that may have spoiled them. */
  clear(): void {
    for (const buffer of this.#order) buffer.destroy();
    this.#order.clear();
    this.#bytes = 0;
  }

  #release(buffer: GPUBuffer): void {
    if (!this.#order.delete(buffer)) return;
    this.#bytes -= buffer.size;
    this.#pool.give(buffer);
  }
}
