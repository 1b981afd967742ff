/** The other ranks of a party as its first one sees them, wherever they are: threads of its process, or processes behind links of the party's own. */
import type { PeerName } from '../../channel/channel.ts';
import { ChannelError } from '../../channel/channel.ts';
import { Problem } from '../../data/problem.ts';
import type { OwnedInput } from '../../engine/ownedInput.ts';
import type { RankCounters } from '../../profile/rank-counters.ts';
import type { Shape } from '../../ring/shape.ts';
import { described } from '../described.ts';
import type { FailureNotice } from '../ipc.ts';
import type { RankStart } from './messages.ts';
import type { RankTeam } from './team.ts';

export interface Ranks {
  readonly size: number;
  readonly team: RankTeam;
  /** Resolves with the reason once a rank has failed; never rejects. */
  readonly failed: Promise<unknown>;
  /** Resolves once they are there: with the ports of ranks 1, 2, … where they listen at this party's own address. */
  ports(): Promise<number[] | undefined>;
  /** Of so many threads for kernels, those of this rank. */
  ownWorkers(workers: number): number;
  /** Resolves when each rank has joined its peers. */
  start(order: RankStart): Promise<void>;
  /** An input that all ranks read. */
  input(name: string, shape: Shape, fractionBits: number, input: OwnedInput): OwnedInput;
  /** The same array, which all ranks may read as it is where they share memory. */
  forAll(data: BigUint64Array): BigUint64Array;
  /** All inputs are here: the others may compute what `team` begins. */
  work(pairKeys: ReadonlyMap<PeerName, Uint8Array>): void;
  /** Nothing more is begun. Resolves when all ranks have ended. */
  end(): Promise<void>;
  /** What each has spent so far, by rank from 1 on. */
  readonly counters: readonly RankCounters[];
}

/**
 * Threads for kernels of one rank, of so many that the ranks of a host share: as evenly as can be, the first ranks first. Where there are fewer than
 * ranks the last ones have none, and compute their products themselves.
 */
export function workersOfRank(workers: number, ranks: number, rank: number): number {
  return Math.ceil(Math.max(0, workers - rank) / ranks);
}

/** The same error, with the rank named. */
export function ofRank(rank: number, error: unknown): unknown {
  const message = `${described(error)} (rank ${rank})`;
  if (error instanceof ChannelError) return new ChannelError(message);
  const [fix, told] = error instanceof Problem ? [error.fix, error.told] : ['start again', undefined];
  return new Problem(message, fix, { told: `${told ?? 'it failed'} (rank ${rank})`, cause: error });
}

/** What a rank says that it failed of. */
export function failureOf({ message, origin, fix = 'start again', told }: FailureNotice): Error {
  return origin === 'link' ? new ChannelError(message) : new Problem(message, fix, told === undefined ? {} : { told });
}
