/**
 * One party inside one operation: its message lane, its random-stream addresses, its place in the chain of messages.
 *
 * A Party is passed to every protocol. `fork(label)` gives a child with a path of its own; messages and streams are addressed by
 * path, so operations under different forks overlap freely and stay deterministic in all three parties. A label may be used once
 * among siblings and a purpose once in a party: no address is drawn twice.
 *
 * Rounds are measured, not declared: every message carries the length of the chain of messages it depends on (`depth`), and a
 * fork starts from its parent's depth and hands it back by `join`.
 */
import type { Compute } from '../../runtime/compute.ts';
import { MeasuredCompute } from '../../runtime/measured.ts';
import type { Scratch } from '../../runtime/scratch.ts';
import { blocks, type Block } from '../channel/blocks.ts';
import type { ElementType, Link, Payloads, PeerName } from '../channel/channel.ts';
import type { Probe } from '../profile/probe.ts';
import { MeasuredStream } from '../random/measured.ts';
import type { Stream } from '../random/stream.ts';
import { fresh } from '../ring/pool.ts';
import { release } from '../ring/release.ts';
import type { PairStreams } from '../random/streams.ts';
import { Ahead } from './ahead.ts';
import { chunkOf } from './cost.ts';
import type { Agreement, Ledger } from './ledger.ts';
import { inLanes, range } from './lanes.ts';
import { measuredReceive, measuredSend } from './measured.ts';
import { Turns } from './turns.ts';

export type PartyId = 0 | 1 | 2;
export type PartyName = 'P0' | 'P1' | 'P2';
export type WorkerName = 'P0' | 'P1';
/** What holds where a party cheats: nothing, or that it learns nothing (SECURITY.md). */
export type Security = 'semi-honest' | 'private';

export interface PartySetup {
  readonly id: PartyId;
  /** Links to the two other parties. */
  readonly links: ReadonlyMap<PeerName, Link>;
  /** Streams shared with each of the two other parties. The helper has none with the pair (P0, P1). */
  readonly streams: ReadonlyMap<PeerName, PairStreams>;
  readonly compute: Compute;
  /** Must agree among the parties. Absent: semi-honest. */
  readonly security?: Security | undefined;
  /** At a worker of a private session. */
  readonly ledger?: Ledger | undefined;
  /** Elements per chunk; must agree among the parties. */
  readonly chunk?: number;
  /**
   * Of those of its party, which draw from the same keys: 0 is the first, or the only one. Nobody may forget it, for P2 would then learn a challenge
   * of one rank from another (PROTOCOLS §10).
   */
  readonly rank: number;
  /** Where time and traffic are counted, if they are (`measured.ts`). */
  readonly probe?: Probe | undefined;
}

/** Elements of one chunk: large enough to fill a frame, small enough for the cache. */
export const DEFAULT_CHUNK = 16384;
/** Elements of a piece of local work on a large tensor: what a stream hands out without a copy (128 KiB), less than 0.2 ms. */
const SLICE = 16384;
/** How long a turn of the event loop may last. The helper deals ahead, and workers wait for its answers: it looks for them often. */
const WORKER_TURN_MS = 2;
const HELPER_TURN_MS = 0.25;
/**
 * Chunks, or blocks, of one tensor that a party keeps in flight. The helper's chunks are those that the workers have not answered: the more, the earlier it
 * has dealt, and proved, what the next ones take; each is 0.4 to 0.7 MB at the worker that is sent its share.
 */
const IN_FLIGHT = 4;
const HELPER_CHUNKS = 12;

/** Where the chain of messages begins that P2 sends before it has received any. */
export const AHEAD = -1;

/** What all forks of a party share. */
interface Session extends PartySetup {
  readonly turns: Turns;
  readonly ahead: Ahead | undefined;
}

export class Party {
  readonly id: PartyId;
  readonly path: string;
  readonly compute: Compute;
  /**
   * The worker whose share of what the helper deals comes from a pair key, without traffic; the other one is sent its share.
   * Alternates between chunks, so that the helper's traffic is balanced.
   */
  readonly drawer: WorkerName;
  readonly #setup: Session;
  readonly #probe: Probe | undefined;
  readonly #ledger: Ledger | undefined;
  #used: Set<string> | undefined;
  #depth: number;
  /** Whether it says of all it sends that it is sent ahead. */
  readonly #ahead: boolean;

  constructor(
    setup: Session,
    path: string,
    depth: number,
    drawer: WorkerName,
    probe: Probe | undefined,
    ledger: Ledger | undefined,
    ahead = false,
  ) {
    this.id = setup.id;
    this.path = path;
    this.compute = probe === undefined ? setup.compute : new MeasuredCompute(setup.compute, probe.scope);
    this.drawer = drawer;
    this.#setup = setup;
    this.#probe = probe;
    this.#ledger = ledger;
    this.#depth = depth;
    this.#ahead = ahead;
  }

  /** Bytes for a moment. */
  get scratch(): Scratch {
    return this.#setup.compute.scratch;
  }

  get security(): Security {
    return this.#setup.security ?? 'semi-honest';
  }

  get name(): PartyName {
    return `P${this.id}` as PartyName;
  }

  get rank(): number {
    return this.#setup.rank;
  }

  /** The other worker. */
  get peer(): WorkerName {
    if (this.id === 2) throw new Error('P2 is the helper: it has no fellow worker');
    return this.id === 0 ? 'P1' : 'P0';
  }

  /** 0 or 1: which share this worker holds; decides who adds public terms. */
  get worker(): 0 | 1 {
    if (this.id === 2) throw new Error('P2 is the helper: it holds no share');
    return this.id;
  }

  /** Length of the longest chain of messages that what this party now holds depends on. */
  get depth(): number {
    return this.#depth;
  }

  fork(label: string, drawer: WorkerName = this.drawer): Party {
    return this.#child(label, this.#depth, drawer);
  }

  /** Runs a task under a fork and joins it: the step of a protocol that is a protocol itself. */
  async under<T>(label: string, task: (party: Party) => Promise<T>): Promise<T> {
    return this.#run(this.fork(label), task);
  }

  /** The same; what it opens is agreed upon apart from all else. */
  async apart<T>(label: string, task: (party: Party) => Promise<T>): Promise<T> {
    return this.#run(this.#child(label, this.#depth, this.drawer, this.#ledger?.apart()), task);
  }

  async #run<T>(child: Party, task: (party: Party) => Promise<T>): Promise<T> {
    await this.pause();
    const result = await task(child);
    this.join(child);
    child.over();
    return result;
  }

  /** At a worker of a private session. */
  get ahead(): Ahead | undefined {
    return this.#setup.ahead;
  }

  /**
   * A fork in which nothing depends on what a worker has, so that all of it may be sent before the operation that it is for has begun: its messages
   * lengthen no chain.
   */
  forkAhead(label: string): Party {
    const below = `/${label}`;
    this.#claim(below);
    return this.#laneAhead(`${this.path}${below}`, this.drawer, this.#probe?.fork(label));
  }

  /** The same for a path that this party has not come to yet, and that a message of P2's names. */
  laneAhead(path: string, drawer: WorkerName): Party {
    return this.#laneAhead(path, drawer, this.#setup.probe?.at(path));
  }

  #laneAhead(path: string, drawer: WorkerName, probe: Probe | undefined): Party {
    return new Party(this.#setup, path, AHEAD, drawer, probe, undefined, true);
  }

  /** Says which messages of P2's are here that nobody has asked for yet. */
  onWaiting(from: PartyName, came: (label: string) => void): void {
    this.#link(from).onWaiting(came);
  }

  /** Says that this fork is at its end: only a profile wants to know. */
  over(): void {
    this.#probe?.over();
  }

  /** Time and traffic of this fork count for `user`, who needs its value. */
  accountTo(user: Party): void {
    if (user.#probe !== undefined) this.#probe?.accountTo(user.#probe);
  }

  /** Both workers have opened this value under this party's path. */
  note(purpose: string, opened: BigUint64Array | Uint8Array): void {
    this.#ledger?.note(this.path, purpose, opened);
  }

  /** Reveals, at once or when both workers have agreed on what they opened. */
  async reveal(reveal: () => Promise<void>): Promise<void> {
    if (this.#ledger === undefined) await reveal();
    else this.#ledger.hold(reveal);
  }

  /** In a private session: the workers compare what they have opened so far, and reveal what waits for that. Nothing opens meanwhile. */
  async agree(agreement: Agreement = {}): Promise<void> {
    await this.#ledger?.agree(this, agreement);
  }

  /** What happened in the other party's lane now lies before everything this one does. */
  join(other: { readonly depth: number }): void {
    if (!this.#ahead) this.#depth = Math.max(this.#depth, other.depth);
  }

  /** The stream shared with another party at this party's address. */
  stream(other: PartyName, purpose: string): Stream {
    const stream = this.#streamsWith(other, purpose).stream(this.path, purpose);
    return this.#probe === undefined ? stream : new MeasuredStream(stream, this.#probe.scope, purpose);
  }

  /**
   * Sends under this party's path. The array belongs to the channel from here on. Resolves when there is room for more.
   * @param depth the chain behind the data, when this party has received other things since
   */
  send(to: PartyName, purpose: string, data: BigUint64Array | Uint8Array, depth: number = this.#depth): Promise<void> {
    const [link, label] = [this.#link(to), `${this.path}:${purpose}`];
    return this.#probe === undefined
      ? link.send(label, data, depth + 1)
      : measuredSend(this.#probe, link, { to, purpose, label, data, depth: depth + 1 });
  }

  /** Receives what `from` sent under this path and purpose; its type and length are checked. */
  async receive<K extends ElementType>(
    from: PartyName,
    purpose: string,
    type: K,
    length: number,
  ): Promise<Payloads[K]> {
    const [link, label] = [this.#link(from), `${this.path}:${purpose}`];
    const received = await (this.#probe === undefined
      ? link.receive(label, type, length)
      : measuredReceive(this.#probe, link, { from, purpose, label, type, length }));
    await this.#setup.turns.pause(true);
    this.join(received);
    return received.data;
  }

  /**
   * Starts tasks once what has been sent so far is on its way: frames leave when the running callbacks are done, so what is computed in the
   * same turn of the event loop delays them.
   */
  meanwhile<T extends readonly unknown[]>(
    ...tasks: { readonly [K in keyof T]: () => T[K] | Promise<T[K]> }
  ): {
    [K in keyof T]: Promise<T[K]>;
  } {
    const turn = this.#setup.turns.next();
    return tasks.map((task) => turn.then(task)) as { [K in keyof T]: Promise<T[K]> };
  }

  /**
   * Runs `task` on every chunk [from, to) of `count` elements, each under its own fork, a few at a time. One chunk keeps this
   * party's drawer; among several it alternates. `each`: what an element counts for.
   */
  async chunks(
    count: number,
    task: (party: Party, from: number, to: number) => Promise<void>,
    each = 1,
  ): Promise<void> {
    const size = chunkOf(this.#setup.chunk ?? DEFAULT_CHUNK, each);
    const total = Math.max(1, Math.ceil(count / size));
    const other = this.drawer === 'P0' ? 'P1' : 'P0';
    const start = this.#depth; // chunks do not depend on each other: every one starts here
    let deepest = start;
    const lanes = this.id === 2 ? HELPER_CHUNKS : IN_FLIGHT;
    await this.#inLanes(lanes, range(total), async (index) => {
      const child = this.#child(`${index}`, start, index % 2 === 0 ? this.drawer : other);
      await task(child, index * size, Math.min(count, (index + 1) * size));
      deepest = Math.max(deepest, child.depth);
    });
    this.#depth = Math.max(this.#depth, deepest);
  }

  /** Runs `task` on every block of `count` elements that are sent under this party's path and `purpose`, a few at a time. */
  blocks(purpose: string, count: number, task: (block: Block) => Promise<void>): Promise<void> {
    return this.#inLanes(IN_FLIGHT, blocks(purpose, count), task);
  }

  /** Between pieces of a long local task: lets the event loop turn if this turn has been long. */
  pause(): Promise<void> {
    return this.#setup.turns.pause();
  }

  /** Amid a piece of work: if this turn has been long, lets those go first who have a message to answer, and nobody else. */
  answersFirst(): Promise<void> {
    return this.#setup.turns.pause(true);
  }

  /** Before a piece of work that nobody waits for yet, or the rest of it: lets all others go first. */
  leisure(begun = false): Promise<void> {
    return this.#setup.turns.leisure(begun);
  }

  /** Runs a local task on slice after slice [from, to) of `count` elements, whole units each; the event loop may turn in between. */
  async slices(count: number, task: (from: number, to: number) => void, unit = 1): Promise<void> {
    const slice = unit * Math.max(1, Math.floor(SLICE / unit));
    for (let from = 0; from < count; from += slice) {
      if (from > 0) await this.pause();
      task(from, Math.min(count, from + slice));
    }
  }

  /** A vector of `count` elements from its slices, whole units each, new arrays. */
  async vector(
    count: number,
    slice: (from: number, to: number) => BigUint64Array,
    unit?: number,
  ): Promise<BigUint64Array> {
    if (count <= SLICE) return slice(0, count);
    const out = fresh(count);
    await this.slices(
      count,
      (from, to) => {
        const part = slice(from, to);
        out.set(part, from);
        release(part);
      },
      unit,
    );
    return out;
  }

  #inLanes<T>(lanes: number, items: Iterator<T>, task: (item: T) => Promise<void>): Promise<void> {
    return inLanes(lanes, items, () => this.pause(), task);
  }

  #child(label: string, depth: number, drawer: WorkerName, ledger: Ledger | undefined = this.#ledger): Party {
    this.#claim(`/${label}`);
    return new Party(this.#setup, `${this.path}/${label}`, depth, drawer, this.#probe?.fork(label), ledger);
  }

  #streamsWith(other: PartyName, purpose: string): PairStreams {
    this.#claim(`${other}:${purpose}`);
    const streams = this.#setup.streams.get(other);
    if (streams === undefined) throw new Error(`${this.name} shares no key with ${other} (${this.path}, ${purpose})`);
    return streams;
  }

  #link(to: PartyName): Link {
    const link = this.#setup.links.get(to);
    if (link === undefined) throw new Error(`${this.name} has no link to ${to}`);
    return link;
  }

  #claim(address: string): void {
    this.#used ??= new Set();
    if (this.#used.has(address))
      throw new Error(`address ${this.path} ${address} is used twice: random values would repeat`);
    this.#used.add(address);
  }
}

/**
 * The root party of a session. The helper starts one message early: it holds no input, so what it sends before it has received
 * anything is independent of all inputs and costs no online round.
 */
export function createParty(setup: PartySetup): Party {
  const checks = setup.id !== 2 && setup.security === 'private';
  const session: Session = {
    ...setup,
    turns: new Turns(setup.id === 2 ? HELPER_TURN_MS : WORKER_TURN_MS),
    ahead: checks ? new Ahead() : undefined,
  };
  return new Party(session, '', setup.id === 2 ? AHEAD : 0, 'P0', setup.probe, setup.ledger);
}
