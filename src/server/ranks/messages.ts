/** What the main thread of a party, its rank 0, and the threads of its other ranks tell each other. Nothing of it leaves the process. */
import type { MessagePort } from 'node:worker_threads';
import type { PeerName } from '../../channel/channel.ts';
import type { MaskKey } from '../../engine/ownedInput.ts';
import type { HostPort } from '../../federation/address.ts';
import type { Shape } from '../../ring/shape.ts';
import type { FailureNotice, PartyName, StartOrder } from '../ipc.ts';
import type { RankedJob } from '../job.ts';
import type { SharedPlaces } from './shared-weights.ts';

/** What a thread is started with. */
export interface RankData {
  readonly party: PartyName;
  readonly rank: number;
  readonly size: number;
  /** Where its peers of the same rank connect to. */
  readonly listen: HostPort;
  /** The secret half of the party's identity key. */
  readonly identity: Uint8Array;
  /** To all other ranks of the party. */
  readonly links: ReadonlyMap<number, MessagePort>;
  /** What it counts, for rank 0 to read (`counters.ts`). */
  readonly counters: SharedArrayBuffer;
}

/** Join the peers of the same rank. */
export interface RankStart extends Omit<StartOrder, 'type' | 'job' | 'ends'> {
  readonly type: 'start';
  readonly job: RankedJob;
}

/** An input as every rank of a party reads it. */
export interface RankInput {
  readonly name: string;
  readonly shape: Shape;
  readonly fractionBits: number;
  /** E, of threads in memory that all share; null at P2. */
  readonly opened: BigUint64Array | null;
  /** Of each share of the mask that this party knows. */
  readonly masks: readonly (readonly MaskKey[])[];
}

/** Compute along. */
export interface RankWork {
  readonly type: 'work';
  readonly pairKeys: ReadonlyMap<PeerName, Uint8Array>;
  readonly inputs: readonly RankInput[];
  /** Where weights are handed on, of threads. */
  readonly shared?: SharedPlaces | undefined;
}

export type ToRank = RankStart | RankWork;

/** What a rank tells wherever it is. */
export type FromMember =
  | { readonly type: 'connected' }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'done' }
  | FailureNotice;

export type FromRank = { readonly type: 'listening'; readonly port: number } | FromMember;
