/**
 * NPY, numpy's format of one array (numpy.lib.format): `\x93NUMPY`, version, length of the header, a Python dictionary with `descr`, `fortran_order`
 * and `shape`, then the elements. Both orders, both byte orders; integers, floats, halves, booleans, and texts for labels. Bytes in, arrays out; no IO.
 */
import { type Elements, sameKind } from '../elements.ts';
import { formatOf } from '../format.ts';
import { Problem } from '../problem.ts';
import type { NumberArray } from './array.ts';
import { begins } from '../magic.ts';

export const NPY_MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] as const;
const FIX = 'save it again: numpy.save(file, array)';
const MAXIMUM_ELEMENTS = 2 ** 31 - 1;

/** One number for each place, or one text. */
export type NpyArray = NumberArray | { readonly dimensions: readonly number[]; readonly texts: readonly string[] };

interface ElementType {
  readonly bytes: number;
  readonly make: (length: number) => Elements;
  readonly read: (view: DataView, at: number, little: boolean) => number;
}

const floats = (length: number): Elements => new Float32Array(length);
const doubles = (length: number): Elements => new Float64Array(length);

const TYPES: Readonly<Record<string, ElementType>> = {
  u1: { bytes: 1, make: (length) => new Uint8Array(length), read: (view, at) => view.getUint8(at) },
  u2: { bytes: 2, make: (length) => new Uint16Array(length), read: (view, at, little) => view.getUint16(at, little) },
  u4: { bytes: 4, make: doubles, read: (view, at, little) => view.getUint32(at, little) },
  u8: { bytes: 8, make: doubles, read: (view, at, little) => exact(view.getBigUint64(at, little)) },
  // A truth is a number 0 or 1, not a byte of 255 at most.
  b1: { bytes: 1, make: floats, read: (view, at) => view.getUint8(at) },
  i1: { bytes: 1, make: floats, read: (view, at) => view.getInt8(at) },
  i2: { bytes: 2, make: floats, read: (view, at, little) => view.getInt16(at, little) },
  i4: { bytes: 4, make: doubles, read: (view, at, little) => view.getInt32(at, little) },
  i8: { bytes: 8, make: doubles, read: (view, at, little) => exact(view.getBigInt64(at, little)) },
  f2: { bytes: 2, make: floats, read: (view, at, little) => half(view.getUint16(at, little)) },
  f4: { bytes: 4, make: floats, read: (view, at, little) => view.getFloat32(at, little) },
  f8: { bytes: 8, make: doubles, read: (view, at, little) => view.getFloat64(at, little) },
};

/** NaN where a double does not hold it: refused with all that is no number. */
function exact(value: bigint): number {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : NaN;
}

/** A float of 16 bits (IEEE 754 binary16). */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

interface Header {
  readonly descr: string;
  readonly fortran: boolean;
  readonly dimensions: readonly number[];
  readonly dataStart: number;
}

/** The dictionary is Python's, not JSON's; numpy writes the three keys and nothing else. */
function readHeader(bytes: Uint8Array, source: string): Header {
  const found = formatOf(bytes);
  if (!begins(bytes, NPY_MAGIC))
    throw new Problem(`${source}: not an NPY file${found === undefined ? '' : `: it is ${found}`}`, FIX);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = bytes[6] >= 2;
  const start = long ? 12 : 10;
  const length = bytes.length < start ? Infinity : long ? view.getUint32(8, true) : view.getUint16(8, true);
  if (bytes.length < start + length)
    throw new Problem(`${source}: truncated in the NPY header: found ${bytes.length} bytes`, 'copy it again');
  const text = new TextDecoder('latin1').decode(bytes.subarray(start, start + length));
  const descr = /'descr':\s*('[^']*'|\[)/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || shape === undefined)
    throw new Problem(`${source}: its NPY header cannot be read`, FIX);
  if (descr === '[')
    throw new Problem(
      `${source}: a structured array, with named fields`,
      'save one plain array: numpy.save(file, table["field"])',
    );
  const dimensions = shape
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(Number);
  return { descr: descr.slice(1, -1), fortran: order === 'True', dimensions, dataStart: start + length };
}

/** `source` names the file in errors. */
export function parseNpy(bytes: Uint8Array, source: string): NpyArray {
  const { descr, fortran, dimensions, dataStart } = readHeader(bytes, source);
  const [, order, kind, digits] = /^([<>|=])?([a-zA-Z])(\d*)$/.exec(descr) ?? [];
  const type = TYPES[`${kind}${digits}`];
  const width = type?.bytes ?? (kind === 'U' ? 4 * Number(digits) : kind === 'S' ? Number(digits) : undefined);
  if (width === undefined) {
    const pickled = kind === 'O';
    throw new Problem(
      `${source}: elements of type ${pickled ? 'object (pickled Python)' : descr}`,
      pickled
        ? 'save numbers: numpy.save(file, numpy.array(rows, "float32"))'
        : 'save it as float32: array.astype("float32")',
    );
  }
  const elements = dimensions.reduce((product, extent) => product * extent, 1);
  if (elements > MAXIMUM_ELEMENTS)
    throw new Problem(
      `${source}: ${dimensions.join(' x ')}: at most ${MAXIMUM_ELEMENTS} elements`,
      'save a part of it',
    );
  const expected = dataStart + elements * width;
  if (bytes.length !== expected) {
    throw new Problem(
      `${source}: ${bytes.length < expected ? 'truncated' : 'too long'}: expected ${expected} bytes (header ${dataStart}, ${dimensions.join(' x ')} of ${width}), found ${bytes.length}`,
      'copy it again',
    );
  }
  if (type === undefined)
    return { dimensions, texts: readTexts(bytes.subarray(dataStart), elements, width, kind, order) };
  const values = readNumbers(bytes, dataStart, elements, type, order !== '>');
  return { dimensions, values: fortran && dimensions.length > 1 ? rowMajor(values, dimensions) : values };
}

function readNumbers(bytes: Uint8Array, from: number, length: number, type: ElementType, little: boolean): Elements {
  const values = type.make(length);
  if (values instanceof Uint8Array) return bytes.subarray(from, from + length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < length; i++) values[i] = type.read(view, from + i * type.bytes, little);
  return values;
}

/** From columns first (Fortran's order) to rows first. */
function rowMajor(values: Elements, dimensions: readonly number[]): Elements {
  const out = sameKind(values, values.length);
  const strides = dimensions.map((_, d) => dimensions.slice(0, d).reduce((a, b) => a * b, 1));
  const index = dimensions.map(() => 0);
  for (let i = 0, at = 0; i < out.length; i++) {
    out[i] = values[at];
    for (let d = dimensions.length - 1; d >= 0; d--) {
      at += strides[d];
      if (++index[d] < dimensions[d]) break;
      at -= strides[d] * dimensions[d];
      index[d] = 0;
    }
  }
  return out;
}

/** Zeros at the end are padding. */
function readTexts(data: Uint8Array, length: number, width: number, kind: string, order: string | undefined): string[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length }, (_, i) => {
    const points =
      kind === 'S'
        ? Array.from(data.subarray(i * width, (i + 1) * width))
        : Array.from({ length: width / 4 }, (_, c) => view.getUint32(i * width + 4 * c, order !== '>'));
    const last = points.findLastIndex((point) => point !== 0);
    return points
      .slice(0, last + 1)
      .map((point) => String.fromCodePoint(Math.min(point, 0x10ffff)))
      .join('');
  });
}
