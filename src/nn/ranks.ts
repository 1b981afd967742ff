/**
 * A party as several ranks (docs/ranks.md): each computes some parts of a batch, with streams at the addresses of those parts, and holds some
 * pieces of the training state, with streams at the addresses of those, so what the ranks compute together is, bit for bit, what one rank computes
 * part by part. Sums over samples are added up inside the party, each where its pieces are updated; rank 0 leads.
 */
import type { BatchPart, Engine, Value } from '../engine/engine.ts';
import type { Handed } from '../functions/wholeBatch.ts';
import type { Parameters } from './forward.ts';
import type { State } from './optimizer.ts';
import type { Piece, Pieces, Tensor } from './pieces.ts';
import type { OthersState } from './wholeState.ts';

/** Of a party. */
export const MOST_RANKS = 256;

/** What rank 0 begins next. */
export type RankOrder =
  | { readonly kind: 'step'; readonly step: number }
  | { readonly kind: 'evaluation'; readonly evaluation: number }
  /** A batch of an inference, counted from 0. */
  | { readonly kind: 'inference'; readonly batch: number }
  /** Rank 0 reads all pieces. */
  | { readonly kind: 'gather'; readonly what: Gathered };

/** Shares of the parameters, or all that is held of what is kept from step to step. */
export type Gathered = 'parameters' | 'state';

/** The sum of all ranks' portions of a piece of a gradient. @param own this rank's */
export type PieceSum = (engine: Engine, piece: Piece, own: Value) => Promise<Value>;

/** The ranks of one party, as one of them sees them. */
export interface Team {
  /** 0 leads. */
  readonly rank: number;
  readonly size: number;
  /** Rank 0: all begin this. */
  begin(order: RankOrder): Promise<void>;
  /** The others: what is begun next; undefined when the work is over. */
  next(): Promise<RankOrder | undefined>;
  /** The pieces that this rank holds from here on. @param all at rank 0, some pieces after the others: none stays there that another rank holds */
  deal(engine: Engine, pieces: Pieces, all: AsyncIterable<State> | undefined): Promise<State>;
  /** At rank 0 what the others hold, of which it has ordered `what`; they give it as it asks for it, and have nothing. */
  gather(engine: Engine, what: Gathered, pieces: Pieces, mine: State): Promise<OthersState | undefined>;
  /**
   * Parameters as all ranks use them. Each rank opens the operands among its pieces, once, and hands them on.
   * @param label unlike any other of the session
   */
  parameters(engine: Engine, label: string, pieces: Pieces, mine: State): Promise<Parameters>;
  /**
   * Hands a tensor's gradient, of this rank's samples, on to those who hold pieces of it.
   * @param label unlike any other of the session
   */
  exchange(engine: Engine, label: string, pieces: Pieces, tensor: Tensor, gradient: Value): Promise<PieceSum>;
  /** This rank has done its part; at rank 0: all have. @param label unlike any other of the session */
  over(label: string): Promise<void>;
  /**
   * x added to what this rank has of the same sum and to what the first `among` ranks have; undefined but at rank 0.
   * @param label unlike any other of the session
   */
  sum(engine: Engine, label: string, before: Value | undefined, x: Value, among?: number): Promise<Value | undefined>;
  /**
   * What rank 0 has made, as all ranks use it.
   * @param label unlike any other of the session, and of the present path
   * @param x at rank 0
   */
  handOn(engine: Engine, label: string, handed: Handed, x: Value | undefined): Promise<Value>;
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
 * Samples that one rank computes at a time, so that each rank has some; `most` at the most.
 */
export function rankPart(batch: number, ranks: number, most: number = batch): number {
  if (ranks > batch) throw new RangeError(`${ranks} ranks: a batch has only ${batch} samples, and each rank needs one`);
  if (ranks === 1) return Math.min(batch, most);
  return Math.min(Math.ceil(batch / ranks), Math.floor((batch - 1) / (ranks - 1)), most);
}

/** The parts of a batch that a rank computes: a run of them, the last ones at rank 0. Where there are fewer parts than ranks the first ranks have one each. */
export function partsOfRank(
  parts: readonly BatchPart[],
  { rank, size }: Pick<Team, 'rank' | 'size'>,
): readonly BatchPart[] {
  const among = Math.min(size, parts.length);
  if (rank >= among) return [];
  const place = among - 1 - rank;
  const start = (i: number): number =>
    i === among ? parts.length : Math.min(Math.ceil((i * parts.length) / among), parts.length - among + i);
  return parts.slice(start(place), start(place + 1));
}
