/**
 * What ranks bring (docs/ranks.md), on paper: each party on a machine of its own with a core for each rank, and the link of the estimate between
 * any two of them. A step then takes what rank 0 has to compute, which has its part of the batch and updates the weights; or what the ranks
 * of a party send together takes on a link, whichever is more; and the rounds of one rank. What ranks of one party hand each other is in memory, and
 * not counted.
 */
import type { LinkModel } from '../../channel/linkModel.ts';
import { type Counted, countTraining } from '../../nn/count.ts';
import { rankPart } from '../../nn/ranks.ts';
import type { TrainSettings } from '../options/training.ts';
import type { Rates } from './calibrate.ts';
import { secondsOf, type Seconds } from './model.ts';

export interface RankLine {
  readonly ranks: number;
  /** Of all ranks, by all parties together. */
  readonly bytes: number;
  /** Of one rank. */
  readonly rounds: number;
  readonly seconds: Seconds;
  readonly limit: 'computing' | 'link' | 'rounds';
}

/** 1, 2, 4, … and `most`, as far as a batch reaches. */
export function ranksShown(most: number): number[] {
  const shown: number[] = [];
  for (let ranks = 1; ranks < most; ranks *= 2) shown.push(ranks);
  return [...shown, most];
}

export async function rankLine(settings: TrainSettings, ranks: number, rates: Rates): Promise<RankLine> {
  const { batch, link } = settings;
  const part = rankPart(batch, ranks, settings.microBatch);
  // A rank has so many parts at the most.
  const own = part * Math.ceil(Math.ceil(batch / part) / ranks);
  const all = await step(settings, batch, part);
  const one = await step(settings, own, part);
  const seconds = rankSeconds(all, one, rates, link);
  return { ranks, bytes: all.bytes, rounds: one.rounds, seconds, limit: limitOf(seconds) };
}

/** The second step of a training: weights are open by then. */
async function step(settings: TrainSettings, batch: number, microBatch: number): Promise<Counted> {
  const options = { ...settings, batch, microBatch, epochs: undefined, steps: 2, showLoss: false };
  const { steps } = await countTraining(settings.network, options, { trainImages: 2 * batch, testImages: 0 });
  return steps[1];
}

/** @param all of all ranks  @param one of one of them, which computes on a core of its own */
export function rankSeconds(all: Counted, one: Counted, rates: Rates, link: LinkModel | undefined): Seconds {
  const { compute, latency } = secondsOf(one, rates, link, { cores: 3, workers: 1 });
  const { transfer } = secondsOf(all, rates, link, { cores: 3, workers: 1 });
  return { total: Math.max(compute, transfer) + latency, compute, transfer, latency };
}

function limitOf({ compute, transfer, latency }: Seconds): RankLine['limit'] {
  if (latency > Math.max(compute, transfer)) return 'rounds';
  return transfer > compute ? 'link' : 'computing';
}
