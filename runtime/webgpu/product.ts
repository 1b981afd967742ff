/** A product (m,k) · (k,n) over Z_{2^64} as the kernels see it: of matrices or, read from tensors, of a convolution. */
import type { Gpu } from './device.ts';

/** Sizes of a product (m,k) · (k,n); k for each term. All at least 1. */
export interface ProductSizes {
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

export interface Product extends ProductSizes {
  /** Whose operand loader the kernels include (shaders/shared/…Operands.wgsl), and their constants for it. */
  readonly kind: 'gemm' | 'conv';
  readonly constants: Readonly<Record<string, number>>;
  /** The loader's uniform: strides, or the shape of a convolution. */
  readonly operandLayout: readonly number[];
  /** Whether neighbours along the inner dimension are neighbours in memory. */
  readonly innerFirst: { readonly a: boolean; readonly b: boolean };
  /** One or two. */
  readonly terms: readonly { readonly a: BigUint64Array; readonly b: BigUint64Array }[];
  readonly addend: BigUint64Array | undefined;
}

/** Whether buffers of so many elements can be bound. */
export function fits(gpu: Gpu, ...lengths: readonly number[]): boolean {
  return lengths.every((length) => length * 8 <= gpu.maxBindingBytes);
}

/** A one-dimensional job on a grid of workgroups whose sides are limited: the width, and the grid. */
export function foldGrid(gpu: Gpu, groups: number, depth = 1): { width: number; grid: [number, number, number] } {
  const width = Math.min(groups, gpu.maxGroups);
  return { width, grid: [width, Math.ceil(groups / width), depth] };
}

/** What every kernel of a product reads from bindings 1 to 4. */
export function operandBindings({ terms }: Product): [binding: number, content: BigUint64Array][] {
  const first = terms[0];
  const second = terms.at(-1) ?? first;
  return [
    [1, first.a],
    [2, first.b],
    [3, second.a],
    [4, second.b],
  ];
}
