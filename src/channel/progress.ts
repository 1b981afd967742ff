/**
 * Whether the session gets on: a message may be long in coming because its sender, or who that one waits for, has much to compute. So
 * what a wait is measured by is not the message but progress anywhere: each party counts what it has done, tells its peers with every
 * heartbeat of its connections, and a wait ends with an error once nobody's count has grown for as long as the time-out says.
 *
 * A party gets on while it sends or receives messages, or computes: uses at least a twentieth of a core. One that hangs, though its
 * process answers, does neither, so no party waits for ever.
 */
import type { PeerName } from './channel.ts';

/** Of one core, in a tick: less is a process that only waits (heartbeats, timers, a progress line). */
const COMPUTING = 0.05;
/** Ticks in a time-out: counts must travel before they are missed. */
const TICKS = 4;
const LONGEST_TICK_MS = 2500;
const SHORTEST_TICK_MS = 25;
const BYTES = 8;

export class SessionProgress {
  /** How often counts are told. */
  readonly tickMs: number;
  readonly #now: () => number;
  readonly #cpuMs: () => number;
  readonly #heard: Map<PeerName, number> = new Map();
  #own = 0;
  #holds = 0;
  #movedAt: number;
  #cpuAt: number;
  #lookedAt: number;

  constructor(timeoutMs: number, now: () => number = () => performance.now(), cpuMs: () => number = processCpuMs) {
    this.tickMs = Math.min(LONGEST_TICK_MS, Math.max(SHORTEST_TICK_MS, timeoutMs / TICKS));
    this.#now = now;
    this.#cpuMs = cpuMs;
    this.#movedAt = this.#lookedAt = now();
    this.#cpuAt = cpuMs();
  }

  /** Milliseconds since somebody got on. */
  get quietMs(): number {
    return this.#holds > 0 ? 0 : this.#now() - this.#movedAt;
  }

  /**
   * While a link is being established anew nobody gets on, and that is no reason to give up: until the hold is released waits do not
   * end, here and, by what heartbeats tell, at the other parties. Whoever holds has a limit of its own.
   */
  hold(): () => void {
    this.#holds++;
    let held = true;
    return () => {
      if (held) this.#holds--;
      if (held) this.note();
      held = false;
    };
  }

  /** This party did something. */
  note(): void {
    this.#own++;
    this.#movedAt = this.#now();
  }

  /** What a heartbeat carries. */
  told(): Uint8Array {
    if (this.#holds > 0) this.note();
    this.#lookAtOwn();
    return new Uint8Array(Float64Array.of(this.#own).buffer);
  }

  /** Has this party computed in the last tick? It is asked for each link, and the answer takes a while to mean something. */
  #lookAtOwn(): void {
    const now = this.#now();
    if (now - this.#lookedAt < this.tickMs / 2) return;
    const cpu = this.#cpuMs();
    if (cpu - this.#cpuAt >= COMPUTING * (now - this.#lookedAt)) this.note();
    this.#cpuAt = cpu;
    this.#lookedAt = now;
  }

  /** A peer's heartbeat came, with this in it. What is no count, or has not grown, is no progress. */
  hear(peer: PeerName, bytes: Uint8Array): void {
    if (bytes.length !== BYTES) return;
    const count = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true);
    const before = this.#heard.get(peer) ?? 0;
    if (!(Number.isSafeInteger(count) && count > before)) return;
    this.#heard.set(peer, count);
    this.#movedAt = this.#now();
  }
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
