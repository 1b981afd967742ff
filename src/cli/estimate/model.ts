/**
 * Time from counts: what three parties on one machine compute shares its cores, what a link carries takes its bandwidth, and every round
 * waits for half a round trip.
 *
 *     seconds = max(compute / (cores · BUSY), bytes of the busiest link / bandwidth) + rounds · (RTT / 2 + (hop + turn) / BUSY)
 *
 * Computing and sending overlap (tensors flow in chunks), rounds do not.
 */
import type { LinkModel } from '../../channel/linkModel.ts';
import type { Counted } from '../../nn/count.ts';
import type { Work } from '../../engine/countedValues.ts';
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
/**
 * The share of the cores' time that the parties make use of: the rest they wait for one another, for a core and for the garbage collector.
 * Where it was measured (A to D on two cores, `bench/results/table.json`), training and inference took 1.2 to 2.3 times what their parts
 * take one by one.
 */
const BUSY = 0.6;

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
  const compute = (protocols + channel) / (cores * BUSY);
  const transfer = link === undefined ? 0 : counted.busiestLinkBytes / (1e6 * link.megabytesPerSecond);
  const latency = counted.rounds * ((link?.rttMs ?? 0) / 2000 + (rates.hop + rates.turn) / BUSY);
  return { total: Math.max(compute, transfer) + latency, compute, transfer, latency };
}
