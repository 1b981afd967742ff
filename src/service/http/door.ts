/**
 * Who may keep a connection. Until a request's signature is right a connection is a stranger's: of those there are few, not for long, and not many
 * a second, in all and of one address. When there is one too many the oldest gives way, so whoever holds connections open keeps nobody out.
 */
import type { Socket } from 'node:net';
import { isIPv6 } from 'node:net';

export interface DoorLimits {
  /** Connections that have proved who they are. */
  readonly proved: number;
  readonly strangers: number;
  readonly strangersOfOneAddress: number;
  /** How long a connection may take to prove who it is. */
  readonly strangerMs: number;
  /** Requests over a connection that proves nothing: of such, none has more than a hello to ask for. */
  readonly strangerRequests: number;
  /** Connections a second, and how many at once after a quiet time: of all addresses from which nobody has proved anything yet. */
  readonly rate: Rate;
  readonly rateOfOneAddress: Rate;
  /** Connections of visitors: who signed with a key that nobody admitted. They crowd out nobody but each other. */
  readonly visitors: number;
  readonly visitorsOfOneAddress: number;
  /** How long after its last request one is kept. */
  readonly visitorMs: number;
  /** Signatures of visitors that are checked, of all and of one address. */
  readonly visits: Rate;
  readonly visitsOfOneAddress: Rate;
}

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A handshake costs more than a millisecond: strangers get a twentieth of a core. */
export const DOOR_LIMITS: Omit<DoorLimits, 'proved'> = {
  strangers: 256,
  strangersOfOneAddress: 64,
  strangerMs: 15_000,
  strangerRequests: 16,
  rate: { perSecond: 40, burst: 120 },
  rateOfOneAddress: { perSecond: 40, burst: 120 },
  visitors: 256,
  visitorsOfOneAddress: 32,
  visitorMs: 180_000,
  visits: { perSecond: 200, burst: 400 },
  visitsOfOneAddress: { perSecond: 20, burst: 60 },
};

/** Addresses whose rates are remembered; of more, those that came last. */
const MOST_ADDRESSES = 10_000;
const SWEEP_MS = 1000;

export type TurnedAway = 'too fast' | 'too many' | 'too slow' | 'too much' | 'proved too many';

/** A connection of a stranger, or of a visitor. */
interface Unproved {
  readonly socket: Socket;
  readonly address: string;
  /** When it was made; of a visitor, its last request. */
  readonly since: number;
  /** Those that nobody signed, since then. */
  requests: number;
}

export class Door {
  readonly #limits: DoorLimits;
  readonly #now: () => number;
  readonly #onTurnedAway: (why: TurnedAway, address: string) => void;
  /** The oldest first. */
  readonly #strangers: Map<string, Unproved> = new Map();
  readonly #ofAddress: Map<string, Set<string>> = new Map();
  readonly #proved: Map<string, Socket> = new Map();
  /** The one that asked last stands last. */
  readonly #visitors: Map<string, Unproved> = new Map();
  readonly #visits: Buckets;
  readonly #allVisits: Bucket;
  readonly #all: Bucket;
  /** Addresses from which somebody has proved who they are: a flood of others does not keep them out. */
  readonly #trusted: Set<string> = new Set();
  readonly #buckets: Buckets;
  readonly #sweeper: NodeJS.Timeout;

  constructor(
    limits: DoorLimits,
    onTurnedAway: (why: TurnedAway, address: string) => void = () => undefined,
    now: () => number = Date.now,
  ) {
    [this.#limits, this.#onTurnedAway, this.#now] = [limits, onTurnedAway, now];
    this.#all = new Bucket(limits.rate, now());
    this.#buckets = new Buckets(limits.rateOfOneAddress);
    this.#allVisits = new Bucket(limits.visits, now());
    this.#visits = new Buckets(limits.visitsOfOneAddress);
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  get strangers(): number {
    return this.#strangers.size;
  }

  get proved(): number {
    return this.#proved.size;
  }

  get visitors(): number {
    return this.#visitors.size;
  }

  /** Whether the connection may go on; otherwise it is closed already. */
  admit(socket: Socket): boolean {
    const key = keyOf(socket);
    const address = addressGroup(socket.remoteAddress ?? '');
    socket.on('error', () => undefined); // It closes by itself.
    const trusted = this.#trusted.has(address);
    if (!this.#buckets.of(address, this.#now()).take(this.#now()) || !(trusted || this.#all.take(this.#now()))) {
      return this.#turnAway(socket, 'too fast', address);
    }
    this.#strangers.set(key, { socket, address, since: this.#now(), requests: 0 });
    const mine = this.#ofAddress.get(address) ?? new Set<string>();
    this.#ofAddress.set(address, mine.add(key));
    socket.once('close', () => {
      this.#forget(key, socket);
      if (this.#proved.get(key) === socket) this.#proved.delete(key);
      if (this.#visitors.get(key)?.socket === socket) this.#visitors.delete(key);
    });
    const oldest = mine.size > this.#limits.strangersOfOneAddress ? first(mine) : undefined;
    if (oldest !== undefined) this.#evict(oldest, 'too many');
    else if (this.#strangers.size > this.#limits.strangers) this.#evict(first(this.#strangers.keys())!, 'too many');
    return true;
  }

  /** There is a request over it, of which nothing is known yet. @returns false: it has asked too often */
  asks(socket: Peer): boolean {
    const stranger = this.#strangers.get(keyOf(socket)) ?? this.#visitors.get(keyOf(socket));
    return stranger === undefined || ++stranger.requests <= this.#limits.strangerRequests;
  }

  /** Closes one that has asked too often. */
  end(socket: Peer): void {
    const key = keyOf(socket);
    if (this.#strangers.has(key)) this.#evict(key, 'too much');
    else if (this.#visitors.has(key)) this.#dismiss(key, 'too much');
  }

  /** A request over it was signed rightly. @returns false: there are too many such */
  prove(socket: Peer): boolean {
    const key = keyOf(socket);
    if (this.#proved.has(key)) return true;
    const stranger = this.#strangers.get(key);
    if (stranger === undefined) return true; // It is gone meanwhile; the answer finds nobody.
    if (this.#proved.size >= this.#limits.proved) {
      this.#onTurnedAway('proved too many', stranger.address);
      return false;
    }
    this.#forget(key, stranger.socket);
    this.#proved.set(key, stranger.socket);
    // Those that are somebody's do not count among strangers'.
    this.#buckets.of(stranger.address, this.#now()).giveBack();
    if (!this.#trusted.has(stranger.address)) this.#all.giveBack();
    this.#trust(stranger.address);
    return true;
  }

  /** Before the signature of a visitor is checked. @returns false: too many are */
  mayVisit(socket: Pick<Socket, 'remoteAddress'>): boolean {
    const now = this.#now();
    return this.#visits.of(addressGroup(socket.remoteAddress ?? ''), now).take(now) && this.#allVisits.take(now);
  }

  /** A request over it was signed rightly, by a key that nobody admitted. Its address is trusted no more than before. */
  visit(socket: Peer): void {
    const key = keyOf(socket);
    if (this.#proved.has(key)) return;
    const known = this.#visitors.get(key) ?? this.#strangers.get(key);
    if (known === undefined) return; // It is gone meanwhile; the answer finds nobody.
    this.#forget(key, known.socket);
    const isBack = this.#visitors.delete(key);
    this.#visitors.set(key, { socket: known.socket, address: known.address, since: this.#now(), requests: 0 });
    if (isBack) return; // There are no more than before.
    const mine = [...this.#visitors].filter(([, { address }]) => address === known.address);
    if (mine.length > this.#limits.visitorsOfOneAddress) this.#dismiss(mine[0][0], 'too many');
    else if (this.#visitors.size > this.#limits.visitors) this.#dismiss(first(this.#visitors.keys())!, 'too many');
  }

  #dismiss(key: string, why: TurnedAway): void {
    const { socket, address } = this.#visitors.get(key)!;
    this.#visitors.delete(key);
    this.#turnAway(socket, why, address);
  }

  /** Somebody there is known. */
  #trust(address: string): void {
    this.#trusted.delete(address);
    this.#trusted.add(address);
    if (this.#trusted.size > MOST_ADDRESSES) this.#trusted.delete(first(this.#trusted)!);
  }

  isProved(socket: Peer): boolean {
    return this.#proved.has(keyOf(socket));
  }

  /** Somebody else sees to it from here on, as it is of somebody who is known. */
  release(socket: Socket, key: string = keyOf(socket)): void {
    const stranger = this.#strangers.get(key);
    if (stranger !== undefined) this.#trust(stranger.address);
    this.#forget(key, socket);
  }

  /** Ends those that take too long. */
  sweep(): void {
    for (const [key, { since }] of this.#visitors) {
      if (this.#now() - since < this.#limits.visitorMs) break;
      this.#dismiss(key, 'too slow');
    }
    for (const [key, { since }] of this.#strangers) {
      if (this.#now() - since < this.#limits.strangerMs) return;
      this.#evict(key, 'too slow');
    }
  }

  /** Closes every connection, and takes no more. */
  close(): void {
    clearInterval(this.#sweeper);
    for (const { socket } of this.#strangers.values()) socket.destroy();
    for (const socket of this.#proved.values()) socket.destroy();
    for (const { socket } of this.#visitors.values()) socket.destroy();
  }

  #evict(key: string, why: TurnedAway): void {
    const { socket, address } = this.#strangers.get(key)!;
    this.#forget(key, socket);
    this.#turnAway(socket, why, address);
  }

  #turnAway(socket: Socket, why: TurnedAway, address: string): false {
    this.#onTurnedAway(why, address);
    // Nothing of it is kept, not even by the system.
    socket.resetAndDestroy();
    return false;
  }

  #forget(key: string, socket: Socket): void {
    const stranger = this.#strangers.get(key);
    if (stranger?.socket !== socket) return;
    this.#strangers.delete(key);
    const mine = this.#ofAddress.get(stranger.address);
    mine?.delete(key);
    if (mine?.size === 0) this.#ofAddress.delete(stranger.address);
  }
}

/** One for each address, of those that came last. */
export class Buckets {
  readonly #rate: Rate;
  readonly #buckets: Map<string, Bucket> = new Map();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  of(address: string, now: number): Bucket {
    const found = this.#buckets.get(address) ?? new Bucket(this.#rate, now);
    // The last one that came stands last.
    this.#buckets.delete(address);
    this.#buckets.set(address, found);
    if (this.#buckets.size > MOST_ADDRESSES) this.#buckets.delete(first(this.#buckets.keys())!);
    return found;
  }
}

/** So many a second, and some at once. */
export class Bucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    [this.#rate, this.#tokens, this.#at] = [rate, rate.burst, now];
  }

  take(now: number, count = 1): boolean {
    const { perSecond, burst } = this.#rate;
    // A clock that goes back gives nothing.
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, now - this.#at) / 1000) * perSecond);
    this.#at = now;
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }

  giveBack(): void {
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + 1);
  }
}

/** Whoever has an IPv6 address has the 2^64 beside it. */
export function addressGroup(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1];
  if (!isIPv6(address)) return address;
  const [head, tail] = address.split('%', 1)[0].split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  return `${[...before, ...zeros, ...after]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** One port of somebody else may lead to two of ours. */
type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'> & Partial<Pick<Socket, 'localPort'>>;

/** Of a connection while it lasts; a socket that another process has got says it no more. */
export function keyOf({ remoteAddress, remotePort, localPort }: Peer): string {
  return `${remoteAddress} ${remotePort} ${localPort}`;
}

function first<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}
