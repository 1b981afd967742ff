/**
 * Bytes that a protocol needs for a moment (samples of Z_p, digits before they are packed), used over and over: a fresh array of a chunk's
 * size costs page faults, zeros and collections, more than what is computed with it. Whoever takes an array gives it back when nobody reads
 * it any more; one that is lost to an error is collected like any other. Its content is whatever was there: it is written before it is read.
 */

/** Bytes kept for later; what is given back beyond that is left to the collector. */
const KEPT_BYTES = 32 * 2 ** 20;
/** Below this an array is cheaper made than found. */
const LEAST_BYTES = 4096;

export class Scratch {
  /** By length: chunks of one tensor ask for the same lengths again and again. */
  readonly #free: Map<number, Uint8Array[]> = new Map();
  #kept = 0;

  /** An array of exactly this length, with any content. */
  take(length: number): Uint8Array {
    const found = this.#free.get(length)?.pop();
    if (found === undefined) return new Uint8Array(length);
    this.#kept -= length;
    return found;
  }

  give(...arrays: readonly Uint8Array[]): void {
    for (const array of arrays) {
      if (array.length < LEAST_BYTES || this.#kept + array.length > KEPT_BYTES) continue;
      this.#kept += array.length;
      const same = this.#free.get(array.length);
      if (same === undefined) this.#free.set(array.length, [array]);
      else same.push(array);
    }
  }
}
