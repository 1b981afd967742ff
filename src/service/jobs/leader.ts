/** P0 at work as leader: which job is next, orders to all three, and what they answer. What is decided about a job is decided in `lead.ts`. */
import type { z } from 'zod';
import type { ControlOrder } from '../jobs-api.ts';
import { Refusal } from '../refusal.ts';
import type { PartyName } from '../../server/ipc.ts';
import type { JobActor } from './actor.ts';
import {
  orderAnswer,
  prepareAnswer,
  shortened,
  type AbortControl,
  type LedJob,
  type OrderAnswer,
  type PrepareAnswer,
  type PrepareOrder,
  type Refused,
  type SettleControl,
  type StartControl,
  type StateAnswer,
  type StateControl,
} from './control.ts';
import type { LeadAction, Silent } from './lead.ts';
import type { Peers } from './ports.ts';
import { endOf, isOver } from './record.ts';

const TICK_MS = 250;
/** Starting a process and reading checkpoints of gigabytes. */
const PREPARE_MS = 60_000;
const ORDER_MS = 20_000;
/** When the end of a job could not be written. */
const SETTLE_AGAIN_MS = 15_000;

/** This party's own part, asked as the others are. */
export interface OwnPart {
  prepare(order: PrepareOrder): Promise<PrepareAnswer>;
  start(order: StartControl): Promise<OrderAnswer>;
  abort(order: AbortControl): Promise<OrderAnswer>;
  settle(order: SettleControl): Promise<OrderAnswer>;
}

export interface LeaderOptions {
  readonly peers: Peers;
  readonly own: OwnPart;
  readonly actors: () => Iterable<JobActor>;
  readonly find: (job: string) => JobActor | undefined;
  readonly now: () => number;
}

export class Leader {
  readonly #options: LeaderOptions;
  #timer: NodeJS.Timeout | undefined;
  #resting = false;

  constructor(options: LeaderOptions) {
    this.#options = options;
  }

  /** To be called once all jobs are loaded. */
  begin(): void {
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.tick();
  }

  /** No attempt begins any more. */
  rest(): void {
    this.#resting = true;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  tick(): void {
    const now = this.#options.now();
    const waiting: JobActor[] = [];
    let training = false;
    for (const actor of this.#options.actors()) {
      const { lead, record, job } = actor;
      if (lead.phase === 'concluding' && now >= lead.until) void actor.tellLead({ kind: 'tick' });
      if (isOver(record)) continue;
      const busy = lead.phase !== 'resting';
      // One training at a time: one that has begun keeps its turn between attempts.
      if (job.document.kind === 'train' && (busy || record.begun)) training = true;
      const ready = record.state === 'queued' || record.begun || record.state === 'preparing';
      if (!busy && ready && now >= lead.until) waiting.push(actor);
    }
    if (this.#resting) return;
    const order = waiting.sort(
      (a, b) => Number(b.record.begun) - Number(a.record.begun) || a.record.place - b.record.place,
    );
    for (const actor of order) {
      const serves = actor.job.document.kind === 'serve';
      if (!serves && !actor.record.begun) {
        if (training) continue;
        training = true;
      }
      void actor.tellLead({ kind: 'go' });
    }
  }

  /** Something has changed that jobs may wait for. */
  hurry(): void {
    for (const actor of this.#options.actors()) if (!isOver(actor.record)) void actor.tellLead({ kind: 'hurry' });
  }

  command(actor: JobActor, action: LeadAction): void {
    switch (action.do) {
      case 'prepare':
        return void this.#prepare(actor, action.to, action.order);
      case 'start':
        return void this.#start(actor, action.to, action.order);
      case 'abort':
        return void this.#order(action.to, 'abort', action.order, (own) => own.abort(action.order));
      case 'free': {
        const { job, attempt } = action;
        if (this.#options.find(job)?.leads(attempt) === true) return;
        const order: AbortControl = { job, attempt, reason: 'P0 does not run it' };
        return void this.#order(action.at, 'abort', order, (own) => own.abort(order));
      }
      case 'settle':
        return void this.#settle({ job: actor.digest, end: action.end });
    }
  }

  /** What P1 or P2 has of its jobs; what P0 has of them. */
  async compare(from: PartyName, { jobs }: StateControl): Promise<StateAnswer> {
    const answers: LedJob[] = [];
    for (const { job, attempt, outcome } of jobs) {
      const actor = this.#options.find(job);
      if (actor === undefined) continue;
      if (outcome !== undefined) await actor.tellLead({ kind: 'outcome', from, attempt, outcome });
      const led = actor.record.lead?.attempt ?? 0;
      const end = endOf(actor.record);
      const waits = actor.waits ?? (actor.record.state === 'awaiting' ? 'P0 waits for an approval' : undefined);
      answers.push({ job, attempt: led, live: actor.leads(led), ...(end && { end }), ...(waits && { waits }) });
    }
    return { jobs: answers };
  }

  async #prepare(actor: JobActor, to: PartyName, order: PrepareOrder): Promise<void> {
    const own = (): Promise<PrepareAnswer> => this.#options.own.prepare(order);
    const answer = to === 'P0' ? await spoken(own()) : await this.#ask(to, 'prepare', order, prepareAnswer, PREPARE_MS);
    await actor.tellLead({ kind: 'answered', from: to, attempt: order.attempt ?? 0, answer: fitting(order, answer) });
  }

  async #start(actor: JobActor, to: PartyName, order: StartControl): Promise<void> {
    const own = (): Promise<OrderAnswer> => this.#options.own.start(order);
    const answer = to === 'P0' ? await spoken(own()) : await this.#ask(to, 'start', order, orderAnswer, ORDER_MS);
    await actor.tellLead({ kind: 'started', from: to, attempt: order.attempt, answer });
  }

  /** P0's own record first: what it forgot, it could not tell again. */
  async #settle(order: SettleControl): Promise<void> {
    const answer = await spoken(this.#options.own.settle(order));
    if ('silent' in answer) {
      setTimeout(() => void this.#settle(order), SETTLE_AGAIN_MS).unref();
      return;
    }
    for (const to of ['P1', 'P2'] as const) void this.#order(to, 'settle', order, (own) => own.settle(order));
  }

  /** What is lost on the way is made good when that party asks for the state of things. */
  async #order(
    to: PartyName,
    order: ControlOrder,
    body: object,
    own: (part: OwnPart) => Promise<OrderAnswer>,
  ): Promise<void> {
    if (to === 'P0') await spoken(own(this.#options.own));
    else await this.#ask(to, order, body, orderAnswer, ORDER_MS);
  }

  async #ask<T>(
    to: PartyName,
    order: ControlOrder,
    body: object,
    schema: z.ZodType<T>,
    timeoutMs: number,
  ): Promise<T | Refused | Silent> {
    return spoken(
      this.#options.peers.ask(to, order, body, timeoutMs).then((json): T | Silent => {
        const parsed = schema.safeParse(json);
        return parsed.success ? parsed.data : { silent: `its answer to ${order} is not understood` };
      }),
    );
  }
}

/** Who refuses has spoken; who does not answer is away. */
async function spoken<T>(answer: Promise<T>): Promise<T | Refused | Silent> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Refusal) return { refused: shortened(error.message), fix: shortened(error.fix) };
    return { silent: shortened(error instanceof Error ? error.message : String(error)) };
  }
}

/** Asked to prepare, a party that only says that it would has not done so. */
function fitting({ attempt }: PrepareOrder, answer: PrepareAnswer | Silent): PrepareAnswer | Silent {
  if (attempt === undefined || 'silent' in answer || 'prepared' in answer) return answer;
  return answer.refused === undefined ? { silent: 'it has not prepared' } : answer;
}
