/** Tells how a job proceeds, with what this party spent since it last did. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Link } from '../channel/channel.ts';
import { type RankCounters, spentBetween } from '../profile/rank-counters.ts';
import { microseconds, type Counters, type Happening, type PartyEvent, type Testing } from '../data/party-events.ts';

export interface ReporterOptions {
  /** Where events go. What that sends is not counted. */
  readonly tell: (event: PartyEvent) => Promise<void>;
  /** Links whose traffic is counted. */
  readonly parties: readonly Link[];
  /** Of a party of several ranks: what each has spent so far. */
  readonly ranks?: (() => readonly RankCounters[]) | undefined;
  /** Online rounds of this party so far. */
  readonly rounds: () => number;
  /** Seconds that this party has waited so far. */
  readonly waited: () => number;
  /** Told of each event first. */
  readonly onEvent: (event: PartyEvent) => void;
}

/** What grows while a job runs. */
interface Totals {
  readonly seconds: number;
  readonly waitSeconds: number;
  readonly bytesSent: number;
  readonly onlineRounds: number;
  readonly ranks: readonly RankCounters[] | undefined;
}

export class Reporter {
  readonly #options: ReporterOptions;
  #before: Totals;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#before = this.#now();
  }

  async report(event: Happening): Promise<void> {
    const [now, before] = [this.#now(), this.#before];
    this.#before = now;
    const counters: Counters = {
      seconds: microseconds(now.seconds - before.seconds),
      waitSeconds: microseconds(Math.max(0, now.waitSeconds - before.waitSeconds)),
      bytesSent: now.bytesSent - before.bytesSent,
      onlineRounds: Math.max(0, now.onlineRounds - before.onlineRounds),
      ...(now.ranks && { ranks: spentBetween(before.ranks ?? [], now.ranks) }),
    };
    await this.#tell({ ...event, ...counters });
  }

  /** How far an evaluation is; counters go on. */
  testing(event: Testing): Promise<void> {
    return this.#tell(event);
  }

  async #tell(told: PartyEvent): Promise<void> {
    const { tell, onEvent } = this.#options;
    onEvent(told);
    // Leaves in one system call with what was revealed just before.
    await tell(told);
    // A helper that runs ahead may find every promise settled already: it must still hear its links, and let what it sent leave.
    await nextTurn();
  }

  #now(): Totals {
    const { parties, rounds, waited } = this.#options;
    const ranks = this.#options.ranks?.();
    const sent = ranks?.map(({ bytesSent }) => bytesSent) ?? parties.map((link) => link.sent.frameBytes);
    return {
      seconds: performance.now() / 1000,
      waitSeconds: waited(),
      bytesSent: sent.reduce((sum, bytes) => sum + bytes, 0),
      onlineRounds: rounds(),
      ranks,
    };
  }
}
