/** Which values are truncated and multiplied with each other (`truncateProducts.ts`). */

/** Rows i and j that are multiplied. */
export type Pair = readonly [i: number, j: number];

/** What is truncated: `rows` vectors, one after the other. */
export interface ProductShape {
  readonly rows: number;
  readonly columns: number;
  readonly bits: number;
  readonly pairs: readonly Pair[];
}

/** Above this the product of two wraps does not vanish. */
export const MOST_BITS = 32;

/** Whether products follow from the openings of a truncation by so many bits. */
export function follow(bits: number): boolean {
  return Number.isInteger(bits) && bits >= 1 && bits <= MOST_BITS;
}

export function checkProducts({ rows, bits, pairs }: ProductShape): void {
  if (!follow(bits)) throw new RangeError(`truncation by ${bits} bits before a product: expected 1 … ${MOST_BITS}`);
  for (const i of pairs.flat())
    if (!Number.isInteger(i) || i < 0 || i >= rows) throw new RangeError(`products: row ${i} of ${rows}`);
}
