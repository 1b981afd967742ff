/** How fast the parties go, and how much of their time they compute or wait: of the last steps on the way, of all of them at the end. */
import { PARTIES, type PartyName } from '../client/parties.ts';
import { sumOf, type Spent } from '../client/spent.ts';

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

/** Leaves the first step out, if there are others: a party that had its inputs early waited in it until all had theirs. */
export function paceOf(all: readonly Spent[]): Pace {
  const steps = all.length > 1 ? all.slice(1) : all;
  const percent = (...parties: PartyName[]): number => Number((100 * (waitShare(steps, parties) ?? 0)).toFixed(2));
  const waitPercent = { p0: percent('P0'), p1: percent('P1'), p2: percent('P2'), all: percent(...PARTIES) };
  return {
    megabytesSentPerSecond: Number(megabytesPerSecond(steps).toFixed(6)),
    waitPercent: waitShare(steps) === undefined ? null : waitPercent,
  };
}

/** `compute 62 % · wait 38 %`. */
export function shareInWords(waitPercent: number): string {
  const wait = Math.round(waitPercent);
  return `compute ${100 - wait} % · wait ${wait} %`;
}
