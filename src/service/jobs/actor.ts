/**
 * One job at one party: runs its machine (`member.ts`), at P0 the leader's as well (`lead.ts`), one event after the other. What a step made of the
 * record is on the disk before anything is done because of it; when it cannot be written, nothing is.
 */
import { rm } from 'node:fs/promises';
import { reasonFor } from '../../channel/reason.ts';
import type { Digest } from '../../federation/canonical.ts';
import type { JobDocument } from '../../federation/documents.ts';
import { signDocument } from '../../federation/signed.ts';
import { Deferred } from '../../server/deferred.ts';
import type { Logger } from '../../server/log.ts';
import type { Facts, JobEvent, Received } from '../jobs-api.ts';
import type { Records } from '../store/records.ts';
import type { OrderAnswer, Outcome, PrepareAnswer, SessionKeyDocument, StartControl } from './control.ts';
import { EventLog } from './events-log.ts';
import { isLive, NEW_LEAD, restingLead, stepLead, type Lead, type LeadAction, type LeadEvent } from './lead.ts';
import { stepMember, type Member, type MemberAction, type MemberEvent } from './member.ts';
import { openOrder, ranksOf, startOrder, type JobFolders } from './orders.ts';
import type { JobNews, JobProcess, Launch, SchedulerOptions } from './ports.ts';
import type { JobRecord } from './record.ts';

/** What all jobs of a party share. */
export interface Surroundings {
  readonly options: SchedulerOptions;
  readonly folders: JobFolders;
  readonly records: Records<JobRecord>;
  readonly launch: Launch;
  readonly now: () => number;
  readonly log: Logger;
  /** An attempt has come to something: at P0 for the leader, elsewhere to tell it. */
  readonly report: (actor: JobActor, attempt: number, outcome: Outcome) => void;
  /** P0: what the leader of a job has decided. */
  readonly command: (actor: JobActor, action: LeadAction) => void;
  readonly onNews: (actor: JobActor, news: JobNews) => void;
  /** The process of an attempt is gone. */
  readonly onGone: (actor: JobActor) => void;
}

interface Attempt {
  readonly number: number;
  readonly process: JobProcess;
  /** Once it has begun. */
  session?: string;
  /** Whether it came so far that protocols run; false: it is gone. */
  readonly ready: Deferred<boolean>;
  isReady: boolean;
}

type Reply = (answer: PrepareAnswer) => void;
const NO_REPLY: Reply = () => undefined;
const UNWRITTEN = 'its record cannot be written here';

export class JobActor {
  readonly job: Received<JobDocument>;
  /** When the leader was last heard of. */
  heardAt: number;
  /** What keeps it waiting, where the record does not say. */
  waits: string | undefined;
  readonly #all: Surroundings;
  #member: Member;
  #lead: Lead;
  #attempt: Attempt | undefined;
  /** A process is on its way out, or there is none. */
  #gone: Promise<unknown> = Promise.resolve();
  #asking: { readonly attempt: number; readonly reply: Reply }[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #events: Promise<EventLog> | undefined;
  #closed = false;

  constructor(record: JobRecord, all: Surroundings) {
    this.job = record.job;
    this.#all = all;
    this.#member = { record };
    this.heardAt = all.now();
    this.#lead = restingLead(all.now());
  }

  get digest(): Digest {
    return this.job.digest;
  }

  get member(): Member {
    return this.#member;
  }

  get record(): JobRecord {
    return this.#member.record;
  }

  get lead(): Lead {
    return this.#lead;
  }

  /** Of the attempt under way. */
  get process(): JobProcess | undefined {
    return this.#member.live === undefined ? undefined : this.#attempt?.process;
  }

  /** Of the attempt under way, once it has begun. */
  get session(): string | undefined {
    return this.#member.live === undefined ? undefined : this.#attempt?.session;
  }

  /** Resolves when the attempt under way has all that it begins with; false: there is none, or it is gone. */
  async begun(): Promise<boolean> {
    const attempt = this.#attempt;
    if (attempt === undefined || this.#member.live?.stage !== 'running') return false;
    return attempt.ready.promise;
  }

  /** Its process says that it has all that it begins with. */
  nowReady(): void {
    if (this.#attempt === undefined) return;
    this.#attempt.isReady = true;
    this.#attempt.ready.resolve(true);
  }

  /** Whether the attempt under way has all that it begins with: of a session, its model is open and its code is warm. */
  get isReady(): boolean {
    return this.#member.live?.stage === 'running' && this.#attempt?.isReady === true;
  }

  /** Whether P0 has this attempt under way. */
  leads(attempt: number): boolean {
    return isLive(this.#lead, this.record.lead ?? NEW_LEAD, attempt);
  }

  /** One thing after the other. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(task, task);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  /** What happened by itself: there is nobody to tell when it cannot be written. */
  tell(event: MemberEvent): Promise<void> {
    return this.run(() => this.apply(event)).catch((error: unknown) => this.#fault(error));
  }

  tellLead(event: LeadEvent): Promise<void> {
    return this.run(() => this.#applyLead(event)).catch((error: unknown) => this.#fault(error));
  }

  /** Within `run`. Rejects when the record cannot be written: then nothing has happened. */
  async apply(event: MemberEvent, reply: Reply = NO_REPLY): Promise<void> {
    const { options, now } = this.#all;
    const turn = stepMember(this.#member, event, now(), options.roll());
    try {
      await this.#keep(turn.member.record);
    } catch (error) {
      if (event.kind !== 'ended') throw error;
      // The process is gone whatever the record says.
      const outcome: Outcome = { kind: 'failed', origin: 'here', reason: UNWRITTEN };
      this.#member = { record: this.record, ended: { attempt: event.attempt, outcome } };
      this.#all.report(this, event.attempt, outcome);
      throw error;
    }
    this.#member = turn.member;
    for (const action of turn.actions) {
      if (await this.#act(action, reply)) continue;
      // It must not begin what the audit log lacks.
      reply({ refused: 'its audit log cannot be written' });
      const attempt = this.record.attempt;
      this.#attempt?.process.end('its audit log cannot be written');
      const outcome: Outcome = { kind: 'failed', origin: 'here', reason: 'its audit log cannot be written' };
      return this.apply({ kind: 'ended', attempt, outcome });
    }
  }

  /** The order to prepare, within `run`; `reply` may be called later. */
  async prepare(event: Extract<MemberEvent, { kind: 'prepare' }>, reply: Reply): Promise<void> {
    let answered = false;
    await this.apply(event, (answer) => {
      answered = true;
      reply(answer);
    });
    const { attempt } = event.order;
    if (!answered && attempt !== undefined) this.#asking.push({ attempt, reply });
  }

  /** Whether it would begin, or has begun, as it is told; nothing is done. */
  wouldStart(event: Extract<MemberEvent, { kind: 'start' }>): boolean {
    const { actions } = stepMember(this.#member, event, this.#all.now(), this.#all.options.roll());
    return !actions.some((action) => action.do === 'answer' && 'refused' in action.answer);
  }

  /** An order with one answer, within `run`. */
  async order(event: Extract<MemberEvent, { kind: 'start' | 'abort' | 'settle' }>): Promise<OrderAnswer> {
    let given: PrepareAnswer = {};
    await this.apply(event, (answer) => (given = answer));
    return 'prepared' in given ? {} : given;
  }

  /** For those concerned. */
  note(event: string, facts: Readonly<Record<string, unknown>>): void {
    if (this.#closed) return;
    const now = this.#all.now();
    void this.#log().then(
      (log) => log.append(event, facts, now),
      (error: unknown) => this.#fault(error),
    );
  }

  async eventsFrom(from: number, signal: AbortSignal): Promise<readonly JobEvent[]> {
    return (await this.#log()).from(from, signal);
  }

  /** Resolves when no process of it is left, whether it was told to end or not. */
  async idle(): Promise<void> {
    await this.run(() => Promise.resolve());
    await this.#gone;
  }

  /** The party ends. */
  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#events)?.close();
  }

  kill(): void {
    this.#attempt?.process.kill();
  }

  async #applyLead(event: LeadEvent): Promise<void> {
    const { options, now } = this.#all;
    const { record } = this;
    const context = {
      job: this.digest,
      serves: this.job.document.kind === 'serve',
      begun: record.begun,
      done: record.done > 0,
      partySeconds: options.patience.partySeconds,
    };
    const before = record.lead ?? NEW_LEAD;
    const turn = stepLead(this.#lead, before, event, now(), context);
    if (turn.record !== before) {
      try {
        await this.#keep({ ...record, lead: turn.record });
      } catch (error) {
        // Whatever was under way is given up; the parties are told so when they ask.
        this.#lead = { ...restingLead(now()), until: now() + UNWRITTEN_REST_MS, waits: UNWRITTEN };
        throw error;
      }
      this.#member = { ...this.#member, record: { ...record, lead: turn.record } };
    }
    this.#lead = turn.lead;
    this.waits = turn.lead.waits;
    for (const action of turn.actions) this.#all.command(this, action);
  }

  async #keep(record: JobRecord): Promise<void> {
    if (record !== this.record) await this.#all.records.put(this.digest, record);
  }

  /** False: what follows must not be done. */
  async #act(action: MemberAction, reply: Reply): Promise<boolean> {
    switch (action.do) {
      case 'audit':
        return this.#audit(action.event, action.facts);
      case 'tell':
        this.note(action.event, action.facts);
        return true;
      case 'open':
        void this.#open(action.attempt);
        return true;
      case 'begin':
        void this.#begin(action.order, action.fresh);
        return true;
      case 'end':
        if (this.#attempt?.number === action.attempt) this.#attempt.process.end(action.reason);
        return true;
      case 'answer':
        this.#answer(action.attempt, action.answer, reply);
        return true;
      case 'report':
        this.#all.report(this, action.attempt, action.outcome);
        return true;
      case 'clear':
        void this.#clear();
        return true;
    }
  }

  /** That a job ended is acted on whether it can be kept or not; that it begins is not. */
  async #audit(event: string, facts: Facts): Promise<boolean> {
    try {
      await this.#all.options.audit.append(event, facts);
      return true;
    } catch (error) {
      this.#fault(error);
      return event !== 'job-started';
    }
  }

  #answer(attempt: number | undefined, answer: PrepareAnswer, reply: Reply): void {
    if (attempt === undefined) return reply(answer);
    const asked = this.#asking.filter((each) => each.attempt === attempt);
    this.#asking = this.#asking.filter((each) => each.attempt !== attempt);
    for (const each of asked) each.reply(answer);
  }

  async #open(attempt: number): Promise<void> {
    await this.#gone;
    const { options, folders, launch } = this.#all;
    const { live } = this.#member;
    if (live?.stage !== 'opening' || live.attempt !== attempt) return;
    const process = launch(openOrder(this.job, folders, options), (news) => {
      // What an attempt that is past still says is not about the one under way.
      if (this.#member.live?.attempt === attempt) this.#all.onNews(this, news);
    });
    const ready = new Deferred<boolean>();
    this.#attempt = { number: attempt, process, ready, isReady: false };
    this.#gone = process.ended;
    // A session has no end of its own: whatever ends it, another attempt may go on.
    const asItIs = (outcome: Outcome): Outcome =>
      this.job.document.kind === 'serve' && outcome.kind === 'done' ? { kind: 'stopped', step: 0 } : outcome;
    void process.ended.then(() => {
      ready.resolve(false);
      this.#all.onGone(this);
    });
    void process.ended.then((outcome) => this.tell({ kind: 'ended', attempt, outcome: asItIs(outcome) }));
    void process.listening.then(({ publicKey: key, holdings }) => {
      for (const { step, what } of holdings.damaged) this.#all.log.warn({ step, what }, 'a checkpoint is damaged');
      const { self: party, federation } = options.roll();
      const ranks = ranksOf(this.job.document);
      const document: SessionKeyDocument = {
        ...{ securenn: 'session-key', federation, job: this.digest, attempt, party, key },
        ...(ranks > 1 && { ranks: options.ranks?.announced(ranks) ?? [] }),
      };
      const prepared = signDocument(document, options.identity);
      return this.tell({ kind: 'opened', attempt, prepared, holdings: holdings.whole });
    });
  }

  async #begin(order: StartControl, fresh: boolean): Promise<void> {
    const { options, folders } = this.#all;
    const attempt = this.#attempt;
    if (attempt?.number !== order.attempt) return;
    try {
      if (fresh) await this.#remove(folders.checkpoints(this.digest), folders.results(this.digest));
      const started = await startOrder(this.job, order, folders, options);
      attempt.session = started.job.sessionId;
      attempt.process.start(started);
    } catch (error) {
      this.#fault(error);
      attempt.process.end('it cannot begin');
      const outcome: Outcome = { kind: 'failed', origin: 'here', reason: reasonFor(error) };
      await this.tell({ kind: 'ended', attempt: order.attempt, outcome });
    }
  }

  /** What only a job that goes on needs. Its results stay, and its model if there is one. */
  async #clear(): Promise<void> {
    await this.#gone;
    const { folders } = this.#all;
    try {
      await this.#remove(folders.checkpoints(this.digest));
      if (this.record.state !== 'succeeded') await this.#remove(folders.model(this.digest));
    } catch (error) {
      this.#fault(error);
    }
    await (await this.#events)?.rest();
  }

  async #remove(...paths: readonly string[]): Promise<void> {
    for (const path of paths) await (this.#all.options.files?.rm ?? rm)(path, { recursive: true, force: true });
  }

  #log(): Promise<EventLog> {
    const { folders, options } = this.#all;
    const fault = (error: unknown): void => this.#fault(error);
    return (this.#events ??= EventLog.open(folders.events, this.digest, fault, options.files).catch(
      (error: unknown) => {
        // It may be read the next time.
        this.#events = undefined;
        throw error;
      },
    ));
  }

  #fault(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#all.log.error({ job: this.digest, reason }, 'something could not be done for a job');
  }
}

/** Before the leader tries again to write what it has decided. */
const UNWRITTEN_REST_MS = 15_000;
