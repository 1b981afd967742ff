/** What a rank counts of itself, in memory that rank 0 reads: it adds up what a party says of its progress. */
import type { Link } from '../../channel/channel.ts';
import type { WaitMeter } from '../wait-meter.ts';

export interface RankCounters {
  /** Of frames, to the two other parties. */
  readonly bytesSent: number;
  readonly waitSeconds: number;
  readonly computeSeconds: number;
}

const FIELDS = ['bytesSent', 'waitSeconds', 'computeSeconds'] as const satisfies (keyof RankCounters)[];

/** What a rank has spent so far. @param links its own; what the owner is sent does not count */
export function countersOf(meter: WaitMeter | undefined, links: Iterable<Link>): RankCounters {
  const toParties = [...links].filter(({ peer }) => peer !== 'owner');
  return {
    bytesSent: toParties.reduce((sum, { sent }) => sum + sent.frameBytes, 0),
    waitSeconds: meter?.waitSeconds ?? 0,
    computeSeconds: meter?.computeSeconds ?? 0,
  };
}

export function countersMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * FIELDS.length);
}

export function writeCounters(memory: SharedArrayBuffer, counters: RankCounters): void {
  const fields = new Float64Array(memory);
  FIELDS.forEach((field, i) => (fields[i] = counters[field]));
}

export function readCounters(memory: SharedArrayBuffer): RankCounters {
  const [bytesSent, waitSeconds, computeSeconds] = new Float64Array(memory);
  return { bytesSent, waitSeconds, computeSeconds };
}
