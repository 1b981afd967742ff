/**
 * Time from counts: what three parties on one machine compute shares its cores, what a link carries takes its bandwidth, and every round
 * waits for half a round trip.
 *
 *     seconds = max(compute / cores, bytes of the busiest link / bandwidth) + rounds · (RTT / 2 + hop)
 *
 * Computing and sending overlap (tensors flow in chunks), rounds do not.
 */
import type { LinkModel } from '../../channel/linkModel.ts';
import type { Counted } from '../../nn/count.ts';
import type { Work } from '../../protocols/counting.ts';
import type { Rates } from './calibrate.ts';

export interface Seconds {
  readonly total: number;
  /** Of all parties, on the cores they share. */
  readonly compute: number;
  readonly transfer: number;
  readonly latency: number;
}

/** Parties on one machine use at most so many cores. */
const PARTIES = 3;

export function secondsOf(
  counted: Counted,
  rates: Rates,
  link: LinkModel | undefined,
  machine: { readonly cores: number; readonly workers: number },
): Seconds {
  const kinds = Object.keys(rates.work) as (keyof Work)[];
  const protocols = kinds.reduce((sum, kind) => sum + rates.work[kind] * counted.work[kind], 0);
  const channel = rates.message * counted.messages + rates.byte * counted.bytes;
  const cores = Math.min(machine.cores, PARTIES * machine.workers);
  const compute = (protocols + channel) / cores;
  const transfer = link === undefined ? 0 : counted.busiestLinkBytes / (1e6 * link.megabytesPerSecond);
  const latency = counted.rounds * ((link?.rttMs ?? 0) / 2000 + rates.hop);
  return { total: Math.max(compute, transfer) + latency, compute, transfer, latency };
}
