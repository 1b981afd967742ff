/**
 * A party as several ranks (docs/ranks.md): each computes some parts of a batch, with streams at the addresses of those parts, so what the
 * ranks compute together is, bit for bit, what one rank computes part by part. Rank 0 leads: it updates the weights, which it opens once and
 * hands on; sums over samples are added up on their way to it, inside the party.
 */
import type { BatchPart, Engine, Value } from '../engine/engine.ts';
import type { Parameters } from './forward.ts';
import type { ParameterSpec } from './network.ts';

/** Of a party. */
export const MOST_RANKS = 256;

/** What rank 0 begins next. */
export type RankOrder =
  { readonly kind: 'step'; readonly step: number } | { readonly kind: 'evaluation'; readonly evaluation: number };

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
}

/** Samples that one rank computes at a time, so that each rank has some; `most` at the most. */
export function rankPart(batch: number, ranks: number, most: number = batch): number {
  if (ranks > batch) throw new RangeError(`${ranks} ranks: a batch has only ${batch} samples, and each rank needs one`);
  const even = Math.ceil(batch / ranks);
  const part = Math.ceil(batch / even) < ranks ? Math.floor(batch / ranks) : even;
  return Math.min(part, most);
}

/** The parts of a batch that a rank computes: a run of them, the last ones at rank 0, which updates the weights when all is added up. */
export function partsOfRank(
  parts: readonly BatchPart[],
  { rank, size }: Pick<Team, 'rank' | 'size'>,
): readonly BatchPart[] {
  const place = size - 1 - rank;
  const start = (i: number): number => Math.ceil((i * parts.length) / size);
  return parts.slice(start(place), start(place + 1));
}
