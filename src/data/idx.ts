/**
 * IDX, the format of the MNIST files: two zero bytes, an element type, the number of dimensions, each extent as a big-endian u32,
 * then the elements, row-major. Only unsigned bytes (type 0x08) occur in the data sets read here. Bytes in, arrays out; no IO.
 */
import { formatOf } from './format.ts';
import { Problem } from './problem.ts';

const UNSIGNED_BYTE = 0x08;
/** What is read must be held in memory as one array; also keeps the product of hostile extents exact. */
const MAXIMUM_ELEMENTS = 2 ** 31 - 1;

export interface Idx {
  readonly dimensions: readonly number[];
  /** Row-major; a view of the bytes that were parsed. */
  readonly data: Uint8Array;
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

/** Parses a file of exactly `rank` dimensions. `source` names the file in errors. */
export function parseIdx(bytes: Uint8Array, rank: number, source: string): Idx {
  const fix = 'fetch the file again';
  const found = formatOf(bytes);
  const seems = found === undefined ? '' : ` (${found})`;
  const header = 4 + 4 * rank;
  if (bytes.length < 4) {
    throw new Problem(
      `${source}: too short for an IDX file: expected at least ${header} bytes, found ${bytes.length}`,
      fix,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const expectedMagic = (UNSIGNED_BYTE << 8) | rank;
  if (magic !== expectedMagic) {
    throw new Problem(
      `${source}: not an IDX file of unsigned bytes with ${rank} dimension${rank === 1 ? '' : 's'}: ` +
        `expected magic number ${hex32(expectedMagic)}, found ${hex32(magic)}${seems}`,
      fix,
    );
  }
  if (bytes.length < header) {
    throw new Problem(`${source}: truncated in the IDX header: expected ${header} bytes, found ${bytes.length}`, fix);
  }
  const dimensions = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const elements = dimensions.reduce((product, extent) => product * extent, 1);
  const extents = dimensions.join(' x ');
  if (elements > MAXIMUM_ELEMENTS) {
    throw new Problem(
      `${source}: dimensions ${extents}: expected at most ${MAXIMUM_ELEMENTS} elements, found ${elements}`,
      fix,
    );
  }
  if (bytes.length !== header + elements) {
    const what = bytes.length < header + elements ? 'truncated' : 'too long';
    throw new Problem(
      `${source}: ${what}: expected ${header + elements} bytes (header ${header}, elements ${extents}), found ${bytes.length}`,
      fix,
    );
  }
  return { dimensions, data: bytes.subarray(header) };
}
