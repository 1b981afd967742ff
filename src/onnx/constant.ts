/** Tensors that are known when a file is read: weights, and the numbers that exporters compute shapes with. */
import { Problem } from '../data/problem.ts';
import { type TensorProto, TensorProto_DataLocation, TensorProto_DataType as Type } from './schema.ts';
import { quoted, shown } from './words.ts';

export interface Constant {
  readonly kind: 'constant';
  readonly shape: readonly number[];
  /** Row by row. An integer that depends on the batch is NaN, as is all that is computed from it. */
  readonly data: Float64Array;
  readonly type: 'float' | 'integer' | 'boolean';
  /** Of weights that came with 16 bits. */
  readonly narrow?: 'float16' | 'bfloat16';
}

/** No model that three parties could run has a tensor with more. */
const MOST_ELEMENTS = 2 ** 28;
/** Of what a file computes: a few bytes may ask for any size. */
const MOST_COMPUTED = 2 ** 24;

export function constant(
  shape: readonly number[],
  data: ArrayLike<number>,
  type: Constant['type'] = 'float',
): Constant {
  return { kind: 'constant', shape, data: data instanceof Float64Array ? data : Float64Array.from(data), type };
}

export function scalar(value: number, type: Constant['type'] = 'float'): Constant {
  return constant([], [value], type);
}

/** Elements of a shape that a file or an operator names; `where` names it in an error. */
export function elementsOf(shape: readonly number[], where: string, most: number = MOST_COMPUTED): number {
  let size = 1;
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0) {
      const why = Number.isNaN(extent) ? 'a constant whose shape depends on the batch' : 'not a shape';
      throw new Problem(`${where}: ${shown(shape)}: ${why}`, 'export the model again with a fixed batch of 1');
    }
    size *= extent;
    if (size > most) throw new Problem(`${where}: ${shown(shape)}: more than ${most} elements`, 'give a smaller model');
  }
  return size;
}

interface Encoding {
  readonly bytes: number;
  readonly type: Constant['type'];
  /** Of an element of `raw_data`. */
  readonly raw: (view: DataView, at: number) => number;
  /** The field that holds the elements otherwise, and how one is read from it. */
  readonly field: 'floatData' | 'doubleData' | 'int32Data' | 'int64Data' | 'uint64Data';
  readonly typed?: (element: number) => number;
  readonly narrow?: Constant['narrow'];
}

const ENCODINGS: Readonly<Record<number, Encoding>> = {
  [Type.FLOAT]: { bytes: 4, type: 'float', field: 'floatData', raw: (view, at) => view.getFloat32(at, true) },
  [Type.DOUBLE]: { bytes: 8, type: 'float', field: 'doubleData', raw: (view, at) => view.getFloat64(at, true) },
  [Type.FLOAT16]: {
    bytes: 2,
    type: 'float',
    field: 'int32Data',
    raw: (view, at) => halfToDouble(view.getUint16(at, true)),
    typed: (bits) => halfToDouble(bits & 0xffff),
    narrow: 'float16',
  },
  [Type.BFLOAT16]: {
    bytes: 2,
    type: 'float',
    field: 'int32Data',
    raw: (view, at) => bfloatToDouble(view.getUint16(at, true)),
    typed: (bits) => bfloatToDouble(bits & 0xffff),
    narrow: 'bfloat16',
  },
  [Type.INT8]: { bytes: 1, type: 'integer', field: 'int32Data', raw: (view, at) => view.getInt8(at) },
  [Type.UINT8]: { bytes: 1, type: 'integer', field: 'int32Data', raw: (view, at) => view.getUint8(at) },
  [Type.INT16]: { bytes: 2, type: 'integer', field: 'int32Data', raw: (view, at) => view.getInt16(at, true) },
  [Type.UINT16]: { bytes: 2, type: 'integer', field: 'int32Data', raw: (view, at) => view.getUint16(at, true) },
  [Type.INT32]: { bytes: 4, type: 'integer', field: 'int32Data', raw: (view, at) => view.getInt32(at, true) },
  [Type.UINT32]: { bytes: 4, type: 'integer', field: 'uint64Data', raw: (view, at) => view.getUint32(at, true) },
  [Type.INT64]: {
    bytes: 8,
    type: 'integer',
    field: 'int64Data',
    raw: (view, at) => Number(view.getBigInt64(at, true)),
  },
  [Type.UINT64]: {
    bytes: 8,
    type: 'integer',
    field: 'uint64Data',
    raw: (view, at) => Number(view.getBigUint64(at, true)),
  },
  [Type.BOOL]: { bytes: 1, type: 'boolean', field: 'int32Data', raw: (view, at) => (view.getUint8(at) === 0 ? 0 : 1) },
};

/** A tensor of a file. `where` names it in errors; `beside` are the contents of the files beside the model. */
export function readTensor(tensor: TensorProto, where: string, beside: ReadonlyMap<string, Uint8Array>): Constant {
  const encoding = ENCODINGS[tensor.dataType];
  if (encoding === undefined) {
    const name = Object.entries(Type).find(([, value]) => value === tensor.dataType)?.[0] ?? `type ${tensor.dataType}`;
    throw new Problem(
      `${where}: elements of type ${name.toLowerCase()}: weights are read from float32, float64, float16 and bfloat16`,
      'export the model with float32 weights: model.float() before torch.onnx.export',
    );
  }
  if (tensor.segment !== undefined) throw new Problem(`${where}: a tensor in segments`, 'export the model again');
  const shape = tensor.dims.map(Number);
  const count = elementsOf(shape, where, MOST_ELEMENTS);
  const { type, narrow } = encoding;
  const raw = rawBytes(tensor, where, beside);
  const data = raw === undefined ? typedData(tensor, encoding, count, where) : rawData(raw, encoding, count, where);
  return { kind: 'constant', shape, data, type, ...(narrow !== undefined && { narrow }) };
}

function rawBytes(tensor: TensorProto, where: string, beside: ReadonlyMap<string, Uint8Array>): Uint8Array | undefined {
  if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL)
    return tensor.rawData.length > 0 ? tensor.rawData : undefined;
  const said = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = said.get('location') ?? '';
  const file = beside.get(location);
  if (file === undefined)
    throw new Problem(`${where}: its file ${quoted(location)} was not read`, 'give the file by its path');
  const offset = Number(said.get('offset') ?? 0);
  const length = Number(said.get('length') ?? file.length - offset);
  const whole = [offset, length].every((value) => Number.isSafeInteger(value) && value >= 0);
  if (!whole || offset + length > file.length) {
    throw new Problem(
      `${where}: bytes ${said.get('offset') ?? 0} and ${said.get('length') ?? 'all'} more of ${quoted(location)}, which has ${file.length}`,
      'the two files do not belong together, or one was cut off: export or copy both again',
    );
  }
  return file.subarray(offset, offset + length);
}

function rawData(raw: Uint8Array, { bytes, raw: read }: Encoding, count: number, where: string): Float64Array {
  if (raw.length !== count * bytes)
    throw new Problem(`${where}: expected ${count * bytes} bytes, found ${raw.length}`, 'export the model again');
  // A view: the data may begin at any byte of the file.
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) out[i] = read(view, i * bytes);
  return out;
}

function typedData(tensor: TensorProto, { field, typed }: Encoding, count: number, where: string): Float64Array {
  const found = tensor[field];
  if (found.length !== count)
    throw new Problem(`${where}: expected ${count} elements, found ${found.length}`, 'export the model again');
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const element = Number(found[i]);
    out[i] = typed === undefined ? element : typed(element);
  }
  return out;
}

export function halfToDouble(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
export function bfloatToDouble(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}
