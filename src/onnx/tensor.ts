/**
 * Values of a network while its file is read. What a file calls [N, channels, height, width] lies here as (height, width, channels), and
 * what it calls a vector may be an image in its own order. So a value knows the axes it lies in and how the file's axes are made of them:
 * Transpose, Reshape, Flatten and Squeeze change the second alone, and the first dense layer behind them reorders its rows by it.
 */
import { Problem } from '../data/problem.ts';
import type { Layer } from './layer.ts';
import { shown } from './words.ts';

/** An axis of a value: of an image's height, width or channels, or of a vector. Axes are the same when they are the same object. */
export interface Axis {
  readonly size: number;
  /** Where the file counts it in another order: the file's index of each place; otherwise the same. */
  readonly order?: Uint32Array;
}

export interface Tensor {
  readonly kind: 'tensor';
  /** The layer that gives it; undefined: the network's input. */
  readonly source: Layer | undefined;
  /** As it lies: [height, width, channels], or the axes of a vector, the last innermost. */
  readonly axes: readonly Axis[];
  /** Whether the layer gives a vector: of an image once it is flattened. */
  readonly vector: boolean;
  /** The file's axes, each made of axes of `axes`, outermost first; axes of one element are left out. The first is the batch. */
  readonly dims: readonly (readonly Axis[])[];
  /** Padding that the next layer takes along. */
  readonly pad?: Pad;
}

export interface Pad {
  readonly value: number;
  /** Top, left, bottom, right. */
  readonly sides: readonly [number, number, number, number];
}

export function extentOf(dim: readonly Axis[]): number {
  return dim.reduce((product, { size }) => product * size, 1);
}

/** The file's shape of it; NaN where the batch is open. */
export function shapeOf({ dims, pad }: Tensor): number[] {
  const shape = dims.map(extentOf);
  if (pad === undefined) return shape;
  const [top, left, bottom, right] = pad.sides;
  return shape.map((extent, i) => extent + (i === 2 ? top + bottom : i === 3 ? left + right : 0));
}

/** Without axes of one element. */
export function alone(...axes: readonly Axis[]): Axis[] {
  return axes.filter(({ size }) => size !== 1);
}

/** Height, width and channels of an image that the file calls [N, channels, height, width]; otherwise why it is none. */
export function imageOf(x: Tensor, where: string): readonly [Axis, Axis, Axis] {
  const found = (): string => `its input is ${shown(shapeOf(x))}`;
  if (x.vector || x.axes.length !== 3)
    throw new Problem(`${where}: expected an image [N, channels, height, width], ${found()}`, 'only images are folded');
  const [height, width, channels] = x.axes;
  const expected = [channels, height, width].map((axis) => alone(axis));
  const same =
    x.dims.length === 4 &&
    expected.every((dim, i) => dim.length === x.dims[i + 1].length && dim[0] === x.dims[i + 1][0]);
  if (!same) {
    throw new Problem(
      `${where}: its input, ${shown(shapeOf(x))}, has its axes in another order than [N, channels, height, width]`,
      'give --order nchw or nhwc if the order of the images was not found, or leave out what permutes them in the model',
    );
  }
  return [height, width, channels];
}

/** For each place of a vector, or of an image's pixels row by row, the file's index along `dim`, which must hold all axes. */
export function orderOf(x: Tensor, dim: number, where: string): Uint32Array {
  const axes = x.dims[dim];
  const size = extentOf(x.axes);
  if (extentOf(axes) !== size || alone(...x.axes).some((axis) => !axes.includes(axis))) {
    throw new Problem(
      `${where}: takes one axis of ${shown(shapeOf(x))} for itself`,
      'flatten what comes before it, or pool it to one pixel',
    );
  }
  const stride = new Map<Axis, number>();
  let step = 1;
  for (const axis of axes.toReversed()) {
    stride.set(axis, step);
    step *= axis.size;
  }
  let out = new Uint32Array(1);
  for (const axis of x.axes) {
    const next = new Uint32Array(out.length * axis.size);
    const by = stride.get(axis) ?? 0;
    for (let i = 0, at = 0; i < out.length; i++)
      for (let k = 0; k < axis.size; k++) next[at++] = out[i] + (axis.order?.[k] ?? k) * by;
    out = next;
  }
  return out;
}

export function inOrder(order: Uint32Array): boolean {
  return order.every((index, i) => index === i);
}

/** The place in `axes` of each of the file's axes: two values of the same layout can be added as they lie. */
export function layoutOf(x: Tensor): string {
  return JSON.stringify([x.vector, x.dims.slice(1).map((dim) => dim.map((axis) => x.axes.indexOf(axis)))]);
}

/**
 * The file's shape changed to `target`, of whose extents one may be −1; those of one element come and go. An axis can't be cut, nor the batch
 * mixed with others. Undefined when it would be.
 */
export function regrouped(x: Tensor, target: readonly number[], batch: Axis): (readonly Axis[])[] | undefined {
  if (x.dims[0]?.[0] !== batch || x.dims[0].length !== 1) return undefined;
  const axes = x.dims.slice(1).flat();
  const size = extentOf(axes);
  const [first, ...rest] = target;
  const known = rest.filter((extent) => extent !== -1).reduce((product, extent) => product * extent, 1);
  const open = rest.filter((extent) => extent === -1).length;
  const isBatch = Number.isNaN(first) || first === batch.size || (first === -1 && known === size);
  if (!isBatch || open > 1 || (open === 0 ? known !== size : size % known !== 0)) return undefined;
  const dims: (readonly Axis[])[] = [[batch]];
  let next = 0;
  for (const given of rest) {
    const extent = given === -1 ? size / known : given;
    const dim: Axis[] = [];
    while (extentOf(dim) < extent && next < axes.length) dim.push(axes[next++]);
    if (extentOf(dim) !== extent) return undefined;
    dims.push(dim);
  }
  return next === axes.length ? dims : undefined;
}
