/** The ends of a session, as its starter orders them. */
import type { Link, PeerName } from '../channel/channel.ts';
import type { Vault } from '../data/vault.ts';
import { sealTo } from '../federation/sealed.ts';
import type { PartyId } from '../party/party.ts';
import { PairStreams } from '../random/streams.ts';
import type { EndsOrder, Notice } from './ipc.ts';
import type { JobEnds } from './job-ends.ts';
import type { Job } from './job.ts';
import { ownerEnds } from './owner-ends.ts';
import { ServingEnds } from './serving-ends.ts';
import { StoredEnds } from './stored-ends.ts';

export interface SessionEnds {
  readonly ends: JobEnds;
  /** At P0, where no owner takes part: has all three end early. */
  readonly stop?: () => Promise<void>;
  /** Of a serving session: what its clients do. */
  readonly serving?: Pick<ServingEnds, 'take' | 'withdraw'>;
}

export interface EndsOptions {
  readonly id: PartyId;
  readonly job: Job;
  readonly links: ReadonlyMap<PeerName, Link>;
  readonly pairKeys: ReadonlyMap<PeerName, Uint8Array>;
  readonly vault: Vault | undefined;
  readonly notify: (notice: Notice) => void;
}

export function sessionEnds(order: EndsOrder, { job, vault, ...options }: EndsOptions): SessionEnds {
  const { id, links, pairKeys } = options;
  if (order.kind === 'owner') {
    const streams = new PairStreams(pairKeys.get('owner')!);
    return { ends: ownerEnds(id, links, streams, job.security) };
  }
  if (vault === undefined) throw new Error('a job on stored data needs storage keys');
  if (order.kind === 'training' && job.kind === 'train') {
    const seal = (info: string, bytes: Uint8Array): Promise<Uint8Array> => sealTo(order.receiver, info, bytes);
    const ends = new StoredEnds({ ...options, job, vault, order, seal });
    return { ends, stop: () => ends.stop() };
  }
  if (order.kind === 'serving' && job.kind === 'serve') {
    const ends = new ServingEnds({ ...options, job, vault, order });
    return { ends, stop: () => ends.stop(), serving: ends };
  }
  throw new Error(`a job of kind ${job.kind} was given ends of a ${order.kind}`);
}
