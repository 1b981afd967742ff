/**
 * Large arrays that are used again: `fresh` gives one with any content, `recycle` takes one that nobody reads any more. Freed and made anew in
 * every step, a step's tensors would let what V8 counts of arrays rise and fall by more than it allows between two full collections.
 *
 * An array that is taken back has no elements any more, as in `release.ts`: its memory goes on under another buffer. Where the engine cannot do
 * that, arrays are left to the collector.
 */
import { release } from './release.ts';

/** Below this an array costs less made than kept. */
const LEAST_BYTES = 2 ** 16;
/** Kept at most. What is kept longest goes first. */
const MOST_BYTES = 2 ** 25;

const { transfer } = ArrayBuffer.prototype as ArrayBuffer & { transfer?: (length: number) => ArrayBuffer };

/** Made here, and not taken back yet: what is kept is made up by what is taken, or memory would grow. */
const made: WeakSet<ArrayBufferLike> = new WeakSet();
/** By length; those that were taken from or given to last come last. */
const kept: Map<number, ArrayBuffer[]> = new Map();
let keptBytes = 0;

/** An array of so many elements, to be written before it is read. */
export function fresh(length: number): BigUint64Array {
  if (8 * length < LEAST_BYTES) return new BigUint64Array(length);
  return new BigUint64Array(bufferOf(8 * length));
}

/** An array of so many zeros. */
export function zeros(length: number): BigUint64Array {
  if (8 * length < LEAST_BYTES) return new BigUint64Array(length);
  const buffer = take(8 * length);
  if (buffer !== undefined) new Uint8Array(buffer).fill(0);
  return new BigUint64Array(buffer ?? newBuffer(8 * length));
}

export function freshBytes(length: number): Uint8Array {
  if (length < LEAST_BYTES) return new Uint8Array(length);
  return new Uint8Array(bufferOf(length));
}

/**
 * Never what was sent: it belongs to the channel. A view of a part of a buffer stays, for others may see the rest; what was made elsewhere is
 * given back. Twice does no harm.
 */
export function recycle(...arrays: readonly (BigUint64Array | Uint8Array)[]): void {
  for (const array of arrays) {
    const { buffer, byteLength } = array;
    if (transfer === undefined || byteLength !== buffer.byteLength || !made.delete(buffer)) {
      release(array);
      continue;
    }
    const own = transfer.call(buffer as ArrayBuffer, byteLength);
    const alike = kept.get(byteLength) ?? [];
    alike.push(own);
    touch(byteLength, alike);
    keptBytes += byteLength;
    if (keptBytes > MOST_BYTES) dropOldest();
  }
}

function bufferOf(byteLength: number): ArrayBuffer {
  return take(byteLength) ?? newBuffer(byteLength);
}

function newBuffer(byteLength: number): ArrayBuffer {
  const buffer = new ArrayBuffer(byteLength);
  made.add(buffer);
  return buffer;
}

function take(byteLength: number): ArrayBuffer | undefined {
  const alike = kept.get(byteLength);
  const buffer = alike?.pop();
  if (alike === undefined || buffer === undefined) return undefined;
  touch(byteLength, alike);
  keptBytes -= byteLength;
  made.add(buffer);
  return buffer;
}

function touch(byteLength: number, alike: ArrayBuffer[]): void {
  kept.delete(byteLength);
  if (alike.length > 0) kept.set(byteLength, alike);
}

function dropOldest(): void {
  for (const [byteLength, alike] of kept) {
    while (keptBytes > MOST_BYTES) {
      const buffer = alike.pop();
      if (buffer === undefined) break;
      transfer!.call(buffer, 0);
      keptBytes -= byteLength;
    }
    if (alike.length > 0) return;
    kept.delete(byteLength);
  }
}
