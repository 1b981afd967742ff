/**
 * What an owner shares, as ring elements, a block at a time: a data set of 60,000 images is 376 MB of ring elements, of which only
 * one block exists at once on the owner's side.
 */
import { encode } from '../ring/fixed.ts';
import { halves } from '../ring/z64.ts';
import type { Elements } from './elements.ts';
import { OF_BYTES, type Scaling } from './scaling.ts';

/** A vector over Z_{2^64} that is computed as it is needed. */
export interface Source {
  readonly elements: number;
  /** A new array with elements from (inclusive) … to (exclusive). */
  block(from: number, to: number): BigUint64Array;
}

/** Pixels 0 … 255 as fixed-point numbers 0 … 1. */
export function pixelSource(pixels: Uint8Array, fractionBits: number): Source {
  return valueSource(pixels, OF_BYTES, fractionBits);
}

/** Larger tables are not worth it. */
const MOST_PLACES_LOOKED_UP = 2 ** 12;

/**
 * Values of whole images as fixed-point numbers, rounded to nearest.
 * @param values from the beginning of an image on, for the lists of the scaling repeat from there
 */
export function valueSource(values: Elements, scaling: Scaling, fractionBits: number): Source {
  if (!Number.isInteger(fractionBits) || fractionBits < 0 || fractionBits > 31) {
    throw new RangeError(`values: ${fractionBits} fractional bits: expected 0 … 31`);
  }
  const places = Math.max(scaling.mean.length, scaling.std.length);
  if (values instanceof Uint8Array && places <= MOST_PLACES_LOOKED_UP) {
    return byteSource(values, scaling, places, fractionBits);
  }
  return {
    elements: values.length,
    block: (from, to) => encode(scaled(values.subarray(from, to), scaling, from), fractionBits),
  };
}

/** One of 256 values a place: looked up. */
function byteSource(bytes: Uint8Array, scaling: Scaling, places: number, fractionBits: number): Source {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const tables = Array.from({ length: places }, (_, place) => {
    const { divideBy, mean, std } = scaling;
    const one = { divideBy, mean: [mean[place % mean.length]], std: [std[place % std.length]] };
    return halves(encode(scaled(all, one, 0), fractionBits));
  });
  return {
    elements: bytes.length,
    block(from, to) {
      const out = new BigUint64Array(to - from);
      const words = halves(out);
      for (let i = from, j = 0, place = from % places; i < to; i++, j += 2) {
        const table = tables[place];
        words[j] = table[2 * bytes[i]];
        words[j + 1] = table[2 * bytes[i] + 1];
        if (++place === places) place = 0;
      }
      return out;
    },
  };
}

/** @param first the place of the first value, counted from the beginning of an image */
export function scaled(values: Elements, { divideBy, mean, std }: Scaling, first: number): Float64Array {
  const out = new Float64Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const place = first + i;
    out[i] = (values[i] / divideBy - mean[place % mean.length]) / std[place % std.length];
  }
  return out;
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
