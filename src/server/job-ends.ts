/**
 * Where a job's inputs come from and its results go. A job runs alike whether its owner takes part in the session (`owner-ends.ts`), its
 * inputs were stored and its results are sealed to a receiver (`stored-ends.ts`), or clients send inputs as they like (`serving-ends.ts`).
 */
import type { TensorSource } from '../data/checkpoint.ts';
import type { PartyEvent } from '../data/party-events.ts';
import type { OwnedInput } from '../engine/ownedInput.ts';
import type { Held } from '../engine/secureValue.ts';
import type { Shape } from '../ring/shape.ts';
import type { Stopping } from './stopping.ts';

export interface JobEnds {
  /** An input, open under masks of its owner. Those of a job are asked for one after the other, by all parties in the same order. */
  receive(name: string, shape: Shape): Promise<OwnedInput>;
  /** What this party holds of a weight of the model that the job is given, at the session's fractional bits. */
  receiveWeight(name: string, shape: Shape): Promise<Held>;
  /** Resolves when every party has its inputs. */
  allThere(): Promise<void>;
  /** Hands on this worker's share of a result. In a step that is done again it comes again, the same. */
  reveal(name: string, share: BigUint64Array): Promise<void>;
  report(event: PartyEvent): Promise<void>;
  /** All is done. Resolves when there is nothing more to hear. */
  finish(): Promise<void>;
  /** What a training needs besides. */
  readonly training?: TrainingEnds;
  /** What a serving session needs besides. */
  readonly serving?: Serving;
}

export interface TrainingEnds {
  /** The trained weights, of which each party keeps what it holds. */
  keepModel(weights: TensorSource): Promise<void>;
  /** This party has the checkpoint of a step on the disk; resolves when all have. */
  agreeOn(step: number): Promise<void>;
  /**
   * How a training hears that it ends early.
   * @param running the step that is begun first  @param last that of the training
   */
  stopping(running: number, last: number): Stopping;
  /** The training has stopped, and all have the checkpoint. Resolves when the session may end. */
  stopped(): Promise<void>;
}

/** Inputs that all three parties have and that are answered together: rows of one value, each input's under masks of its own. */
export interface ServedBatch {
  /** Batches are numbered in the order in which they are begun, from 0. No other of the session has this number. */
  readonly n: number;
  readonly images: number;
  readonly input: OwnedInput;
}

export interface Serving {
  /** The next batch, the same at all three; undefined: the session ends when what is under way is answered. */
  next(): Promise<ServedBatch | undefined>;
  /** What `reveal` was given as `answer/N` goes to those who asked, to each its rows. */
  answered(batch: ServedBatch): Promise<void>;
}
