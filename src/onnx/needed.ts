/**
 * What a result depends on, in its order.
 * @param items each behind those that it reads
 */
export function neededFor<T, K>(
  wanted: readonly K[],
  items: readonly T[],
  gives: (item: T) => readonly K[],
  reads: (item: T) => readonly K[],
): T[] {
  const needed = new Set(wanted);
  const kept = items.toReversed().filter((item) => {
    if (!gives(item).some((key) => needed.has(key))) return false;
    for (const key of reads(item)) needed.add(key);
    return true;
  });
  return kept.reverse();
}
