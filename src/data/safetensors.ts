/**
 * safetensors (https://huggingface.co/docs/safetensors): u64 length of a JSON header, the header
 * `{"NAME": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {"KEY": "text"}}`, then the tensors' bytes. Here with
 * F64 tensors alone: a decoded fixed-point number of up to 53 bits is exact in it. Bytes in, bytes out; no IO.
 *
 * A file may come from anyone: every length is checked before it is used, and the tensors must tile the data without overlap or gap.
 */
import * as z from 'zod';
import { formatOf } from './format.ts';
import { Problem } from './problem.ts';

/** Numbers in the order of their shape, the last index fastest. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export interface TensorFile {
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

const MAXIMUM_HEADER_BYTES = 2 ** 20;
const METADATA = '__metadata__';
/** What helps when a model file is none. */
export const FIX =
  'give a file that `securenn local train` saved, or convert yours: securenn model import (docs/onnx.md)';

const entry = z.strictObject({
  dtype: z.string(),
  shape: z.array(z.int().min(0)).max(8),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});
const metadataEntry = z.record(z.string(), z.string());

function parseHeader(bytes: Uint8Array, source: string): { header: object; dataStart: number } {
  const found = formatOf(bytes);
  const seems = found === undefined ? '' : `; it is ${found}`;
  if (bytes.length < 8) {
    throw new Problem(
      `${source}: too short for a safetensors file: expected at least 8 bytes, found ${bytes.length}${seems}`,
      FIX,
    );
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true);
  if (length > BigInt(MAXIMUM_HEADER_BYTES)) {
    throw new Problem(
      `${source}: header length: expected at most ${MAXIMUM_HEADER_BYTES} bytes, found ${length}: not a safetensors file${seems}`,
      FIX,
    );
  }
  const dataStart = 8 + Number(length);
  if (bytes.length < dataStart) {
    throw new Problem(`${source}: truncated in the header: expected ${dataStart} bytes, found ${bytes.length}`, FIX);
  }
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, dataStart)));
    if (typeof header !== 'object' || header === null || Array.isArray(header)) throw new Error('not an object');
    return { header, dataStart };
  } catch (error) {
    throw new Problem(`${source}: the header is not a JSON object`, FIX, { cause: error });
  }
}

/** Checks that offsets tile [0, dataBytes): no overlap, no gap, nothing left over. */
export function checkTiling(ranges: readonly TensorEntry[], dataBytes: number, source: string): void {
  let end = 0;
  for (const range of ranges.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (range.begin !== end) {
      const what = range.begin < end ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw new Problem(`${source}: tensor ${range.name} ${what}: expected offset ${end}, found ${range.begin}`, FIX);
    }
    end = range.end;
  }
  if (end !== dataBytes) {
    const what = end > dataBytes ? 'truncated' : 'bytes after the last tensor';
    throw new Problem(`${source}: ${what}: expected ${end} bytes of data, found ${dataBytes}`, FIX);
  }
}

/** A tensor as the header lists it: bytes `begin` to `end` of the data. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Listing {
  readonly entries: readonly TensorEntry[];
  readonly metadata: ReadonlyMap<string, string>;
  /** Where in the file the data begins. */
  readonly dataStart: number;
}

/** What a file says that it holds, of any element type; the data is not looked at. `source` names it in errors. */
export function listTensors(bytes: Uint8Array, source: string): Listing {
  const { header, dataStart } = parseHeader(bytes, source);
  const entries: TensorEntry[] = [];
  let metadata = new Map<string, string>();
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA) {
      const parsed = metadataEntry.safeParse(value);
      if (!parsed.success) throw new Problem(`${source}: ${METADATA} is not a list of texts`, FIX);
      metadata = new Map(Object.entries(parsed.data));
      continue;
    }
    const parsed = entry.safeParse(value);
    if (!parsed.success) {
      const field = parsed.error.issues[0].path.join('.') || 'not an object';
      throw new Problem(`${source}: tensor ${name}: ${field}: not as in a safetensors header`, FIX);
    }
    const { dtype, shape, data_offsets: offsets } = parsed.data;
    entries.push({ name, dtype, shape, begin: offsets[0], end: offsets[1] });
  }
  return { entries, metadata, dataStart };
}

/** Reads a file's bytes. `source` names it in errors. */
export function parseSafetensors(bytes: Uint8Array, source: string): TensorFile {
  const { entries, metadata, dataStart } = listTensors(bytes, source);
  const dataBytes = bytes.length - dataStart;
  for (const { name, dtype, shape, begin, end } of entries) {
    if (dtype !== 'F64') throw new Problem(`${source}: tensor ${name}: expected element type F64, found ${dtype}`, FIX);
    const size = shape.reduce((product, extent) => product * extent, 8);
    if (end - begin !== size) {
      throw new Problem(
        `${source}: tensor ${name} [${shape.join(',')}]: expected ${size} bytes, found offsets ${begin} to ${end}`,
        FIX,
      );
    }
  }
  checkTiling(entries, dataBytes, source);
  // A copy, because the header's length need not align the data to eight bytes.
  const data = new Uint8Array(bytes.subarray(dataStart)).buffer;
  const tensors = new Map(
    entries.map(({ name, shape, begin, end }) => [
      name,
      { shape, data: new Float64Array(data, begin, (end - begin) / 8) },
    ]),
  );
  return { tensors, metadata };
}

/** The bytes of a file, tensors in the map's order. */
export function formatSafetensors(file: TensorFile): Uint8Array<ArrayBuffer> {
  const header: [string, unknown][] = [[METADATA, Object.fromEntries(file.metadata)]];
  let end = 0;
  for (const [name, { shape, data }] of file.tensors) {
    if (name === METADATA) throw new RangeError(`a tensor cannot be named ${METADATA}`);
    header.push([name, { dtype: 'F64', shape, data_offsets: [end, (end += data.byteLength)] }]);
  }
  const json = JSON.stringify(Object.fromEntries(header));
  // Spaces bring the data to a multiple of eight bytes, for readers that map the file.
  const text = new TextEncoder().encode(json);
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerBytes + end).fill(0x20, 8, 8 + headerBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(text, 8);
  let at = 8 + headerBytes;
  for (const { data } of file.tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}
