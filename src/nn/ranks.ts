/**
 * A party as several ranks (docs/ranks.md): each computes some parts of a batch, with streams at the addresses of those parts, so what the
 * ranks compute together is, bit for bit, what one rank computes part by part. Rank 0 leads: it updates the weights, which it opens once and
 * hands on; sums over samples are added up on their way to it, inside the party.
 */
import type { BatchPart, Engine, Value } from '../engine/engine.ts';
import type { Parameters } from './forward.ts';
import { sizeOf } from '../ring/shape.ts';
import { type Network, parameters, type ParameterSpec, productLayers } from './network.ts';

/** Of a party. */
export const MOST_RANKS = 256;

/** What rank 0 begins next. */
export type RankOrder =
  | { readonly kind: 'step'; readonly step: number }
  | { readonly kind: 'evaluation'; readonly evaluation: number }
  /** A batch of an inference, counted from 0. */
  | { readonly kind: 'inference'; readonly batch: number };

/** The ranks of one party, as one of them sees them. */
export interface Team {
  /** 0 leads. */
  readonly rank: number;
  readonly size: number;
  /** Rank 0: all begin this. */
  begin(order: RankOrder): Promise<void>;
  /** The others: what is begun next; undefined when the work is over. */
  next(): Promise<RankOrder | undefined>;
  /**
   * Parameters as all ranks use them. Rank 0 opens the operands among its own, once, and hands them on.
   * @param label unlike any other of the session
   * @param mine at rank 0
   */
  parameters(
    engine: Engine,
    label: string,
    specs: readonly ParameterSpec[],
    mine: Parameters | undefined,
  ): Promise<Parameters>;
  /**
   * x added to what this rank has of the same sum and to what the first `among` ranks have; undefined but at rank 0.
   * @param label unlike any other of the session
   */
  sum(engine: Engine, label: string, before: Value | undefined, x: Value, among?: number): Promise<Value | undefined>;
  /**
   * Rows that ranks have computed, one behind the other as `partsOfRank` cuts them; undefined but at rank 0. Resolves when all ranks have theirs.
   * @param label unlike any other of the session
   * @param mine undefined where this rank has none
   */
  join(engine: Engine, label: string, rows: JoinedRows, mine: Value | undefined): Promise<Value | undefined>;
}

/** What ranks have computed, in all. */
export interface JoinedRows {
  /** Of each rank; 0 of one that had nothing to compute. */
  readonly rows: readonly number[];
  readonly columns: number;
}

/**
 * Nanoseconds of a thread, as they were measured with networks A and C (docs/ranks.md): a product of the way forward with its two of the way back, an
 * output of a layer that is compared, and what rank 0 does for a weight beyond what every rank does. They balance ranks and decide no value.
 */
const PER_PRODUCT = 0.75;
const PER_OUTPUT = 25;
const PER_WEIGHT = 120;

/** What rank 0 does beside its part of a batch, which is to update the weights, in samples that it could compute meanwhile. */
export function leadOf(network: Network): number {
  let sample = 0;
  for (const { products, outputs } of productLayers(network)) sample += PER_PRODUCT * products + PER_OUTPUT * outputs;
  const weights = parameters(network).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return Math.round((PER_WEIGHT * weights) / sample);
}

/**
 * Samples that one rank computes at a time, so that each rank has some and rank 0, whose are the last, fewer by `lead`; `most` at the most.
 * @param lead of `leadOf`
 */
export function rankPart(batch: number, ranks: number, most: number = batch, lead = 0): number {
  if (ranks > batch) throw new RangeError(`${ranks} ranks: a batch has only ${batch} samples, and each rank needs one`);
  if (ranks === 1) return Math.min(batch, most);
  const even = Math.ceil((batch + lead) / ranks);
  return Math.min(even, Math.floor((batch - 1) / (ranks - 1)), most);
}

/**
 * The parts of a batch that a rank computes: a run of them, the last ones at rank 0, which updates the weights when all is added up. Where there
 * are fewer parts than ranks the first ranks have one each.
 */
export function partsOfRank(
  parts: readonly BatchPart[],
  { rank, size }: Pick<Team, 'rank' | 'size'>,
  lead = 0,
): readonly BatchPart[] {
  const among = Math.min(size, parts.length);
  if (rank >= among) return [];
  const place = among - 1 - rank;
  const [{ to: samples }] = parts;
  const each = (parts.length + lead / samples) / among;
  const start = (i: number): number =>
    i === among ? parts.length : Math.min(Math.ceil(i * each), parts.length - among + i);
  return parts.slice(start(place), start(place + 1));
}
