/**
 * One rank of a party but the first, as a process of its own (docs/ranks.md), started by the host of its rank for one attempt of a job. It has no
 * port: its host hands connections over, of its peers and of the rank that it hands sums to, and passes on what rank 0 says.
 *
 * It never outlives its host.
 */
import type { Socket } from 'node:net';
import type { Link } from '../../channel/channel.ts';
import { ChannelError } from '../../channel/channel.ts';
import { portlessListener, type Listener } from '../../channel/listener.ts';
import type { LinkTls } from '../../channel/pins.ts';
import { Problem } from '../../data/problem.ts';
import type { HostPort } from '../../federation/address.ts';
import { KeyPair } from '../../random/keys.ts';
import { Deferred } from '../deferred.ts';
import type { PartyName } from '../ipc.ts';
import { WaitMeter } from '../wait-meter.ts';
import type { FromHost, InputFacts, StartMessage, WorkMessage } from './control.ts';
import { RankMember } from './member.ts';
import type { FromMember, RankInput } from './messages.ts';
import { dialRank, greetCalled, greetCaller, ownDoor, treeSession } from './own-links.ts';
import { RankTeam } from './team.ts';

/** Host to process. */
export type RankOrder =
  | {
      readonly type: 'open';
      readonly party: PartyName;
      readonly rank: number;
      readonly size: number;
      readonly attempt: string;
      /** Where ranks 1, 2, … are. */
      readonly at: readonly HostPort[];
      /** Of links within the party. */
      readonly tls: LinkTls;
    }
  /** A connection, paused, on the same message as its socket: of the tree, or of a peer. */
  | { readonly type: 'connection'; readonly to: 'tree' | 'peers'; readonly head: Uint8Array }
  | StartOrder
  | WorkOrder;
type StartOrder = { readonly type: 'start' } & Omit<StartMessage, 'kind'>;
type WorkOrder = { readonly type: 'work' } & Omit<WorkMessage, 'kind'>;

/** What the host passes on as it is. */
export type ForRank0 = Extract<FromHost, { kind: 'joined' | 'counters' | 'told' }>;

/** Process to host. */
export type RankNews =
  | ForRank0
  /** Whether a peer is to connect to it. */
  | { readonly kind: 'expecting'; readonly any: boolean };

/** How long this rank's neighbours in the tree may take to be there. */
const JOIN_MS = 20_000;
/** Rank 0 is told at most so often what this rank has spent. */
const COUNT_MS = 500;
/** How long what was said last may take to leave. */
const LAST_WORDS_MS = 300;

const meter = new WaitMeter();
const onArrival = (): void => meter.arrived('P0');
let member: RankMember | undefined;
let team: RankTeam | undefined;
let treeDoor: Listener | undefined;
let peersDoor: Listener | undefined;
let countedAt = -Infinity;

function tell(news: RankNews, then: () => void = () => undefined): void {
  if (process.connected) process.send?.(news, then);
}

/** Says the last thing and ends. */
function leave(code: number, told: FromMember): void {
  process.exitCode = code;
  tell({ kind: 'told', told }, () => {
    if (process.connected) process.disconnect();
  });
  setTimeout(() => process.exit(code), LAST_WORDS_MS).unref();
}

function say(told: FromMember): void {
  if (told.type === 'error') leave(1, told);
  else if (told.type === 'done') leave(0, told);
  else tell({ kind: 'told', told });
}

function fail(error: unknown): void {
  if (member !== undefined) return member.fail(error);
  leave(1, { type: 'error', message: error instanceof Error ? error.message : String(error), origin: 'here' });
}

function count(always: boolean): void {
  if (member === undefined || (!always && performance.now() - countedAt < COUNT_MS)) return;
  countedAt = performance.now();
  tell({ kind: 'counters', counters: member.counters });
}

async function open({ party, rank, size, attempt, at, tls }: Extract<RankOrder, { type: 'open' }>): Promise<void> {
  const onExpecting = (peers: readonly unknown[]): void => tell({ kind: 'expecting', any: peers.length > 0 });
  member = new RankMember({ party, rank, size, meter, tell: say, onDone: () => count(true), onExpecting });
  const own = { party, tls, onArrival };
  const links = new Map<number, Link>();
  // Of two ranks the first calls the other.
  const called = new Deferred<void>();
  const late = setTimeout(() => {
    const missing = Array.from({ length: rank }, (_, other) => other).filter((other) => !links.has(other));
    const what = `rank ${missing.join(', ')}, with which rank ${rank} shares its work, does not come`;
    called.reject(new Problem(what, 'see why it ended', { told: what }));
  }, JOIN_MS);
  const take = async (link: Link): Promise<void> => {
    const other = await greetCaller(link, rank, size);
    if (links.has(other)) throw new ChannelError(`rank ${other} has called twice`);
    links.set(other, link);
    if (Array.from({ length: rank }, (_, before) => before).every((before) => links.has(before))) called.resolve();
  };
  treeDoor = ownDoor(own, (link) => void take(link).catch((error: unknown) => called.reject(error)));
  const call = async (other: number): Promise<void> => {
    const link = await dialRank(other, at[other - 1], treeSession(attempt), { ...own, timeoutMs: JOIN_MS });
    await greetCalled(link, rank, other, size);
    links.set(other, link);
  };
  const after = Array.from({ length: size - rank - 1 }, (_, i) => rank + 1 + i);
  await Promise.all([called.promise, ...after.map(call)]).finally(() => clearTimeout(late));
  await treeDoor.close();
  team = new RankTeam({ rank, size, links, onSum: () => count(false) });
  member.join(team);
  for (const link of links.values()) void link.failed.then(fail);
  tell({ kind: 'joined' });
}

async function start({ order, identity }: StartOrder): Promise<void> {
  peersDoor = portlessListener({ tls: order.tls });
  await member!.start(order, KeyPair.fromSecret(identity), peersDoor);
}

async function work({ pairKeys, inputs }: WorkOrder): Promise<void> {
  const taken: RankInput[] = [];
  // In the order in which they are handed on.
  for (const input of inputs) taken.push(await withOpened(input));
  await member!.work({ type: 'work', pairKeys, inputs: taken });
}

async function withOpened({ elements, ...facts }: InputFacts): Promise<RankInput> {
  if (elements === null) return { ...facts, opened: null };
  return { ...facts, opened: (await team!.handed(`input/${facts.name}`, elements)).data };
}

function obey(order: RankOrder, socket: Socket | undefined): Promise<void> | void {
  switch (order.type) {
    case 'open':
      return open(order);
    case 'connection': {
      const door = order.to === 'tree' ? treeDoor : peersDoor;
      if (socket === undefined) return; // It was closed on the way.
      if (door === undefined) return void socket.destroy();
      socket.unshift(order.head);
      return door.take(socket);
    }
    case 'start':
      return start(order);
    case 'work':
      return work(order);
  }
}

process.on('message', (order: RankOrder, socket) => {
  Promise.resolve(obey(order, socket as Socket | undefined)).catch(fail);
});
process.on('disconnect', () => fail(new ChannelError('the host of this rank is gone')));
// What a terminal sends to all of its processes the host decides about.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => fail(new Problem('ended by SIGTERM', 'start again', { told: 'ended by SIGTERM' })));
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
