/**
 * IDX, the format of the MNIST files: two zero bytes, an element type, the number of dimensions, each extent as a big-endian u32,
 * then the elements, row-major and big-endian. Bytes in, arrays out; no IO.
 */
import type { Elements } from '../elements.ts';
import { formatOf } from '../format.ts';
import { Problem } from '../problem.ts';
import type { NumberArray } from './array.ts';

/** What is read must be held in memory as one array; also keeps the product of hostile extents exact. */
const MAXIMUM_ELEMENTS = 2 ** 31 - 1;
const MOST_DIMENSIONS = 8;

interface ElementType {
  readonly what: string;
  readonly bytes: number;
  /** A type that holds every value. */
  readonly make: (length: number) => Exclude<Elements, Uint8Array | Uint16Array>;
  readonly read: (view: DataView, at: number) => number;
}

const floats = (length: number): Float32Array => new Float32Array(length);
const doubles = (length: number): Float64Array => new Float64Array(length);

const TYPES: ReadonlyMap<number, ElementType> = new Map([
  [0x08, { what: 'unsigned bytes', bytes: 1, make: floats, read: (view, at) => view.getUint8(at) }],
  [0x09, { what: 'signed bytes', bytes: 1, make: floats, read: (view, at) => view.getInt8(at) }],
  [0x0b, { what: '16-bit integers', bytes: 2, make: floats, read: (view, at) => view.getInt16(at) }],
  [0x0c, { what: '32-bit integers', bytes: 4, make: doubles, read: (view, at) => view.getInt32(at) }],
  [0x0d, { what: 'floats', bytes: 4, make: floats, read: (view, at) => view.getFloat32(at) }],
  [0x0e, { what: 'doubles', bytes: 8, make: doubles, read: (view, at) => view.getFloat64(at) }],
]);
const UNSIGNED_BYTE = 0x08;
const FIX = 'fetch the file again';

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

/** `source` names the file in errors. */
export function parseIdx(bytes: Uint8Array, source: string): NumberArray {
  const found = formatOf(bytes);
  const seems = found === undefined ? '' : ` (${found})`;
  if (bytes.length < 4)
    throw new Problem(`${source}: too short for an IDX file: expected at least 8 bytes, found ${bytes.length}`, FIX);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const type = TYPES.get(bytes[2]);
  const rank = bytes[3];
  if (magic >>> 16 !== 0 || type === undefined || rank === 0 || rank > MOST_DIMENSIONS) {
    throw new Problem(
      `${source}: not an IDX file: expected a magic number like 0x00000803, found ${hex32(magic)}${seems}`,
      FIX,
    );
  }
  const header = 4 + 4 * rank;
  if (bytes.length < header)
    throw new Problem(`${source}: truncated in the IDX header: expected ${header} bytes, found ${bytes.length}`, FIX);
  const dimensions = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const elements = dimensions.reduce((product, extent) => product * extent, 1);
  const extents = dimensions.join(' x ');
  if (elements > MAXIMUM_ELEMENTS) {
    throw new Problem(
      `${source}: dimensions ${extents}: expected at most ${MAXIMUM_ELEMENTS} elements, found ${elements}`,
      FIX,
    );
  }
  const expected = header + elements * type.bytes;
  if (bytes.length !== expected) {
    const what = bytes.length < expected ? 'truncated' : 'too long';
    throw new Problem(
      `${source}: ${what}: expected ${expected} bytes (header ${header}, ${type.what} ${extents}), found ${bytes.length}`,
      FIX,
    );
  }
  if (bytes[2] === UNSIGNED_BYTE) return { dimensions, values: bytes.subarray(header) };
  const values = type.make(elements);
  for (let i = 0; i < elements; i++) values[i] = type.read(view, header + i * type.bytes);
  return { dimensions, values };
}
