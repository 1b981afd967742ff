/**
 * Bytes that a protocol needs for a moment (samples of Z_p, digits before they are packed), used over and over: a fresh array of a chunk's
 * size costs page faults, zeros and collections, more than what is computed with it. They come from memory that the kernels of the calling
 * thread compute in, so such an array is an operand or a result without being copied.
 *
 * Whoever takes an array gives it back when nobody reads it any more; one that is lost to an error stays lost until the memory goes. Its
 * content is whatever was there: it is written before it is read.
 */

/** Below this an array is cheaper made than found. */
const LEAST_BYTES = 4096;

/** Room that is free: [from, to). */
interface Gap {
  from: number;
  to: number;
}

export class Scratch {
  readonly #buffer: ArrayBufferLike;
  readonly #roomFor: (length: number) => number;
  /** In ascending order; two never touch. */
  readonly #gaps: Gap[];

  /** Arrays in [from, to) of a buffer, each with as much room as `roomFor` says. */
  constructor(buffer: ArrayBufferLike, from: number, to: number, roomFor: (length: number) => number) {
    this.#buffer = buffer;
    this.#gaps = [{ from, to }];
    this.#roomFor = roomFor;
  }

  /** An array of exactly this length, with any content: at the first place with room, elsewhere if there is none. */
  take(length: number): Uint8Array {
    const room = this.#roomFor(length);
    const gap = length < LEAST_BYTES ? undefined : this.#gaps.find(({ from, to }) => to - from >= room);
    if (gap === undefined) return new Uint8Array(length);
    const at = gap.from;
    gap.from += room;
    if (gap.from === gap.to) this.#gaps.splice(this.#gaps.indexOf(gap), 1);
    return new Uint8Array(this.#buffer, at, length);
  }

  give(...arrays: readonly Uint8Array[]): void {
    for (const array of arrays) {
      if (array.buffer !== this.#buffer) continue; // left to the collector
      this.#free(array.byteOffset, array.byteOffset + this.#roomFor(array.length));
    }
  }

  /** Joins [from, to) with the gaps that it touches. */
  #free(from: number, to: number): void {
    const found = this.#gaps.findIndex((gap) => gap.to >= from);
    const index = found < 0 ? this.#gaps.length : found;
    const before = this.#gaps.at(index)?.to === from ? this.#gaps[index] : undefined;
    const next = this.#gaps.at(before === undefined ? index : index + 1);
    if (next !== undefined && next.from < to) throw new Error('scratch: an array was given back twice');
    const after = next?.from === to ? next : undefined;
    const joined = { from: before?.from ?? from, to: after?.to ?? to };
    this.#gaps.splice(index, Number(before !== undefined) + Number(after !== undefined), joined);
  }
}
