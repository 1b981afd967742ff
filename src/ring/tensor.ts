/**
 * Tensors over Z_{2^64}: a shape and a flat, row-major BigUint64Array. The typed array is a container: kernels and the loops of
 * `z64.ts` read it as pairs of u32 or as i64 lanes, and nothing on a hot path touches its elements as BigInt.
 */
export type Shape = readonly number[];

export interface Tensor {
  readonly shape: Shape;
  /** Row-major elements of Z_{2^64}; length = product of the shape. */
  readonly data: BigUint64Array;
}

/** Number of elements of a shape; `[]` is a scalar of one element. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 0)
      throw new RangeError(`shape [${shape.join(',')}]: extents are non-negative integers`);
    size *= extent;
  }
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}

/** A tensor whose length is checked against its shape. */
export function tensor(shape: Shape, data: BigUint64Array): Tensor {
  const size = sizeOf(shape);
  if (data.length !== size)
    throw new RangeError(`tensor [${shape.join(',')}]: expected ${size} elements, found ${data.length}`);
  return { shape, data };
}
