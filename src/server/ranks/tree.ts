/** The tree of a party's ranks (`team.ts`): who stands where. */

/** Whom a rank hands sums to; rank 0 to nobody. */
export function parentOf(rank: number): number {
  return Math.floor(rank / 2);
}

/** Who hands sums to a rank. */
export function childrenOf(rank: number, size: number): number[] {
  const children = rank === 0 ? [1] : [2 * rank, 2 * rank + 1];
  return children.filter((child) => child < size);
}
