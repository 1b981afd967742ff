/**
 * Jobs of a party: proposed, judged, queued, run and brought back. Each job has an actor; P0 leads, P1 and P2 follow, and each checks for itself
 * whatever it is told.
 */
import { readdir, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Digest } from '../../federation/canonical.ts';
import type { CancelDocument, JobDocument, WithdrawalDocument } from '../../federation/documents.ts';
import type { Id, PublicIdentity } from '../../federation/public-identity.ts';
import { holderOf } from '../../federation/job-check.ts';
import type { PartyName } from '../../server/ipc.ts';
import { totalSteps } from '../../nn/train.ts';
import {
  JOB_STATES,
  type ControlOrder,
  type JobEvent,
  type Jobs,
  type JobState,
  type JobView,
  type KnownJob,
  type ModelView,
  type Received,
} from '../jobs-api.ts';
import { Refusal } from '../refusal.ts';
import { Records } from '../store/records.ts';
import { JobActor, type Surroundings } from './actor.ts';
import { ControlDesk } from './control-desk.ts';
import type { StopControl } from './control.ts';
import { DiskWatch } from './disk-watch.ts';
import { Drain } from './drain.ts';
import { Follower } from './follower.ts';
import { Leader } from './leader.ts';
import { imagesOf, JobFolders } from './orders.ts';
import { Work } from './own-part.ts';
import type { JobNews, SchedulerOptions } from './ports.ts';
import { launcher } from './processes.ts';
import { formatRecord, isOver, newRecord, parseRecord, type JobRecord } from './record.ts';
import { Sessions } from './sessions.ts';
import { Steps } from './steps.ts';
import { dataReadBy, dataUsedBy, modelViews, worldOf } from './world.ts';
import type { Waiting } from '../waiting.ts';

const TICK_MS = 1000;
const AGAIN_MS = 5000;
/** Of one proposer. */
const MOST_UNFINISHED = 100;
const MOST_KEPT = 10_000;

export class Scheduler implements Jobs {
  readonly #options: SchedulerOptions;
  readonly #folders: JobFolders;
  readonly #records: Records<JobRecord>;
  readonly #actors: Map<Digest, JobActor> = new Map();
  readonly #now: () => number;
  readonly #party: PartyName;
  readonly #work: Work;
  readonly #leader: Leader | undefined;
  readonly #follower: Follower | undefined;
  readonly #desk: ControlDesk;
  readonly #sessions: Sessions;
  readonly #diskWatch: DiskWatch;
  readonly #steps: Steps = new Steps();
  readonly #all: Surroundings;
  #timer: NodeJS.Timeout | undefined;
  /** When to judge again what could not be written. */
  #again = Infinity;
  #proposing: Promise<unknown> = Promise.resolve();

  private constructor(options: SchedulerOptions, records: Records<JobRecord>, folders: JobFolders) {
    this.#options = options;
    this.#records = records;
    this.#folders = folders;
    const now = (this.#now = options.now ?? Date.now);
    this.#party = options.roll().self;
    this.#sessions = new Sessions(this.#party, options.figures, (id) => holderOf(id, options));
    const find = (job: Digest): JobActor | undefined => this.#actors.get(job);
    const actors = (): Iterable<JobActor> => this.#actors.values();
    const recordOf = (job: Digest): JobRecord | undefined => find(job)?.record;
    const world = () => worldOf(options, recordOf, now());
    this.#work = new Work({ given: options, actors, find, world, now });
    const { peers, patience } = options;
    if (this.#party === 'P0') this.#leader = new Leader({ peers, own: this.#work, actors, find, now });
    else this.#follower = new Follower({ peers, actors, find, partySeconds: patience.partySeconds, now });
    const stop = ({ job, attempt }: StopControl): void => {
      const actor = find(job);
      if (actor?.leads(attempt) === true) actor.process?.stop();
    };
    this.#diskWatch = new DiskWatch({ given: options, party: this.#party, actors, log: options.log });
    this.#desk = new ControlDesk({ party: this.#party, own: this.#work, leader: this.#leader, find, stop });
    this.#all = {
      ...{ options, folders, records, now, log: options.log },
      launch: options.launch ?? launcher(options.log, options.writeLine),
      report: (actor, attempt, outcome) => {
        if (this.#leader !== undefined) void actor.tellLead({ kind: 'outcome', from: 'P0', attempt, outcome });
        else this.#follower!.report(actor, attempt, outcome);
      },
      command: (actor, action) => this.#leader!.command(actor, action),
      onNews: (actor, news) => this.#hear(actor, news),
      onGone: (actor) => this.#sessions.interrupted(actor),
    };
  }

  /** With all that a crash or a stop left as it was. Nothing goes on before `begin`. */
  static async open(options: SchedulerOptions): Promise<Scheduler> {
    const folders = new JobFolders(options.folder);
    const records = await Records.open({
      folder: folders.records,
      parse: parseRecord,
      format: formatRecord,
      files: options.files,
    });
    const scheduler = new Scheduler(options, records, folders);
    await scheduler.#load();
    return scheduler;
  }

  /** The party can be reached: jobs go on. */
  begin(): void {
    this.#leader?.begin();
    this.#follower?.begin();
    this.#diskWatch.begin();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.reconsider();
  }

  /** Job processes are gone. */
  close(): void {
    clearInterval(this.#timer);
    this.#leader?.close();
    this.#follower?.close();
    this.#diskWatch.close();
    for (const actor of this.#actors.values()) actor.close().catch(() => undefined);
  }

  async propose(job: Received<JobDocument>): Promise<JobView> {
    const known = this.#actors.get(job.digest) ?? (await this.#add(job));
    await known.run(() => this.#work.review(known));
    this.#leader?.tick();
    return this.#view(known);
  }

  find(job: Digest): KnownJob | undefined {
    const actor = this.#actors.get(job);
    return actor && this.#known(actor);
  }

  *all(): Iterable<KnownJob> {
    for (const actor of [...this.#actors.values()].reverse()) yield this.#known(actor);
  }

  reconsider(): void {
    for (const actor of this.#actors.values()) {
      if (isOver(actor.record)) continue;
      actor
        .run(() => this.#work.review(actor))
        .catch((error: unknown) => {
          this.#again = this.#now() + AGAIN_MS;
          const reason = error instanceof Error ? error.message : String(error);
          this.#options.log.error({ job: actor.digest, reason }, 'a job could not be judged');
        });
    }
    this.#leader?.hurry();
    this.#leader?.tick();
  }

  async cancel(cancel: Received<CancelDocument>): Promise<JobView> {
    const { job, reason } = cancel.document;
    const actor = this.#actors.get(job);
    if (actor === undefined) throw new Refusal(404, 'no such job', 'see which there are: securenn job list');
    const owners = this.#ownersOf(actor);
    const by = holderOf(cancel.author, this.#options);
    if (by !== holderOf(actor.job.author, this.#options) && !owners.includes(by)) {
      throw new Refusal(403, 'the job is neither yours nor uses data of yours', 'ask its proposer to cancel it');
    }
    const name = this.#options.member(by)?.name ?? by;
    const why = reason === '' ? '' : `: ${reason}`;
    await actor.run(() => actor.apply({ kind: 'cancelled', reason: `cancelled by ${name}${why}` }));
    return this.#view(actor);
  }

  async events(job: Digest, from: number, signal: AbortSignal): Promise<readonly JobEvent[]> {
    return (await this.#actors.get(job)?.eventsFrom(from, signal)) ?? [];
  }

  models(): readonly ModelView[] {
    return this.#models().map(({ job, network, created, owners }) => ({ job, network, created, owners }));
  }

  async infer(
    job: Digest,
    id: string,
    client: PublicIdentity,
    input: Uint8Array,
    gone: Waiting,
    as?: Id,
  ): Promise<Uint8Array> {
    const actor = this.#actors.get(job);
    if (actor === undefined) throw new Refusal(404, 'no such job', 'see which there are: securenn job list');
    return this.#sessions.infer(actor, id, client, input, gone, as);
  }

  control(order: ControlOrder, from: PartyName, body: unknown): Promise<object> {
    return this.#desk.take(order, from, body);
  }

  async withdrawn(what: WithdrawalDocument['what'], digest: Digest): Promise<readonly Digest[]> {
    if (what === 'grant') {
      this.reconsider();
      return [];
    }
    const readers = [...this.#actors.values()].filter(({ record }) => dataReadBy(record).includes(digest));
    await Promise.all(
      readers.map(async (actor) => {
        await actor.run(() => this.#work.review(actor));
        // Its owner has said so, whatever consent makes of it.
        if (!isOver(actor.record)) await actor.tell({ kind: 'cancelled', reason: 'data of it has been withdrawn' });
        await actor.idle();
      }),
    );
    return this.#models()
      .filter(({ data }) => data.includes(digest))
      .map(({ job }) => job);
  }

  takeLink(socket: Socket, session: string, head: Uint8Array): boolean {
    for (const actor of this.#actors.values()) {
      if (actor.session === session) return actor.process?.take(socket, head) ?? false;
    }
    return false;
  }

  counts(): Readonly<Record<JobState, number>> {
    const counts = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Record<JobState, number>;
    for (const { record } of this.#actors.values()) counts[record.state]++;
    return counts;
  }

  async drain(): Promise<void> {
    this.#work.rest();
    this.#leader?.rest();
    await new Drain(this.#party, this.#options.peers).run([...this.#actors.values()]);
    this.close();
  }

  kill(): void {
    for (const actor of this.#actors.values()) actor.kill();
    this.close();
  }

  async #load(): Promise<void> {
    const records = [...this.#records.values()].sort((a, b) => a.place - b.place);
    for (const record of records) this.#actors.set(record.job.digest, new JobActor(record, this.#all));
    for (const actor of this.#actors.values()) {
      await actor.tell({ kind: 'loaded' });
      if (this.#leader !== undefined && !isOver(actor.record)) await actor.tellLead({ kind: 'loaded' });
    }
    await this.#removeLeftovers();
  }

  /** Checkpoints of jobs that are over, or that nobody knows. */
  async #removeLeftovers(): Promise<void> {
    const folder = this.#folders.allCheckpoints;
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names) {
      const actor = this.#actors.get(name);
      if (actor === undefined || isOver(actor.record)) await rm(join(folder, name), { recursive: true, force: true });
    }
  }

  #add(job: Received<JobDocument>): Promise<JobActor> {
    const adding = this.#proposing.then(async () => {
      const known = this.#actors.get(job.digest);
      if (known !== undefined) return known;
      this.#checkRoom(job);
      const place = 1 + Math.max(0, ...[...this.#actors.values()].map(({ record }) => record.place));
      const record = newRecord(job, place, this.#now());
      await this.#records.put(job.digest, record);
      const actor = new JobActor(record, this.#all);
      this.#actors.set(job.digest, actor);
      const facts = { job: job.digest, by: job.author, title: job.document.title };
      await this.#options.audit.append('job-proposed', facts);
      actor.note('state', { state: record.state });
      return actor;
    });
    this.#proposing = adding.catch(() => undefined);
    return adding;
  }

  #checkRoom({ author }: Received<JobDocument>): void {
    const proposer = holderOf(author, this.#options);
    const own = [...this.#actors.values()].filter(({ job }) => holderOf(job.author, this.#options) === proposer);
    const unfinished = own.filter(({ record }) => !isOver(record)).length;
    if (unfinished >= MOST_UNFINISHED)
      throw new Refusal(429, `${unfinished} jobs of yours are not over`, 'cancel some, or wait until they are over');
    if (own.length >= MOST_KEPT)
      throw new Refusal(429, `you have proposed ${own.length} jobs`, 'ask the operator of this party');
  }

  #tick(): void {
    const now = this.#now();
    if (now >= this.#again) {
      this.#again = Infinity;
      this.reconsider();
    }
    for (const actor of this.#actors.values()) {
      const { record, job } = actor;
      if (!record.begun && !isOver(record) && now > Date.parse(job.document.expires))
        void actor.tell({ kind: 'expired' });
    }
  }

  #hear(actor: JobActor, news: JobNews): void {
    const { log } = this.#options;
    switch (news.type) {
      case 'event': {
        const { attempt } = actor.record;
        if (news.event.kind === 'ready') actor.nowReady();
        if (news.event.kind === 'step') this.#options.figures.step(news.event.seconds);
        // Of what a session answers its own count is kept (`session.ts`).
        const counted = news.event.kind === 'batch' && actor.job.document.kind === 'serve';
        if (!counted && this.#steps.keeps(actor.digest, news.event, this.#stepsOf(actor))) {
          actor.note('progress', { attempt, progress: news.event });
        }
        return;
      }
      case 'answers':
      case 'rejected':
        return this.#sessions.hear(actor, news);
      case 'checkpoint':
      case 'revealed':
      case 'note':
      case 'computing':
      case 'refused': {
        const { type, ...facts } = news;
        return log.debug({ job: actor.digest, ...facts }, type);
      }
    }
  }

  #known(actor: JobActor): KnownJob {
    return { job: actor.job, view: this.#view(actor), owners: this.#ownersOf(actor) };
  }

  #view(actor: JobActor): JobView {
    const { record, job, waits } = actor;
    const shown = isOver(record) ? record.reason : (record.reason ?? waits);
    // What keeps a job between attempts says more than how the last one ended.
    const reason = record.state === 'queued' || record.state === 'preparing' ? (waits ?? shown) : shown;
    const steps = this.#stepsOf(actor);
    // For those who ask a session, it runs once it answers.
    const opens = record.state === 'running' && job.document.kind === 'serve' && !actor.isReady;
    return {
      job: job.digest,
      signed: job.signed,
      state: opens ? 'preparing' : record.state,
      since: record.since,
      reason,
      fix: record.fix,
      waitingFor: record.waitingFor,
      attempt: record.attempt,
      ...(steps !== undefined && { step: this.#steps.of(job.digest) ?? record.step, steps }),
    };
  }

  #stepsOf({ job: { document } }: JobActor): number | undefined {
    if (document.kind !== 'train') return undefined;
    const images = document.train.reduce((sum, { digest }) => sum + imagesOf(this.#options.data, digest), 0);
    return images === 0 ? undefined : totalSteps(images, document);
  }

  #ownersOf(actor: JobActor): readonly string[] {
    const used = dataUsedBy(actor.record, (job) => this.#actors.get(job)?.record);
    return [...new Set(used.map(({ owner }) => holderOf(owner, this.#options)))];
  }

  #models(): ReturnType<typeof modelViews> {
    const records = [...this.#actors.values()].map(({ record }) => record);
    return modelViews(records, (job) => this.#actors.get(job)?.record);
  }
}
