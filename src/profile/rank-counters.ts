/** What each rank of a party spends (docs/ranks.md), and which of them has most to do. A list of ranks begins with rank 0. */
import * as z from 'zod';

export interface RankCounters {
  /** Of frames, to the two other parties. */
  readonly bytesSent: number;
  readonly waitSeconds: number;
  readonly computeSeconds: number;
  /** Of its main thread on a core; 0 where the system does not count it. */
  readonly cpuSeconds: number;
}

export const RANK_FIELDS: readonly (keyof RankCounters)[] = [
  'bytesSent',
  'waitSeconds',
  'computeSeconds',
  'cpuSeconds',
];

const amount = z.number().min(0).max(1e15);
export const rankCountersSchema: z.ZodType<RankCounters> = z.strictObject({
  bytesSent: amount,
  waitSeconds: amount,
  computeSeconds: amount,
  cpuSeconds: amount,
});

/** The same of each field. @param value of a field, with its name */
export function rankCounters(value: (field: keyof RankCounters) => number): RankCounters {
  const [bytesSent, waitSeconds, computeSeconds, cpuSeconds] = RANK_FIELDS.map(value);
  return { bytesSent, waitSeconds, computeSeconds, cpuSeconds };
}

/** What each has spent from one reading to the next; seconds in whole microseconds. */
export function spentBetween(before: readonly RankCounters[], now: readonly RankCounters[]): RankCounters[] {
  return now.map((own, rank) =>
    rankCounters((field) => Math.round(1e6 * Math.max(0, own[field] - (before[rank]?.[field] ?? 0))) / 1e6),
  );
}

/** What each has spent in all of some stretches, of as many ranks each. */
export function sumOfRanks(stretches: readonly (readonly RankCounters[])[]): RankCounters[] {
  return (stretches[0] ?? []).map((_, rank) =>
    rankCounters((field) => stretches.reduce((sum, ranks) => sum + (ranks[rank]?.[field] ?? 0), 0)),
  );
}

/** The rank that has most to do, with the seconds of it and how many times the mean of the party's ranks they are. */
export interface BusiestRank {
  readonly rank: number;
  readonly seconds: number;
  readonly overMean: number;
}

/** By seconds on a core where the system counts them, by seconds that were not waited elsewhere. Undefined where nothing was spent. */
export function busiestRank(ranks: readonly RankCounters[]): BusiestRank | undefined {
  const field = ranks.some(({ cpuSeconds }) => cpuSeconds > 0) ? 'cpuSeconds' : 'computeSeconds';
  const seconds = ranks.map((own) => own[field]);
  const all = seconds.reduce((sum, own) => sum + own, 0);
  if (all === 0) return undefined;
  const most = Math.max(...seconds);
  return { rank: seconds.indexOf(most), seconds: most, overMean: (most * ranks.length) / all };
}
