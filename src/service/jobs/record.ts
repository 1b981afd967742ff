/** What one party keeps of one job: a record on the disk before anything is done because of it. */
import * as z from 'zod';
import type { Digest } from '../../federation/canonical.ts';
import { jobDocument, type JobDocument } from '../../federation/documents.ts';
import { idSchema, type Id } from '../../federation/public-identity.ts';
import { ENDED } from '../../federation/views.ts';
import { JOB_STATES, type JobState, type Received } from '../jobs-api.ts';
import { receivedAgain } from '../received.ts';
import { MAX_ATTEMPTS, type End } from './control.ts';
import type { Approval } from './verdict.ts';

export interface JobRecord {
  readonly job: Received<JobDocument>;
  /** Its place in this party's queue: numbers grow. */
  readonly place: number;
  readonly state: JobState;
  readonly since: string;
  readonly reason?: string | undefined;
  readonly fix?: string | undefined;
  readonly waitingFor: readonly Id[];
  /** The last attempt that this party prepared; 0: none. */
  readonly attempt: number;
  /** An attempt has begun. From the first one on grants are counted and decisions no longer asked for. */
  readonly begun: boolean;
  /** Whose approval it began under. */
  readonly approvals: readonly Approval[];
  /** The attempt in which this party did its part in whole: its results are on the disk. 0: none. */
  readonly done: number;
  /** The last step of which all three have a checkpoint. */
  readonly step: number;
  /** Serving: images that may have been answered; at least as many as were. */
  readonly images: number;
  /** The same of each client, where the session has a limit for each. */
  readonly imagesOf: Readonly<Record<Id, number>>;
  /** The leader's own. */
  readonly lead?: LeadRecord | undefined;
}

export interface LeadRecord {
  /** The last one that was begun; its parties may not all know of it. */
  readonly attempt: number;
  /** It has begun and not been seen to end. */
  readonly underWay: boolean;
  /** The newest step that all three had when an attempt began; -1: none. */
  readonly reached: number;
  /** Attempts in a row that failed by themselves and got no further than that. */
  readonly idle: number;
  /** The same of attempts during which a party was started again. */
  readonly restarted: number;
  /** How the last one ended. */
  readonly ended?: string | undefined;
}

export function isOver({ state }: Pick<JobRecord, 'state'>): boolean {
  return ENDED.includes(state);
}

/** Undefined while it is not over. */
export function endOf({ state, reason, fix }: JobRecord): End | undefined {
  if (
    state === 'succeeded' ||
    state === 'failed' ||
    state === 'cancelled' ||
    state === 'expired' ||
    state === 'refused'
  )
    return { state, reason, fix };
  return undefined;
}

export function newRecord(job: Received<JobDocument>, place: number, now: number): JobRecord {
  return {
    job,
    place,
    state: 'proposed',
    since: new Date(now).toISOString(),
    waitingFor: [],
    attempt: 0,
    begun: false,
    approvals: [],
    done: 0,
    step: 0,
    images: 0,
    imagesOf: {},
  };
}

/** Into a state, with why; the same again is no change. */
export function enter(
  record: JobRecord,
  state: JobState,
  now: number,
  { reason, fix }: { readonly reason?: string | undefined; readonly fix?: string | undefined } = {},
): JobRecord {
  if (record.state === state && record.reason === reason && record.fix === fix) return record;
  const since = record.state === state ? record.since : new Date(now).toISOString();
  return { ...record, state, since, reason, fix };
}

const digest: z.ZodType<Digest> = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);

const rest = z.strictObject({
  place: count,
  state: z.enum(JOB_STATES),
  since: z.iso.datetime(),
  reason: z.string().optional(),
  fix: z.string().optional(),
  waitingFor: z.array(idSchema),
  attempt: count.max(MAX_ATTEMPTS.serve),
  begun: z.boolean(),
  approvals: z.array(z.strictObject({ owner: idSchema, under: z.enum(['decision', 'grant', 'proposal']), digest })),
  done: count,
  step: count,
  images: count,
  imagesOf: z.record(idSchema, count).default({}),
  lead: z
    .strictObject({
      attempt: count.max(MAX_ATTEMPTS.serve),
      underWay: z.boolean(),
      reached: z.int().min(-1),
      idle: count,
      restarted: count.default(0),
      ended: z.string().optional(),
    })
    .optional(),
});
const stored = z.strictObject({ version: z.literal(1), signed: z.unknown(), record: rest });

export function parseRecord(json: unknown, name: string): JobRecord {
  const { signed, record } = stored.parse(json);
  const job = receivedAgain(jobDocument, 'job', signed);
  if (job.digest !== name) throw new RangeError('its digest is not its name');
  return { job, ...record };
}

export function formatRecord({ job, ...record }: JobRecord): object {
  return { version: 1, signed: job.signed, record };
}
