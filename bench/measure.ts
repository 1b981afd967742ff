/** Timing of one operation. */

export interface Timing {
  /** Median and least time of one run, in milliseconds. */
  readonly median: number;
  readonly best: number;
}

/** Runs `operation` until `milliseconds` have passed and at least five times, after two runs to warm up. */
export async function measure(operation: () => unknown, milliseconds = 500): Promise<Timing> {
  await operation();
  await operation();
  const times: number[] = [];
  const end = performance.now() + milliseconds;
  while (times.length < 5 || performance.now() < end) {
    const start = performance.now();
    await operation();
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return { median: times[times.length >> 1], best: times[0] };
}

/** Two sides measured one right after the other: the first one first, in every second turn the other. */
export async function inTurn<Side extends string, T>(
  turn: number,
  [first, second]: readonly [Side, Side],
  measureSide: (side: Side) => Promise<T>,
): Promise<Readonly<Record<Side, T>>> {
  const found = new Map<Side, T>();
  for (const side of turn % 2 === 0 ? [first, second] : [second, first]) found.set(side, await measureSide(side));
  return Object.fromEntries(found) as Record<Side, T>;
}

/** Three significant digits. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Below it is that share of the values, above it the rest. @param share less than 1 */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * values.length)];
}
