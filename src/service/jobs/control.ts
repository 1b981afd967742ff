/**
 * What parties tell each other about jobs, over signed requests: the leader P0 its orders, P1 and P2 what became of them. Whoever is told something
 * checks it against what it holds itself; nothing here makes a party do what its own record of the job does not allow.
 *
 *     P0 → each     prepare {job}                     → {}: it would; or refused
 *     P0 → each     prepare {job, attempt}            → prepared {its key, holdings} or refused
 *     P0 → each     start {job, attempt, keys, …}     → {} or refused
 *     P0 → each     abort {job, attempt}, settle {job, end} → {}
 *     P1, P2 → P0   outcome {job, attempt, outcome}, stop {job, attempt} → {}
 *     P1, P2 → P0   state {jobs}, every few seconds   → {jobs}: so what was lost on the way is made good
 *
 * An attempt begins or goes on with a job; its number is never used twice.
 */
import * as z from 'zod';
import type { Digest } from '../../federation/canonical.ts';
import { addressSchema } from '../../federation/card.ts';
import type { JobDocument } from '../../federation/documents.ts';
import type { Document, Signed } from '../../federation/signed.ts';
import { signedSchema } from '../../federation/signed.ts';
import type { PartyName } from '../../server/ipc.ts';
import { MOST_RANKS } from '../../nn/ranks.ts';
import { JOB_STATES, type JobState } from '../jobs-api.ts';

/** Of one job, over all; a session that serves may last for months. */
export const MAX_ATTEMPTS: Readonly<Record<JobDocument['kind'], number>> = { train: 100, serve: 10_000 };
/** Jobs in one message, and checkpoints in one answer. */
const MANY = 10_000;
const MAX_REASON = 1000;

/** Where a training goes on: after this step of the run that began in session `run`. */
export interface Place {
  readonly run: string;
  readonly step: number;
}

/** A party's key for one session, in its own words: whoever passes it on cannot change it, nor keep it for another attempt. */
export interface SessionKeyDocument extends Document {
  readonly securenn: 'session-key';
  readonly job: Digest;
  readonly attempt: number;
  readonly party: PartyName;
  /** X25519, raw, in hexadecimal. */
  readonly key: string;
  /** Where its ranks 1, 2, … are found, HOST:PORT, if the job has several. */
  readonly ranks?: readonly string[] | undefined;
}

export interface PrepareOrder {
  readonly job: Digest;
  /** Absent: it is only asked whether the party would. */
  readonly attempt?: number | undefined;
}

export interface StartControl {
  readonly job: Digest;
  readonly attempt: number;
  readonly keys: Readonly<Record<PartyName, Signed<SessionKeyDocument>>>;
  /** Absent: from the beginning, with new keys. */
  readonly resume?: Place | undefined;
}

export interface AbortControl {
  readonly job: Digest;
  readonly attempt: number;
  readonly reason: string;
}

/** How P0 says that a job is over. */
export interface SettleControl {
  readonly job: Digest;
  readonly end: End;
}

export interface End {
  readonly state: Extract<JobState, 'succeeded' | 'failed' | 'cancelled' | 'expired' | 'refused'>;
  readonly reason?: string | undefined;
  readonly fix?: string | undefined;
}

/** A party lets its job process listen. */
export interface Prepared {
  readonly prepared: Signed<SessionKeyDocument>;
  /** Its whole checkpoints. */
  readonly holdings: readonly Place[];
}

/** A party does not do what it was asked. `over`: and never will, for this job has ended there in that way. */
export interface Refused {
  readonly refused: string;
  readonly fix?: string | undefined;
  readonly over?: End['state'] | undefined;
  /** It is at work for this one: if P0 does not know of that, it is to be ended. */
  readonly busy?: { readonly job: Digest; readonly attempt: number } | undefined;
}

/** Empty: it is done, or would be. */
export type OrderAnswer = Refused | { readonly refused?: undefined };
export type PrepareAnswer = Prepared | OrderAnswer;

/** What became of an attempt at one party. */
export type Outcome =
  | { readonly kind: 'done' }
  /** As it was told, after this step. */
  | { readonly kind: 'stopped'; readonly step: number }
  /** `link`: the cause may lie in another party. `lost`: the party itself was started again. */
  | {
      readonly kind: 'failed';
      readonly origin: 'here' | 'link' | 'lost';
      readonly reason: string;
      readonly fix?: string | undefined;
    }
  /** The job is over there: cancelled, or its data withdrawn. */
  | { readonly kind: 'over'; readonly end: End };

export interface OutcomeControl {
  readonly job: Digest;
  readonly attempt: number;
  readonly outcome: Outcome;
}

/** P1 or P2 asks that a job stops at a step: it is about to be stopped itself. */
export interface StopControl {
  readonly job: Digest;
  readonly attempt: number;
}

/** Jobs that are not over there, and what its present attempt has come to. */
export interface StateControl {
  readonly jobs: readonly { readonly job: Digest; readonly attempt: number; readonly outcome?: Outcome | undefined }[];
}

/** What P0 holds of each; absent: it does not know the job. */
export interface StateAnswer {
  readonly jobs: readonly LedJob[];
}

export interface LedJob {
  readonly job: Digest;
  readonly attempt: number;
  /** The attempt is under way. */
  readonly live: boolean;
  /** The job is over. */
  readonly end?: End | undefined;
  /** Why it waits. */
  readonly waits?: string | undefined;
}

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const attempt = z.int().min(1).max(MAX_ATTEMPTS.serve);
const step = z.int().min(0);
const reason = z.string().max(MAX_REASON);
const run = z.string().regex(/^[0-9a-f]{32,64}$/);
const place: z.ZodType<Place> = z.strictObject({ run, step });
const party = z.enum(['P0', 'P1', 'P2']);
const end: z.ZodType<End> = z.strictObject({
  state: z.enum(JOB_STATES).extract(['succeeded', 'failed', 'cancelled', 'expired', 'refused']),
  reason: reason.optional(),
  fix: reason.optional(),
});

const sessionKey: z.ZodType<SessionKeyDocument> = z.strictObject({
  securenn: z.literal('session-key'),
  federation: digest,
  job: digest,
  attempt,
  party,
  key: digest,
  ranks: z
    .array(addressSchema)
    .max(MOST_RANKS - 1)
    .optional(),
});
const signedKey = signedSchema(sessionKey);

const outcome: z.ZodType<Outcome> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('done') }),
  z.strictObject({ kind: z.literal('stopped'), step }),
  z.strictObject({
    kind: z.literal('failed'),
    origin: z.enum(['here', 'link', 'lost']),
    reason,
    fix: reason.optional(),
  }),
  z.strictObject({ kind: z.literal('over'), end }),
]);

export const prepareOrder: z.ZodType<PrepareOrder> = z.strictObject({ job: digest, attempt: attempt.optional() });
export const startControl: z.ZodType<StartControl> = z.strictObject({
  job: digest,
  attempt,
  keys: z.strictObject({ P0: signedKey, P1: signedKey, P2: signedKey }),
  resume: place.optional(),
});
export const abortControl: z.ZodType<AbortControl> = z.strictObject({ job: digest, attempt, reason });
export const settleControl: z.ZodType<SettleControl> = z.strictObject({ job: digest, end });
export const outcomeControl: z.ZodType<OutcomeControl> = z.strictObject({ job: digest, attempt, outcome });
export const stopControl: z.ZodType<StopControl> = z.strictObject({ job: digest, attempt });
export const stateControl: z.ZodType<StateControl> = z.strictObject({
  jobs: z
    .array(z.strictObject({ job: digest, attempt: attempt.or(z.literal(0)), outcome: outcome.optional() }))
    .max(MANY),
});

const refused: z.ZodType<Refused> = z.strictObject({
  refused: reason,
  fix: reason.optional(),
  over: z.enum(JOB_STATES).extract(['succeeded', 'failed', 'cancelled', 'expired', 'refused']).optional(),
  busy: z.strictObject({ job: digest, attempt }).optional(),
});
export const prepareAnswer: z.ZodType<PrepareAnswer> = z.union([
  z.strictObject({ prepared: signedKey, holdings: z.array(place).max(MANY) }),
  refused,
  z.strictObject({}),
]);
export const orderAnswer: z.ZodType<OrderAnswer> = z.union([refused, z.strictObject({})]);
export const stateAnswer: z.ZodType<StateAnswer> = z.strictObject({
  jobs: z
    .array(
      z.strictObject({
        job: digest,
        attempt: attempt.or(z.literal(0)),
        live: z.boolean(),
        end: end.optional(),
        waits: reason.optional(),
      }),
    )
    .max(MANY),
});

/** For a message: no longer than one may be. */
export function shortened(text: string): string {
  return text.length <= MAX_REASON ? text : `${text.slice(0, MAX_REASON - 1)}…`;
}
