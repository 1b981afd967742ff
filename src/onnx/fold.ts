/** Arithmetic on constants: what exporters leave in a file to compute shapes, and weights that are put together when the model runs. */
import { Problem } from '../data/problem.ts';
import { type Constant, constant, elementsOf } from './constant.ts';
import { shown } from './words.ts';

/** Strides of a row-major shape. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/** An axis counted from the end where it is negative. */
export function axisOf(axis: number, rank: number, where: string): number {
  const from = axis < 0 ? axis + rank : axis;
  if (!Number.isSafeInteger(axis) || from < 0 || from >= rank)
    throw new Problem(`${where}: axis ${axis} of a tensor with ${rank}`, 'export the model again');
  return from;
}

/** The shape that two shapes are stretched to, as NumPy has it. */
export function broadcast(a: readonly number[], b: readonly number[], where: string): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    if (x !== y && x !== 1 && y !== 1)
      throw new Problem(`${where}: shapes ${shown(a)} and ${shown(b)} do not fit`, 'export the model again');
    return x === 1 ? y : x;
  });
}

/** The elements of x as a tensor of another shape that each of its axes is stretched to. */
export function stretched(x: Constant, shape: readonly number[], where: string): Float64Array {
  const size = elementsOf(shape, where);
  if (size === x.data.length) return x.data;
  const own = stridesOf(x.shape);
  const strides = shape.map((_, i) => {
    const j = i - shape.length + x.shape.length;
    return j < 0 || x.shape[j] === 1 ? 0 : own[j];
  });
  return gathered(x.data, shape, strides, 0);
}

/** Elements at offset + Σ index · stride, row by row. */
function gathered(
  data: Float64Array,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): Float64Array {
  const out = new Float64Array(shape.reduce((product, extent) => product * extent, 1));
  const index = new Array<number>(shape.length).fill(0);
  let at = offset;
  for (let i = 0; i < out.length; i++) {
    out[i] = data[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}

export function binary(
  a: Constant,
  b: Constant,
  of: (x: number, y: number) => number,
  where: string,
  type: Constant['type'] = a.type,
): Constant {
  const shape = broadcast(a.shape, b.shape, where);
  const [x, y] = [stretched(a, shape, where), stretched(b, shape, where)];
  return constant(
    shape,
    x.map((value, i) => of(value, y[i])),
    type,
  );
}

export function unary(x: Constant, of: (value: number) => number, type: Constant['type'] = x.type): Constant {
  return constant(x.shape, x.data.map(of), type);
}

export function transposed(x: Constant, order: readonly number[]): Constant {
  const strides = stridesOf(x.shape);
  const shape = order.map((axis) => x.shape[axis]);
  const moved = gathered(
    x.data,
    shape,
    order.map((axis) => strides[axis]),
    0,
  );
  return { ...x, shape, data: moved };
}

/** `indices` along an axis, whose shape takes the axis's place. */
export function taken(x: Constant, indices: Constant, axis: number, where: string): Constant {
  const [before, extent, after] = around(x.shape, axis);
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const out = new Float64Array(elementsOf(shape, where));
  let at = 0;
  for (let i = 0; i < before; i++) {
    for (const given of indices.data) {
      const index = axisOf(given, extent, where);
      out.set(x.data.subarray((i * extent + index) * after, (i * extent + index + 1) * after), at);
      at += after;
    }
  }
  return { ...x, shape, data: out };
}

/** Product of the extents before an axis, the axis's own, and the product behind it. */
export function around(shape: readonly number[], axis: number): [before: number, extent: number, after: number] {
  const product = (extents: readonly number[]): number => extents.reduce((all, extent) => all * extent, 1);
  return [product(shape.slice(0, axis)), shape[axis], product(shape.slice(axis + 1))];
}

export function joined(parts: readonly Constant[], axis: number, where: string): Constant {
  const [first] = parts;
  for (const part of parts) {
    if (
      part.shape.length !== first.shape.length ||
      part.shape.some((extent, i) => i !== axis && extent !== first.shape[i])
    )
      throw new Problem(
        `${where}: shapes ${shown(first.shape)} and ${shown(part.shape)} do not fit`,
        'export the model again',
      );
  }
  const shape = first.shape.map((extent, i) =>
    i === axis ? parts.reduce((sum, part) => sum + part.shape[i], 0) : extent,
  );
  const out = new Float64Array(elementsOf(shape, where));
  const [before] = around(shape, axis);
  let at = 0;
  for (let i = 0; i < before; i++) {
    for (const { data } of parts) {
      const width = data.length / before;
      out.set(data.subarray(i * width, (i + 1) * width), at);
      at += width;
    }
  }
  return { ...first, shape, data: out };
}

/** What a slice means, with ends that lie outside brought in. */
export function sliced(
  x: Constant,
  ranges: readonly { readonly axis: number; readonly start: number; readonly end: number; readonly step: number }[],
): Constant {
  const strides = stridesOf(x.shape);
  const shape = [...x.shape];
  let offset = 0;
  for (const { axis, start, end, step } of ranges) {
    const extent = x.shape[axis];
    const within = (value: number, low: number, high: number): number =>
      Math.min(Math.max(value < 0 ? value + extent : value, low), high);
    const from = step > 0 ? within(start, 0, extent) : within(start, 0, extent - 1);
    const to = step > 0 ? within(end, 0, extent) : within(end, -1, extent - 1);
    shape[axis] = Math.max(0, Math.ceil((to - from) / step));
    offset += from * strides[axis];
    strides[axis] *= step;
  }
  return { ...x, shape, data: gathered(x.data, shape, strides, offset) };
}

/** Over the axes that are given. */
export function reduced(
  x: Constant,
  axes: readonly number[],
  keep: boolean,
  of: (sum: number, value: number) => number,
  start: number,
): Constant {
  const kept = x.shape.map((extent, i) => (axes.includes(i) ? 1 : extent));
  const strides = stridesOf(kept).map((stride, i) => (axes.includes(i) ? 0 : stride));
  const out = new Float64Array(kept.reduce((product, extent) => product * extent, 1)).fill(start);
  const target = gathered(
    Float64Array.from(out, (_, i) => i),
    x.shape,
    strides,
    0,
  );
  x.data.forEach((value, i) => (out[target[i]] = of(out[target[i]], value)));
  const shape = keep ? kept : kept.filter((_, i) => !axes.includes(i));
  return { ...x, shape, data: out };
}
