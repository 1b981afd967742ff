/** Who dials whom: the later party dials the earlier one, the owner dials all. Each rank of a party has its own links (docs/ranks.md). */
import type { PeerName } from '../channel/channel.ts';
import type { PartyAddress, PartyName, StartOrder } from './ipc.ts';

export interface Neighbours {
  readonly dial: Partial<Record<PartyName, string>>;
  readonly accept: PeerName[];
}

/** @param rank of this party; the owner has no link to any but the first */
export function neighbours(
  self: PartyName,
  { parties, ends, tls }: Pick<StartOrder, 'parties' | 'tls'> & { readonly ends?: StartOrder['ends'] },
  rank = 0,
): Neighbours {
  const dial: Partial<Record<PartyName, string>> = {};
  const accept: PeerName[] = ends?.kind === 'owner' ? ['owner'] : [];
  for (const [name, address] of Object.entries(parties) as [PartyName, PartyAddress][]) {
    if (name < self)
      dial[name] = `${tls === undefined ? 'ws' : 'wss'}://${address.host}:${portOf(name, address, rank)}`;
    if (name > self) accept.push(name);
  }
  return { dial, accept };
}

function portOf(name: PartyName, { port, rankPorts = [] }: PartyAddress, rank: number): number {
  const own = rank === 0 ? port : rankPorts.at(rank - 1);
  if (own === undefined)
    throw new Error(`rank ${rank} of ${name}: no port is known, only those of ${rankPorts.length}`);
  return own;
}
