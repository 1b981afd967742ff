/** What a rank counts of itself, in memory that rank 0 reads: it adds up what a party says of its progress. */
import type { Link } from '../../channel/channel.ts';
import { coreTimeMeter } from '../../profile/core-wait.ts';
import { RANK_FIELDS, rankCounters, type RankCounters } from '../../profile/rank-counters.ts';
import type { WaitMeter } from '../wait-meter.ts';

/** Of this thread, which each rank has of its own. */
const onCore = coreTimeMeter();

/** What a rank has spent so far. @param links its own; what the owner is sent does not count */
export function countersOf(meter: WaitMeter | undefined, links: Iterable<Link>): RankCounters {
  const toParties = [...links].filter(({ peer }) => peer !== 'owner');
  return {
    bytesSent: toParties.reduce((sum, { sent }) => sum + sent.frameBytes, 0),
    waitSeconds: meter?.waitSeconds ?? 0,
    computeSeconds: meter?.computeSeconds ?? 0,
    cpuSeconds: (onCore?.() ?? 0) / 1000,
  };
}

export function countersMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * RANK_FIELDS.length);
}

export function writeCounters(memory: SharedArrayBuffer, counters: RankCounters): void {
  const fields = new Float64Array(memory);
  RANK_FIELDS.forEach((field, i) => (fields[i] = counters[field]));
}

export function readCounters(memory: SharedArrayBuffer): RankCounters {
  const fields = new Float64Array(memory);
  return rankCounters((field) => fields[RANK_FIELDS.indexOf(field)]);
}
