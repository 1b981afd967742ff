/**
 * What ranks bring (docs/ranks.md), on paper: each party on a machine of its own with a core for each rank, and the link of the estimate between
 * any two of them. A step then takes what the busiest rank has to compute: rank 0, which has fewer samples and updates the weights, or another; or what the ranks
 * of a party send together takes on a link, whichever is more; and the rounds of one rank. What ranks of one party hand each other is in memory, and
 * not counted.
 */
import type { LinkModel } from '../../channel/linkModel.ts';
import { type Counted, countTraining } from '../../nn/count.ts';
import { leadOf, partsOfRank, rankPart } from '../../nn/ranks.ts';
import { partsOf } from '../../nn/trainStep.ts';
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
  const { batch, link, network } = settings;
  const lead = leadOf(network);
  const part = rankPart(batch, ranks, settings.microBatch, lead);
  const parts = partsOf(batch, part);
  const samplesOf = (rank: number): number =>
    partsOfRank(parts, { rank, size: ranks }, lead).reduce((sum, { from, to }) => sum + to - from, 0);
  const all = await step(settings, batch, part);
  // Rank 0 updates the weights, the others have more samples.
  const first = await step(settings, samplesOf(0), part);
  const seconds = rankSeconds(all, first, rates, link);
  if (ranks === 1) return { ranks, bytes: all.bytes, rounds: first.rounds, seconds, limit: limitOf(seconds) };
  const counted = await Promise.all([samplesOf(1), 1, 2].map((samples) => step(settings, samples, part)));
  const [other, least, twice] = counted.map((each) => rankSeconds(all, each, rates, link));
  const updating = Math.max(0, 2 * least.compute - twice.compute);
  const compute = Math.max(seconds.compute, other.compute - updating);
  const latency = Math.max(seconds.latency, other.latency);
  const busiest = { ...seconds, compute, latency, total: Math.max(compute, seconds.transfer) + latency };
  const rounds = Math.max(first.rounds, counted[0].rounds);
  return { ranks, bytes: all.bytes, rounds, seconds: busiest, limit: limitOf(busiest) };
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
