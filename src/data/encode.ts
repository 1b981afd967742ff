/**
 * What an owner shares, as ring elements, a block at a time: a data set of 60,000 images is 376 MB of ring elements, of which only
 * one block exists at once on the owner's side.
 */
import { halves } from '../ring/z64.ts';

/** A vector over Z_{2^64} that is computed as it is needed. */
export interface Source {
  readonly elements: number;
  /** A new array with elements from (inclusive) … to (exclusive). */
  block(from: number, to: number): BigUint64Array;
}

/** Pixels 0 … 255 as fixed-point numbers 0 … 1, rounded to nearest: one of 256 values, looked up. */
export function pixelSource(pixels: Uint8Array, fractionBits: number): Source {
  if (!Number.isInteger(fractionBits) || fractionBits < 0 || fractionBits > 31) {
    throw new RangeError(`pixels: ${fractionBits} fractional bits: expected 0 … 31`);
  }
  const table = Uint32Array.from({ length: 256 }, (_, pixel) => Math.round((pixel / 255) * 2 ** fractionBits));
  return {
    elements: pixels.length,
    block(from, to) {
      const out = new BigUint64Array(to - from);
      const words = halves(out);
      for (let i = from, j = 0; i < to; i++, j += 2) words[j] = table[pixels[i]];
      return out;
    },
  };
}

/** Labels as one-hot rows of integers 0 and 1: labels.length x classes. */
export function oneHotSource(labels: Uint8Array, classes: number): Source {
  const stranger = labels.findIndex((label) => label >= classes);
  if (stranger >= 0)
    throw new RangeError(`label ${labels[stranger]} of image ${stranger}: expected 0 … ${classes - 1}`);
  return {
    elements: labels.length * classes,
    block(from, to) {
      const out = new BigUint64Array(to - from);
      const words = halves(out);
      for (let row = Math.floor(from / classes); row * classes < to; row++) {
        const at = row * classes + labels[row];
        if (at >= from && at < to) words[2 * (at - from)] = 1;
      }
      return out;
    },
  };
}

/** Ring elements that exist already, such as a model's. */
export function ringSource(data: BigUint64Array): Source {
  return { elements: data.length, block: (from, to) => data.slice(from, to) };
}

/** All elements of a source at once: what the plain engine takes. */
export function materialize(source: Source): BigUint64Array {
  return source.block(0, source.elements);
}
