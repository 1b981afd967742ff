/** One training that is disturbed at one moment, from the copy of a federation whose training has begun; what its job's events say of it afterwards. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventsAnswer, jobAnswer } from '../../src/client/federated/answers.ts';
import { fetchModel } from '../../src/client/federated/results.ts';
import { formatModel } from '../../src/data/model-file.ts';
import { ROLES, type Role } from '../../src/federation/card.ts';
import type { Digest } from '../../src/federation/canonical.ts';
import type { TrainDocument } from '../../src/federation/documents.ts';
import type { JobEvent } from '../../src/federation/views.ts';
import type { LiveFederation } from './federation.ts';

/** Whatever it waits for. */
const PATIENCE_SECONDS = 300;

export interface Training {
  readonly at: LiveFederation;
  /** Of the parties' folders, once the keys of the training's random values were kept at all three. */
  readonly copy: string;
  readonly job: Digest;
  readonly document: TrainDocument;
  /** The attempt in which the copy was taken. */
  readonly attempt: number;
}

export interface Trial {
  /** From when the services answer until the job is over at all three. */
  readonly seconds: number;
  readonly states: readonly string[];
  /** SHA-256 of the model; null: there is none. */
  readonly model: string | null;
  /** Beyond the one in which the copy was taken. */
  readonly attempts: number;
  readonly disturbed?: Disturbed;
}

export interface Disturbed {
  /** After the services answered. */
  readonly atSeconds: number;
  /** What the training had done last. */
  readonly after: string;
  /** Until it did something again; null: it had nothing left to do but to say so. */
  readonly secondsUntilItWentOn: number | null;
  /** Until the job was over. */
  readonly secondsUntilItEnded: number;
  /** The steps at which attempts after that began. */
  readonly wentOnFrom: readonly number[];
}

/** What is done to a party; resolves once it is done. */
export type Disturbance = () => Promise<unknown>;

/**
 * The training from the copy to its end. Undefined: it was over before the moment came.
 * @param witness whose events are read: a party that stays
 */
export async function tryOnce(
  training: Training,
  witness: Role,
  moment?: { readonly afterSeconds: number; readonly disturb: Disturbance },
): Promise<Trial | undefined> {
  const { at, copy, job, document, attempt } = training;
  await at.putBack(copy);
  await at.start(...ROLES);
  const began = Date.now();
  let disturbedAt: number | undefined;
  if (moment !== undefined) {
    await sleep(1000 * moment.afterSeconds);
    if ((await at.view(witness, job)).state === 'succeeded') return undefined;
    disturbedAt = Date.now();
    await moment.disturb();
  }
  await at.until(job, ['succeeded', 'failed', 'cancelled', 'expired', 'refused'], { seconds: PATIENCE_SECONDS });
  const views = await Promise.all(
    ROLES.map((role) => at.clients.analyst.ask(role, 'GET', `/v1/jobs/${job}`, jobAnswer)),
  );
  const ended = views.every(({ state }) => state === 'succeeded');
  const model = ended ? formatModel(await fetchModel(at.clients.analyst, job, document)) : undefined;
  const events = await eventsOf(at, witness, job);
  return {
    seconds: (Date.now() - began) / 1000,
    states: views.map(({ state, reason }) => (reason === undefined ? state : `${state}: ${reason}`)),
    model: model === undefined ? null : createHash('sha256').update(model).digest('hex'),
    attempts: Math.max(...views.map((view) => view.attempt)) - attempt,
    ...(disturbedAt !== undefined && { disturbed: seenOf(events, began, disturbedAt) }),
  };
}

async function eventsOf({ clients }: LiveFederation, witness: Role, job: Digest): Promise<readonly JobEvent[]> {
  const all: JobEvent[] = [];
  for (;;) {
    const from = (all.at(-1)?.n ?? -1) + 1;
    const path = `/v1/jobs/${job}/events?from=${from}&wait=0`;
    const { events } = await clients.analyst.ask(witness, 'GET', path, eventsAnswer);
    if (events.length === 0) return all;
    all.push(...events);
  }
}

function seenOf(events: readonly JobEvent[], began: number, disturbedAt: number): Disturbed {
  const since = ({ time }: JobEvent): number => (Date.parse(time) - disturbedAt) / 1000;
  const earlier = events.filter((event) => Date.parse(event.time) >= began && since(event) < 0);
  const later = events.filter((event) => since(event) >= 0);
  const attempt = attemptOf(earlier);
  const next = later.find((event) => event.event === 'progress' && Number(event.attempt) > attempt);
  // A link that comes back: the same attempt goes on, after a gap.
  const same = later.find((event) => event.event === 'progress' && since(event) > GAP_SECONDS);
  const wentOn = next ?? (later.some(({ event }) => event === 'attempt') ? undefined : same);
  return {
    atSeconds: (disturbedAt - began) / 1000,
    after: wordsOf(earlier.at(-1)),
    secondsUntilItWentOn: wentOn === undefined ? null : since(wentOn),
    secondsUntilItEnded: since(later.at(-1) ?? earlier.at(-1)!),
    wentOnFrom: later.flatMap(({ event, from }) => (event === 'attempt' ? [Number(from)] : [])),
  };
}

/** What was on its way when a link broke may still be told of. */
const GAP_SECONDS = 2;

function attemptOf(events: readonly JobEvent[]): number {
  return Math.max(0, ...events.map(({ attempt }) => Number(attempt ?? 0)));
}

function wordsOf(event: JobEvent | undefined): string {
  if (event === undefined) return 'its services had started';
  if (event.event === 'attempt') return `an attempt had begun from step ${String(event.from)}`;
  if (event.event === 'state') return `it was ${String(event.state)}`;
  const { kind, step } = event.progress as { readonly kind: string; readonly step?: number };
  return step === undefined ? kind : `${kind} ${step}`;
}
