/**
 * Where a job's inputs come from and its results go. A job runs alike whether its owner takes part in the session (`owner-ends.ts`), or its
 * inputs were stored and its results are sealed to a receiver (`stored-ends.ts`).
 */
import type { StoredTensor } from '../data/checkpoint.ts';
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
  /** The trained weights, of which each party keeps what it holds. */
  keepModel(weights: ReadonlyMap<string, StoredTensor>): Promise<void>;
  /** This party has the checkpoint of a step on the disk; resolves when all have. */
  agreeOn(step: number): Promise<void>;
  /**
   * How a training hears that it ends early.
   * @param running the step that is begun first  @param last that of the training
   */
  stopping(running: number, last: number): Stopping;
  /** The training has stopped, and all have the checkpoint. Resolves when the session may end. */
  stopped(): Promise<void>;
  /** The training is over: nobody stops any more. */
  finish(): Promise<void>;
}
