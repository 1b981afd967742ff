/** Who dials whom: the later party dials the earlier one, the owner dials all. Each rank of a party has its own links (docs/ranks.md). */
import type { PeerName } from '../channel/channel.ts';
import type { MeshOptions } from '../channel/mesh.ts';
import { joinAddress, type HostPort } from '../federation/address.ts';
import { fromHex, type PartyAddress, type PartyName, type StartOrder } from './ipc.ts';
import type { WaitMeter } from './wait-meter.ts';

type Neighbours = Pick<MeshOptions, 'dial' | 'accept'>;
type LinksOrder = Omit<StartOrder, 'type' | 'ends'> & { readonly ends?: StartOrder['ends'] };

/** The links of a rank, but for what it proves itself with. @param meter told whose message arrives */
export function meshOptions(
  self: PartyName,
  order: LinksOrder,
  meter: WaitMeter,
  rank = 0,
): Neighbours &
  Pick<MeshOptions, 'self' | 'sessionId' | 'tls' | 'tags' | 'linkPatienceMs' | 'timeoutMs' | 'link' | 'shape'> {
  const { job, timeoutMs, linkPatienceMs = 0, link, tls } = order;
  return {
    self,
    // Over TLS it says to whom a connection goes (`channel/client-hello.ts`).
    sessionId: tls === undefined ? job.sessionId : sessionOfRank(job.sessionId, rank),
    ...neighbours(self, order, rank),
    tls,
    tags: job.security === 'private',
    linkPatienceMs,
    timeoutMs,
    link: { timeoutMs, onArrival: (peer) => meter.arrived(peer) },
    shape: link,
  };
}

/** X25519, raw. */
export function publicKeysOf(parties: StartOrder['parties']): Readonly<Record<string, Uint8Array>> {
  return Object.fromEntries(Object.entries(parties).map(([name, { publicKey }]) => [name, fromHex(publicKey)]));
}

/** The owner has no link to any rank but the first. */
function neighbours(self: PartyName, { parties, ends, tls }: LinksOrder, rank: number): Neighbours {
  const dial: Partial<Record<PartyName, string>> = {};
  const accept: PeerName[] = rank === 0 && ends?.kind === 'owner' ? ['owner'] : [];
  for (const [name, address] of Object.entries(parties) as [PartyName, PartyAddress][]) {
    if (name < self) dial[name] = `${tls === undefined ? 'ws' : 'wss'}://${joinAddress(placeOf(name, address, rank))}`;
    if (name > self) accept.push(name);
  }
  return { dial, accept };
}

function placeOf(name: PartyName, { host, port, ranks = [] }: PartyAddress, rank: number): HostPort {
  const own = rank === 0 ? { host, port } : ranks.at(rank - 1);
  if (own === undefined) throw new Error(`rank ${rank} of ${name}: no address is known, only those of ${ranks.length}`);
  return own;
}

/** What the links of a rank are of: each rank's are a session of their own to those who hand connections over. */
export function sessionOfRank(sessionId: string, rank: number): string {
  return rank === 0 ? sessionId : `${sessionId}.${rank}`;
}

/** Which rank a session of `sessionOfRank` is of. */
export function rankOfSession(session: string): number {
  return Number(/\.(\d{1,3})$/.exec(session)?.[1] ?? 0);
}
