/**
 * Shapes. A tensor over Z_{2^64} is a shape beside a flat, row-major BigUint64Array: the typed array is a container, read as pairs of u32
 * (`z64.ts`) or as i64 lanes (kernels), and nothing on a hot path touches its elements as BigInt.
 */
export type Shape = readonly number[];

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
