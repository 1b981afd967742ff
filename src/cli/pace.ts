/** How fast the parties go, and how much of their time they compute or wait: of the last steps on the way, of all of them at the end. */
import { PARTIES, type PartyName } from '../client/parties.ts';
import { sumOf, type Spent } from '../client/spent.ts';
import {
  type BusiestRank,
  busiestRank,
  type RankCounters,
  rankCounters,
  sumOfRanks,
} from '../profile/rank-counters.ts';

/** Percents of each party's time, and of all three together. */
export interface PartyPercents {
  readonly p0: number;
  readonly p1: number;
  readonly p2: number;
  readonly all: number;
}

export interface Pace {
  /** By all parties together. */
  readonly megabytesSentPerSecond: number;
  /** How much of its time a party waited for messages; the rest it computed. Null without parties. */
  readonly waitPercent: PartyPercents | null;
  /** Of parties of several ranks. */
  readonly ranks?: RankPace;
}

/** What each rank of a party spent, from rank 0 on: the mean over steps, or batches. */
export interface RankPace {
  readonly p0: readonly RankCounters[];
  readonly p1: readonly RankCounters[];
  readonly p2: readonly RankCounters[];
  /** How much more than the mean of its party's ranks the busiest rank does: 1 where all do as much. */
  readonly imbalance: Readonly<Record<'p0' | 'p1' | 'p2', number>>;
}

type Waiting = Pick<Spent, 'computeSeconds' | 'waitSeconds'>;

/** Share of these parties' time in which they waited; undefined where none was measured. */
export function waitShare(steps: readonly Waiting[], parties: readonly PartyName[] = PARTIES): number | undefined {
  let [compute, wait] = [0, 0];
  for (const { computeSeconds, waitSeconds } of steps) {
    for (const party of parties) {
      compute += computeSeconds[party];
      wait += waitSeconds[party];
    }
  }
  return compute + wait > 0 ? wait / (compute + wait) : undefined;
}

/** Megabytes (10^6 bytes) a second that the parties sent, all three together. */
export function megabytesPerSecond(steps: readonly Pick<Spent, 'seconds' | 'bytesSent'>[]): number {
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0);
  return seconds === 0 ? 0 : steps.reduce((sum, { bytesSent }) => sum + sumOf(bytesSent), 0) / 1e6 / seconds;
}

/** The rank that has most to do, of all parties, with what each rank of a party spent in some steps. Undefined where no party has several. */
export function slowestRank(
  steps: readonly Pick<Spent, 'ranks'>[],
): (BusiestRank & { readonly party: PartyName }) | undefined {
  const busiest = PARTIES.flatMap((party) => {
    const found = busiestRank(ranksOf(steps, party));
    return found === undefined ? [] : [{ ...found, party }];
  });
  return busiest.toSorted((a, b) => b.seconds - a.seconds)[0];
}

function ranksOf(steps: readonly Pick<Spent, 'ranks'>[], party: PartyName): RankCounters[] {
  return sumOfRanks(steps.flatMap(({ ranks }) => (ranks === undefined ? [] : [ranks[party]])));
}

function rankPace(steps: readonly Pick<Spent, 'ranks'>[]): RankPace | undefined {
  const told = steps.filter(({ ranks }) => ranks !== undefined);
  if (told.length === 0) return undefined;
  const [p0, p1, p2] = PARTIES.map((party) =>
    ranksOf(told, party).map((own) =>
      rankCounters((field) => (field === 'bytesSent' ? Math.round : rounded)(own[field] / told.length)),
    ),
  );
  const [i0, i1, i2] = [p0, p1, p2].map((ranks) => rounded(busiestRank(ranks)?.overMean ?? 1));
  return { p0, p1, p2, imbalance: { p0: i0, p1: i1, p2: i2 } };
}

function rounded(value: number): number {
  return Number(value.toFixed(6));
}

/** Leaves the first step out, if there are others: a party that had its inputs early waited in it until all had theirs. */
export function paceOf(all: readonly Spent[]): Pace {
  const steps = all.length > 1 ? all.slice(1) : all;
  const percent = (...parties: PartyName[]): number => Number((100 * (waitShare(steps, parties) ?? 0)).toFixed(2));
  const waitPercent = { p0: percent('P0'), p1: percent('P1'), p2: percent('P2'), all: percent(...PARTIES) };
  const ranks = rankPace(steps);
  return {
    megabytesSentPerSecond: rounded(megabytesPerSecond(steps)),
    waitPercent: waitShare(steps) === undefined ? null : waitPercent,
    ...(ranks && { ranks }),
  };
}

/** `compute 62 % · wait 38 %`. */
export function shareInWords(waitPercent: number): string {
  const wait = Math.round(waitPercent);
  return `compute ${100 - wait} % · wait ${wait} %`;
}
