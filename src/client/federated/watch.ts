/**
 * Follows a job from approval to its end: what each party says of it, put together. A party that cannot be reached is gone on without, and told of;
 * a step that a later attempt repeats is told again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { Problem } from '../../data/problem.ts';
import { type Counters, partyEventSchema, type PartyEvent } from '../../data/party-events.ts';
import type { Digest } from '../../federation/canonical.ts';
import type { Id } from '../../federation/public-identity.ts';
import { PARTIES, type PartyName } from '../parties.ts';
import { eventsAnswer, jobAnswer } from './answers.ts';
import { ENDED, type JobEvent, type JobView, type JobState } from '../../federation/views.ts';
import { printable, type FederationClient } from './client.ts';
import { Refused, Unreachable } from './transport.ts';

/** One thing that happened, with what each party that tells of it spent; absent: of a party that cannot be reached. */
export interface Told {
  readonly event: PartyEvent;
  readonly attempt: number;
  readonly counters: Readonly<Partial<Record<PartyName, Counters>>>;
}

export interface Answers {
  readonly images: number;
  /** Requests. */
  readonly inputs: number;
  /** How many times some were computed together. */
  readonly batches: number;
  readonly seconds: number;
}

export interface JobWatcher {
  /** Whom the job waits for; empty: for nobody any more. */
  onWaiting(owners: readonly Id[]): void;
  onState(party: PartyName, state: JobState, reason: string | undefined): void;
  /** The parties begin, or begin again after this step. */
  onAttempt(attempt: number, from: number, reason: string | undefined): void;
  /** In the order in which the parties tell of them; awaited. */
  onTold(told: Told): void | Promise<void>;
  /** What a session has answered since it was last told, as P0 counts it. */
  onAnswers?(answers: Answers): void;
  onAway(party: PartyName, reason: string): void;
  onBack(party: PartyName): void;
}

/** Seconds that a party may think before it answers that nothing has happened. */
const WAIT_S = 20;
/** The same while a job waits for approvals, which are no events. */
const APPROVAL_S = 2;
/** Between two tries to reach a party. */
const PAUSE_MS = 2000;
/** Of events as they come, those of so long are asked for together. */
const TOGETHER_MS = 200;
/** What the first party to see a job's end leaves the others to see it. */
const GRACE_MS = 20_000;

export interface Ending {
  readonly state: JobState;
  readonly reason: string | undefined;
  readonly fix: string | undefined;
  /** Of every party that was reached. */
  readonly states: ReadonlyMap<PartyName, JobState>;
}

/** Resolves when the job has ended at every party that can be reached. */
export async function watch(
  client: FederationClient,
  job: Digest,
  watcher: JobWatcher,
  signal?: AbortSignal,
): Promise<Ending> {
  return new Watch(client, job, watcher).run(signal);
}

type Entry =
  | { readonly kind: 'attempt'; readonly tell: () => void }
  | {
      readonly kind: 'event';
      readonly event: PartyEvent;
      readonly attempt: number;
      readonly parts: Map<PartyName, Counters>;
    };

class Watch {
  readonly #client: FederationClient;
  readonly #job: Digest;
  readonly #watcher: JobWatcher;
  /** All is over, for whatever reason. */
  readonly #over = new AbortController();
  readonly #states: Map<PartyName, JobState> = new Map();
  readonly #away = new Set<PartyName>();
  /** The attempt that each party last told of: it tells of none before any more. */
  readonly #attempts: Map<PartyName, number> = new Map();
  /** What is not told yet, in the order in which the parties tell it, which is the same for all. */
  readonly #open: Map<string, Entry> = new Map();
  /** A party that was away tells late what is told already. */
  readonly #told = new Set<string>();
  #ending: Omit<Ending, 'states'> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #attempt = 0;
  #waiting: string | undefined;
  /** What is told is told one after the other. */
  #telling: Promise<void> = Promise.resolve();

  constructor(client: FederationClient, job: Digest, watcher: JobWatcher) {
    this.#client = client;
    this.#job = job;
    this.#watcher = watcher;
  }

  async run(signal: AbortSignal | undefined): Promise<Ending> {
    const leave = (): void => this.#fail(signal!.reason);
    if (signal?.aborted) leave();
    signal?.addEventListener('abort', leave, { once: true });
    try {
      await Promise.all(PARTIES.map((party) => this.#follow(party).catch((error: unknown) => this.#fail(error))));
    } finally {
      signal?.removeEventListener('abort', leave);
    }
    await this.#telling;
    if (this.#failure !== undefined) throw this.#failure.error;
    return { ...this.#ending!, states: this.#states };
  }

  /** The first failure counts; once the job has ended none does. */
  #fail(error: unknown): void {
    if (this.#ending === undefined) this.#failure ??= { error };
    this.#over.abort();
  }

  async #follow(party: PartyName): Promise<void> {
    for (let from = 0; !this.#over.signal.aborted;) {
      const begun = Date.now();
      try {
        const view = await this.#ask(party, '', jobAnswer);
        this.#back(party);
        this.#see(party, view);
        const ended = ENDED.includes(view.state);
        const wait = ended ? 0 : view.waitingFor.length > 0 ? APPROVAL_S : WAIT_S;
        // What has been told of an ended job is read to its end.
        const { events } = await this.#ask(party, `/events?from=${from}&wait=${wait}`, eventsAnswer);
        for (const event of events) {
          if (event.n < from) continue;
          from = event.n + 1;
          this.#hear(party, event);
        }
        if (ended && events.length === 0) return this.#end(party, view);
        if (!ended) await this.#sleep(begun + TOGETHER_MS - Date.now());
      } catch (error) {
        if (this.#over.signal.aborted) return;
        if (!mayPass(error)) throw error;
        this.#gone(party, error);
        await this.#sleep(PAUSE_MS);
      }
    }
  }

  async #sleep(ms: number): Promise<void> {
    await sleep(Math.max(0, ms), undefined, { signal: this.#over.signal }).catch(() => undefined);
  }

  #ask<T>(party: PartyName, rest: string, schema: z.ZodType<T>): Promise<T> {
    const asked = { patienceMs: 0, signal: this.#over.signal };
    return this.#client.ask(party, 'GET', `/v1/jobs/${this.#job}${rest}`, schema, asked);
  }

  #hasEnded(party: PartyName): boolean {
    return ENDED.includes(this.#states.get(party) ?? 'proposed');
  }

  #see(party: PartyName, view: JobView): void {
    if (view.job !== this.#job) throw new Problem(`${party} answers of another job`, 'ask its operator');
    const waits = view.state === 'awaiting' || view.state === 'proposed';
    if (waits || this.#waiting !== undefined) this.#tellWaiting(waits ? view.waitingFor : []);
    // Of an ended one events are read first.
    if (!ENDED.includes(view.state)) this.#enter(party, view);
  }

  #enter(party: PartyName, { state, reason }: JobView): void {
    if (this.#states.get(party) === state) return;
    this.#states.set(party, state);
    this.#tell(() => this.#watcher.onState(party, state, wordsOf(reason)));
  }

  #tellWaiting(owners: readonly Id[]): void {
    const who = owners.toSorted().join(' ');
    if (who === this.#waiting) return;
    this.#waiting = who;
    this.#tell(() => this.#watcher.onWaiting(owners));
  }

  #end(party: PartyName, view: JobView): void {
    const { state, reason, fix } = view;
    this.#enter(party, view);
    this.#ending ??= { state, reason: wordsOf(reason), fix: wordsOf(fix) };
    this.#settle();
    // Others that are away, or have not seen the end by then, are not waited for.
    const timer = setTimeout(() => this.#over.abort(), GRACE_MS);
    this.#over.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    this.#leaveIfAlone();
  }

  #leaveIfAlone(): void {
    const done = (party: PartyName): boolean => this.#hasEnded(party) || this.#away.has(party);
    if (this.#ending !== undefined && PARTIES.every(done)) this.#over.abort();
  }

  #hear(party: PartyName, event: JobEvent): void {
    const attempt = Number(event.attempt);
    if (event.event === 'attempt' && attempt > 0) {
      this.#attempts.set(party, attempt);
      if (attempt > this.#attempt) {
        this.#attempt = attempt;
        const from = Number.isSafeInteger(event.from) ? Number(event.from) : 0;
        const reason = typeof event.reason === 'string' ? wordsOf(event.reason) : undefined;
        const tell = (): void => this.#watcher.onAttempt(attempt, from, reason);
        this.#open.set(`attempt ${attempt}`, { kind: 'attempt', tell });
      }
      return this.#settle();
    }
    if (event.event === 'answers' && party === 'P0') {
      const answers = answersSchema.safeParse(event).data;
      if (answers !== undefined) this.#tell(() => this.#watcher.onAnswers?.(answers));
      return;
    }
    const progress = event.event === 'progress' ? partyEventSchema.safeParse(event.progress).data : undefined;
    if (progress === undefined) return;
    if (progress.kind === 'testing') {
      if (party === 'P0') this.#tell(() => this.#watcher.onTold({ event: progress, attempt, counters: {} }));
      return;
    }
    const key = keyOf(attempt, progress);
    if (this.#told.has(key)) return;
    const entry = this.#open.get(key) ?? {
      kind: 'event',
      event: progress,
      attempt,
      parts: new Map<PartyName, Counters>(),
    };
    if (entry.kind !== 'event' || entry.parts.has(party)) return;
    entry.parts.set(party, progress);
    this.#open.set(key, entry);
    this.#settle();
  }

  /** Tells, in order, what all have told that still may. */
  #settle(): void {
    for (const [key, entry] of this.#open) {
      if (entry.kind === 'event') {
        const { event, attempt, parts } = entry;
        if (PARTIES.some((party) => !parts.has(party) && this.#mayTell(party, attempt))) return;
        const counters = Object.fromEntries(parts) as Told['counters'];
        // What the helper alone has done was not done.
        if (parts.has('P0') || parts.has('P1')) this.#tell(() => this.#watcher.onTold({ event, attempt, counters }));
      } else this.#tell(entry.tell);
      this.#open.delete(key);
      this.#told.add(key);
    }
  }

  #mayTell(party: PartyName, attempt: number): boolean {
    return !this.#away.has(party) && !this.#hasEnded(party) && (this.#attempts.get(party) ?? 0) <= attempt;
  }

  #gone(party: PartyName, error: Problem): void {
    if (this.#away.has(party)) return;
    this.#away.add(party);
    this.#tell(() => this.#watcher.onAway(party, error.message));
    this.#settle();
    this.#leaveIfAlone();
  }

  #back(party: PartyName): void {
    if (this.#away.delete(party)) this.#tell(() => this.#watcher.onBack(party));
  }

  #tell(what: () => void | Promise<void>): void {
    this.#telling = this.#telling.then(what).catch((error: unknown) => this.#failAnyway(error));
  }

  /** What the watcher throws counts even at the end. */
  #failAnyway(error: unknown): void {
    this.#failure ??= { error };
    this.#over.abort();
  }
}

const count = z.int().min(1);
const answersSchema: z.ZodType<Answers> = z.object({
  ...{ images: count, inputs: count, batches: count },
  seconds: z.number().positive(),
});

function keyOf(attempt: number, event: Exclude<PartyEvent, { kind: 'testing' }>): string {
  switch (event.kind) {
    case 'step':
      return `${attempt} step ${event.step}`;
    case 'evaluated':
      return `${attempt} evaluated ${event.evaluation}`;
    case 'batch':
      return `${attempt} batch ${event.batch}`;
    case 'ready':
    case 'finished':
      return `${attempt} ${event.kind}`;
  }
}

/** It may be better in a while: no answer, or a party that does not have the job yet or is busy. */
function mayPass(error: unknown): error is Problem {
  return error instanceof Unreachable || (error instanceof Refused && error.status >= 404);
}

function wordsOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : printable(text);
}
