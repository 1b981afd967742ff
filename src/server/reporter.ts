/** Tells the owner how a job proceeds, with what this party spent since it last did. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Link } from '../channel/channel.ts';
import { encodeEvent, eventLabel, type Counters, type Happening } from '../data/party-events.ts';

export class Reporter {
  readonly #owner: Link;
  readonly #parties: readonly Link[];
  readonly #rounds: () => number;
  #count = 0;
  #time: number = performance.now();
  #bytes = 0;
  #roundsBefore = 0;

  /**
   * @param owner where events go; its traffic is not counted
   * @param parties links whose traffic is counted
   * @param rounds online rounds of this party so far
   */
  constructor(owner: Link, parties: readonly Link[], rounds: () => number) {
    this.#owner = owner;
    this.#parties = parties;
    this.#rounds = rounds;
    this.#bytes = this.#bytesSent();
  }

  async report(event: Happening): Promise<void> {
    const [time, bytes, rounds] = [performance.now(), this.#bytesSent(), this.#rounds()];
    const counters: Counters = {
      seconds: (time - this.#time) / 1000,
      bytesSent: bytes - this.#bytes,
      onlineRounds: Math.max(0, rounds - this.#roundsBefore),
    };
    [this.#time, this.#bytes, this.#roundsBefore] = [time, bytes, rounds];
    // A helper that runs ahead may find every promise settled already: it must still hear its links, and let what it sent leave.
    await nextTurn();
    await this.#owner.send(eventLabel(this.#count++), encodeEvent({ ...event, ...counters }), 0);
  }

  #bytesSent(): number {
    return this.#parties.reduce((sum, link) => sum + link.sent.frameBytes, 0);
  }
}
