/**
 * Links between ranks of one party that are processes, on one host or several: TLS 1.3, both ends with the party's own key for its ranks, which
 * nobody else has. The key is pinned, so who lacks it gets no byte of ours but a certificate. Two ends that both have it still compare which
 * rank each one is. What a connection is for its first message names (`channel/client-hello.ts`): `ranks`, or an attempt, which cannot be guessed.
 */
import { ChannelError, type Link, type PeerName } from '../../channel/channel.ts';
import { dial, textOf } from '../../channel/dial.ts';
import { FrameLink } from '../../channel/link.ts';
import { portlessListener, type Listener } from '../../channel/listener.ts';
import type { LinkTls } from '../../channel/pins.ts';
import type { WebSocketTransport } from '../../channel/websocket.ts';
import { Problem } from '../../data/problem.ts';
import { joinAddress, type HostPort } from '../../federation/address.ts';

/** Names a connection on which ranks are told what to do. */
export const CONTROL = 'ranks';
/** How long the other end may take to say who it is. */
const HELLO_MS = 5_000;
const HELLO = 'tree/hello';

/** Names a connection over which ranks hand each other sums and weights. */
export function treeSession(attempt: string): string {
  return `${attempt}.tree`;
}

export interface OwnLinkOptions {
  readonly party: PeerName;
  readonly tls: LinkTls;
  readonly onArrival?: ((peer: PeerName) => void) | undefined;
}

/** Rejects with a Problem that names the rank when it does not come in time. */
export async function dialRank(
  rank: number,
  at: HostPort,
  session: string,
  { party, tls, onArrival, timeoutMs, signal }: OwnLinkOptions & { timeoutMs: number; signal?: AbortSignal },
): Promise<Link> {
  const options = { tls, peer: party, session, timeoutMs, ...(signal && { signal }) };
  const transport = await dial(`wss://${joinAddress(at)}`, options).catch((error: unknown) => {
    throw neverCame(party, rank, at, error);
  });
  const link = trusted(transport, party, onArrival);
  if (link === undefined) throw new ChannelError(`a connection within ${party} that shows no key of it`);
  return link;
}

/** A door for those who have the party's key for its ranks. */
export function ownDoor({ party, tls, onArrival }: OwnLinkOptions, take: (link: Link) => void): Listener {
  const door = portlessListener({ tls });
  door.accept((transport) => {
    const link = trusted(transport, party, onArrival);
    if (link === undefined) return;
    door.trust(transport);
    take(link);
  });
  return door;
}

/** TLS has shown that the other end has the party's key. */
function trusted(
  transport: WebSocketTransport,
  party: PeerName,
  onArrival: OwnLinkOptions['onArrival'],
): Link | undefined {
  if (transport.secured?.peers.includes(party) !== true) {
    transport.destroy();
    return undefined;
  }
  transport.trust();
  return new FrameLink(party, party, transport, { onArrival });
}

/** The end of a link at the rank that has called `other`. */
export async function greetCalled(link: Link, rank: number, other: number, size: number): Promise<void> {
  await link.send(HELLO, placed(rank, other, size), 0);
  await expect(link, { from: other, to: rank, size });
}

/** The end at the rank that was called, by one of those before it: by which. */
export async function greetCaller(link: Link, rank: number, size: number): Promise<number> {
  const from = await expect(link, { from: undefined, to: rank, size });
  await link.send(HELLO, placed(rank, from, size), 0);
  return from;
}

function placed(from: number, to: number, size: number): BigUint64Array {
  return BigUint64Array.of(BigInt(from), BigInt(to), BigInt(size));
}

/** @param from undefined: any rank before this one */
async function expect(
  link: Link,
  { from, to, size }: { readonly from: number | undefined; readonly to: number; readonly size: number },
): Promise<number> {
  const { data } = await link.receive(HELLO, 'u64', 3, HELLO_MS);
  const [theirs, mine, all] = Array.from(data, Number);
  const fits = from === undefined ? theirs < to : theirs === from;
  if (fits && mine === to && all === size) return theirs;
  const expected = from === undefined ? 'one before it' : `rank ${from}`;
  const what = `rank ${to} of ${size} expects ${expected}: rank ${theirs} of ${all} came, for rank ${mine}`;
  link.abort(what);
  throw new Problem(what, 'give all ranks of a party the same number and the same list of hosts', { told: what });
}

export function neverCame(party: PeerName, rank: number, at: HostPort, error: unknown): Problem {
  const what = `rank ${rank} of ${party} does not come`;
  return new Problem(
    `${what}: ${joinAddress(at)}: ${textOf(error)}`,
    `start it: securenn party serve --rank ${rank}, with the list of hosts that rank 0 has`,
    { told: what, cause: error },
  );
}
