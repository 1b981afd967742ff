/** This party's own part in orders of the leader: what it knows is looked at anew at each of them, whoever gives them. */
import { Problem } from '../../data/problem.ts';
import { decide, objectionOnceBegun } from '../../federation/consent.ts';
import type { World } from '../../federation/job-check.ts';
import { Refusal } from '../refusal.ts';
import type { JobActor } from './actor.ts';
import { lacksMemory, lacksRanks, lacksRoom, memoryOfJob } from './admission.ts';
import {
  shortened,
  type AbortControl,
  type OrderAnswer,
  type PrepareAnswer,
  type PrepareOrder,
  type Refused,
  type SettleControl,
  type StartControl,
} from './control.ts';
import type { OwnPart } from './leader.ts';
import type { MemberEvent } from './member.ts';
import { ranksOf } from './orders.ts';
import type { SchedulerOptions } from './ports.ts';
import { isOver } from './record.ts';
import type { Approval } from './verdict.ts';

export interface WorkOptions {
  readonly given: Pick<SchedulerOptions, 'roll' | 'data' | 'grants' | 'memoryBytes' | 'disk' | 'ranks'>;
  readonly actors: () => Iterable<JobActor>;
  readonly find: (job: string) => JobActor | undefined;
  readonly world: () => World;
  readonly now: () => number;
}

const UNKNOWN: Refused = { refused: 'it does not know this job', fix: 'propose it to all three parties' };

export class Work implements OwnPart {
  readonly #options: WorkOptions;
  readonly #memory: Map<JobActor, Promise<number>> = new Map();
  #stopping = false;

  constructor(options: WorkOptions) {
    this.#options = options;
  }

  /** Nothing begins any more. */
  rest(): void {
    this.#stopping = true;
  }

  async prepare(order: PrepareOrder): Promise<PrepareAnswer> {
    const actor = this.#heard(order.job);
    if (actor === undefined) return UNKNOWN;
    return new Promise((reply, fail) => {
      const task = async (): Promise<void> => {
        await this.review(actor);
        const obstacle = await this.#obstacle(actor);
        await actor.prepare({ kind: 'prepare', order, obstacle }, reply);
      };
      actor.run(task).catch(fail);
    });
  }

  async start(order: StartControl): Promise<OrderAnswer> {
    const actor = this.#heard(order.job);
    if (actor === undefined) return UNKNOWN;
    return actor.run(async () => {
      const approvals = await this.review(actor);
      const event = { kind: 'start', order, approvals, obstacle: await this.#obstacle(actor) } as const;
      // Grants are counted for what will begin, and before it does.
      const unused = actor.wouldStart(event) ? await this.#count(actor, approvals) : undefined;
      return actor.order({ ...event, obstacle: unused ?? event.obstacle });
    });
  }

  abort(order: AbortControl): Promise<OrderAnswer> {
    return this.#simply(order.job, { kind: 'abort', order });
  }

  settle({ job, end }: SettleControl): Promise<OrderAnswer> {
    return this.#simply(job, { kind: 'settle', end });
  }

  /** Judges the job as things are now, within its `run`. @returns whose approval it may begin under */
  async review(actor: JobActor): Promise<readonly Approval[]> {
    const { record, job } = actor;
    if (isOver(record)) return [];
    const world = this.#options.world();
    if (record.begun) {
      const objection = objectionOnceBegun(job.signed, world);
      if (objection !== undefined) await actor.apply({ kind: 'cancelled', reason: objection });
      return record.approvals;
    }
    if (this.#options.now() > Date.parse(job.document.expires)) {
      await actor.apply({ kind: 'expired' });
      return [];
    }
    const verdict = decide(job.signed, world);
    await actor.apply({ kind: 'judged', verdict });
    return verdict.kind === 'approved' ? verdict.by : [];
  }

  #heard(job: string): JobActor | undefined {
    const actor = this.#options.find(job);
    if (actor !== undefined) actor.heardAt = this.#options.now();
    return actor;
  }

  async #simply(job: string, event: Extract<MemberEvent, { kind: 'abort' | 'settle' }>): Promise<OrderAnswer> {
    const actor = this.#heard(job);
    return actor === undefined ? UNKNOWN : actor.run(() => actor.order(event));
  }

  async #count({ digest, record }: JobActor, approvals: readonly Approval[]): Promise<Refused | undefined> {
    if (record.begun) return undefined;
    try {
      for (const approval of approvals) {
        if (approval.under === 'grant') await this.#options.given.grants.use(approval.digest, digest);
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { refused: error.message, fix: error.fix };
    }
  }

  /** What this party lacks at the moment. */
  async #obstacle(actor: JobActor): Promise<Refused | undefined> {
    if (this.#stopping) return { refused: 'it is being stopped' };
    const others = [...this.#options.actors()].filter((other) => other !== actor && other.member.live !== undefined);
    if (actor.job.document.kind === 'train') {
      const busy = others.find(({ job }) => job.document.kind === 'train');
      if (busy !== undefined) {
        const { attempt } = busy.member.live!;
        return { refused: 'another training is under way there', busy: { job: busy.digest, attempt } };
      }
    }
    const full = lacksRoom(await this.#options.given.disk());
    if (full !== undefined) return full;
    const missing = await lacksRanks(ranksOf(actor.job.document), this.#options.given.ranks, actor.record.begun);
    if (missing !== undefined) return missing;
    try {
      const needed = await this.#memoryOf(actor);
      const taken = await Promise.all(others.map((other) => this.#memoryOf(other)));
      const sum = taken.reduce((total, bytes) => total + bytes, 0);
      return lacksMemory(needed, sum, this.#options.given.memoryBytes);
    } catch (error) {
      // Settings that do not fit each other: what a run would throw.
      const { message, fix } =
        error instanceof Problem ? error : { message: 'its memory cannot be estimated', fix: '' };
      return { refused: shortened(message), fix: shortened(fix), over: 'refused' };
    }
  }

  #memoryOf(actor: JobActor): Promise<number> {
    const { roll, data, ranks } = this.#options.given;
    const known = this.#memory.get(actor);
    if (known !== undefined) return known;
    const { document } = actor.job;
    const here = Math.min(ranksOf(document), ranks?.here ?? 1);
    const estimate = memoryOfJob(document, roll().self, data).then((bytes) => here * bytes);
    this.#memory.set(actor, estimate);
    // Data may be here the next time.
    estimate.catch(() => this.#memory.delete(actor));
    return estimate;
  }
}
