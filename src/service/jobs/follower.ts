/** P1 and P2: they tell P0 what became of their part, and ask it every few seconds what it makes of their jobs. So nothing that was lost on the way matters for long. */
import type { JobActor } from './actor.ts';
import {
  shortened,
  stateAnswer,
  type LedJob,
  type OutcomeControl,
  type StateControl,
  type Outcome,
} from './control.ts';
import { outcomeOf } from './member.ts';
import type { Peers } from './ports.ts';
import { isOver } from './record.ts';

const EVERY_MS = 5000;
const ASK_MS = 10_000;
/** In one message. */
const MOST = 5000;

export interface FollowerOptions {
  readonly peers: Peers;
  readonly actors: () => Iterable<JobActor>;
  readonly find: (job: string) => JobActor | undefined;
  readonly partySeconds: number;
  readonly now: () => number;
}

export class Follower {
  readonly #options: FollowerOptions;
  /** Jobs that ended here, which P0 may not know. */
  readonly #untold: Set<JobActor> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #asking = false;
  #closed = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#later(0);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  report(actor: JobActor, attempt: number, outcome: Outcome): void {
    const body: OutcomeControl = { job: actor.digest, attempt: Math.max(1, attempt), outcome };
    if (outcome.kind === 'over') this.#untold.add(actor);
    this.#options.peers.ask('P0', 'outcome', body, ASK_MS).then(
      () => this.#untold.delete(actor),
      // P0 will hear of it when it is asked next.
      () => undefined,
    );
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.#compare().finally(() => this.#later(EVERY_MS));
    }, ms);
  }

  async #compare(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const own = [...this.#options.actors()].filter((actor) => !isOver(actor.record) || this.#untold.has(actor));
      const told = own.slice(0, MOST);
      if (told.length > 0) await this.#ask(told);
      for (const actor of told) await this.#seeWhetherForsaken(actor);
    } finally {
      this.#asking = false;
    }
  }

  async #ask(actors: readonly JobActor[]): Promise<void> {
    const jobs: StateControl['jobs'] = actors.map((actor) => {
      const outcome = outcomeOf(actor.member);
      return { job: actor.digest, attempt: actor.record.attempt, ...(outcome && { outcome }) };
    });
    let answers: readonly LedJob[];
    try {
      answers = stateAnswer.parse(await this.#options.peers.ask('P0', 'state', { jobs }, ASK_MS)).jobs;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      for (const actor of actors) actor.waits = shortened(`P0 cannot be reached: ${reason}`);
      return;
    }
    const known = new Map(answers.map((each) => [each.job, each]));
    for (const actor of actors) {
      const led = known.get(actor.digest);
      this.#untold.delete(actor);
      if (led === undefined) actor.waits = 'P0 does not know of this job: propose it there, too';
      else await this.#heed(actor, led);
    }
  }

  async #heed(actor: JobActor, led: LedJob): Promise<void> {
    actor.heardAt = this.#options.now();
    actor.waits = led.waits;
    if (led.end !== undefined) return actor.tell({ kind: 'settle', end: led.end });
    const { live } = actor.member;
    if (live === undefined || led.attempt < live.attempt || (led.live && led.attempt === live.attempt)) return;
    const order = { job: actor.digest, attempt: live.attempt, reason: led.waits ?? 'P0 has ended this attempt' };
    return actor.tell({ kind: 'abort', order });
  }

  async #seeWhetherForsaken(actor: JobActor): Promise<void> {
    const seconds = (this.#options.now() - actor.heardAt) / 1000;
    if (seconds >= this.#options.partySeconds) await actor.tell({ kind: 'forsaken', seconds });
  }
}
