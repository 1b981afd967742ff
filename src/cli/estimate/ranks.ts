/**
 * What ranks bring (docs/ranks.md), on paper: each party on a machine of its own with a core for each rank, and the link of the estimate between
 * any two of them. A step then takes what the busiest rank has to compute, its samples and its part of the update; or what the ranks
 * of a party send together takes on a link, whichever is more; and the rounds of one rank. What ranks of one party hand each other is in memory: it
 * is counted, but takes no time.
 */
import type { LinkModel } from '../../channel/linkModel.ts';
import { type Counted, countInference, countTraining, total } from '../../nn/count.ts';
import { networkWithoutBatchNorm } from '../../nn/foldBatchNorm.ts';
import { misfit, parameters } from '../../nn/network.ts';
import { partsOfRank, rankPart } from '../../nn/ranks.ts';
import { partsOf } from '../../nn/trainStep.ts';
import { sizeOf } from '../../ring/shape.ts';
import type { TrainSettings } from '../options/training.ts';
import type { Rates } from './calibrate.ts';
import { secondsOf, type Seconds } from './model.ts';

export interface RankLine {
  readonly ranks: number;
  /** Of all ranks, by all parties together. */
  readonly bytes: number;
  /** What each hands the others of its party in a step of a training, of weights and their gradients. */
  readonly handedBytes?: number;
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
  const parts = partsOf(batch, part);
  // Layers may need more than one to have statistics.
  const fewest = misfit(settings.network, settings.truncation, 1) === undefined ? 1 : 2;
  const samples = partsOfRank(parts, { rank: ranks - 1, size: ranks }).reduce(
    (sum, { from, to }) => sum + to - from,
    0,
  );
  const [all, one] = await Promise.all([step(settings, batch, part), step(settings, Math.max(fewest, samples), part)]);
  const seconds = rankSeconds(all, one, rates, link);
  const counted = { ranks, bytes: all.bytes, handedBytes: handedBytes(settings, ranks), rounds: one.rounds };
  if (ranks === 1) return { ...counted, seconds, limit: limitOf(seconds) };
  // What a step takes without samples is the update, of which each rank does its part.
  const [least, twice] = (await Promise.all([1, 2].map((count) => step(settings, count * fewest, part)))).map(
    (each) => rankSeconds(all, each, rates, link).compute,
  );
  const updating = Math.max(0, 2 * least - twice);
  const compute = Math.max(0, seconds.compute - updating * (1 - 1 / ranks));
  const busiest = { ...seconds, compute, total: Math.max(compute, seconds.transfer) + seconds.latency };
  return { ...counted, seconds: busiest, limit: limitOf(busiest) };
}

/** In a step a rank hands on the gradients that others hold, and to each of them what products take of its own weights (`exchange.ts`). */
function handedBytes({ network, truncation }: TrainSettings, ranks: number): number {
  const arrays = (operand: boolean | undefined): number => (operand === true && truncation === 'local' ? 2 : 1);
  const both = parameters(network).reduce((sum, { shape, operand }) => sum + (1 + arrays(operand)) * sizeOf(shape), 0);
  return Math.round(8 * both * (1 - 1 / ranks));
}

/** A batch of an inference, whose parts the ranks predict side by side; rank 0 opens the weights, once. */
export async function rankPrediction(settings: TrainSettings, ranks: number, rates: Rates): Promise<RankLine> {
  const { batch, link } = settings;
  // As `infer` shares a model.
  const network = networkWithoutBatchNorm(settings.network);
  const part = rankPart(batch, ranks);
  const [first, later] = await countInference(network, settings, part, 2);
  const others = partsOf(batch - part, part).map(({ from, to }) => to - from);
  const counts = new Map([[part, later]]);
  for (const size of new Set(others))
    if (size !== part) counts.set(size, (await countInference(network, settings, size, 2))[1]);
  const all = total([first, ...others.map((size) => counts.get(size)!)]);
  const seconds = rankSeconds(all, first, rates, link);
  return { ranks, bytes: all.bytes, rounds: first.rounds, seconds, limit: limitOf(seconds) };
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
