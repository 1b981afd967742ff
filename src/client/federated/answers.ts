/** What parties answer, checked before use. Documents come with their author's signature, and it is that which counts, not who passes them on. */
import * as z from 'zod';
import { Problem } from '../../data/problem.ts';
import type { Digest } from '../../federation/canonical.ts';
import { idSchema, publicIdentitySchema, type Id, type PublicIdentity } from '../../federation/public-identity.ts';
import type { Part } from '../../federation/chunks.ts';
import { examineBy, type Received } from '../../federation/received-form.ts';
import type { Document, Signed } from '../../federation/signed.ts';
import {
  DATA_STATES,
  JOB_STATES,
  type DataState,
  type JobEvent,
  type JobView,
  type ModelView,
} from '../../federation/views.ts';
import type { PartyName } from '../parties.ts';
import type { FederationClient } from './client.ts';

export const digest: z.ZodType<Digest> = z.string().regex(/^[0-9a-f]{64}$/);
/** Words for people. */
const words = z.string().max(4000);
const count: z.ZodInt = z.int().min(0);
/** Entries of a list. */
const MOST = 1_000_000;
/** A document as it came: what is digested, checked and passed on. */
const signed = z.custom<Signed>((value) => typeof value === 'object' && value !== null);

/** A document of this federation whose form and author's signature are right. @param source who showed it: for the error */
export async function readSigned<T extends Document>(
  { primitives, federation }: Pick<FederationClient, 'primitives' | 'federation'>,
  schema: z.ZodType<T>,
  what: T['securenn'],
  raw: Signed,
  source: PartyName,
): Promise<Received<T>> {
  const found = await examineBy(primitives, schema, what, raw, federation.id);
  if (!('fault' in found)) return found;
  throw new Problem(
    `${source} shows a document that does not hold: ${found.fault}`,
    `ask the operator of ${source}: its program differs from this one, or what it keeps is damaged`,
  );
}

export interface Member {
  readonly id: Id;
  readonly name: string;
  readonly identity: PublicIdentity;
  readonly roles?: readonly string[] | undefined;
  /** Cards by which it changed its key, the newest first; each is checked before it is believed. */
  readonly successions?: readonly unknown[] | undefined;
}

const member: z.ZodType<Member> = z.object({
  id: idSchema,
  name: z.string().max(100),
  identity: publicIdentitySchema,
  roles: z.array(z.string().max(100)).optional(),
  successions: z.array(z.unknown()).max(1000).optional(),
});

export interface StatusAnswer {
  readonly role: PartyName;
  readonly version: string;
  readonly members: readonly Member[];
}

export const statusAnswer: z.ZodType<StatusAnswer> = z.object({
  role: z.enum(['P0', 'P1', 'P2']),
  version: words,
  members: z.array(member).max(MOST),
});

export interface UploadAnswer {
  readonly digest: Digest;
  readonly state: DataState;
  /** Numbers of the chunks that are there. */
  readonly have: Readonly<Record<Part, readonly number[]>>;
}

export const uploadAnswer: z.ZodType<UploadAnswer> = z.object({
  digest,
  state: z.enum(DATA_STATES),
  have: z.object({ images: z.array(count), labels: z.array(count) }),
});

export const receiptAnswer: z.ZodType<{ readonly receipt: Signed }> = z.object({ receipt: signed });

export interface DataAnswer {
  readonly digest: Digest;
  readonly signed: Signed;
  readonly state: DataState;
}

const listedData: z.ZodType<DataAnswer> = z.object({ digest, signed, state: z.enum(DATA_STATES) });
export const dataAnswer: z.ZodType<{ readonly data: readonly DataAnswer[] }> = z.object({
  data: z.array(listedData).max(MOST),
});

/** Of a document that a party has taken; of a withdrawn data set also the models that were trained on it. */
export interface TakenAnswer {
  readonly digest: Digest;
  readonly models?: readonly Digest[] | undefined;
}

export const takenAnswer: z.ZodType<TakenAnswer> = z.object({ digest, models: z.array(digest).optional() });

export interface GrantAnswer {
  readonly digest: Digest;
  readonly signed: Signed;
  readonly withdrawn: boolean;
  /** Jobs that started under it. */
  readonly uses: readonly Digest[];
}

export const grantsAnswer: z.ZodType<{ readonly grants: readonly GrantAnswer[] }> = z.object({
  grants: z.array(z.object({ digest, signed, withdrawn: z.boolean(), uses: z.array(digest) })).max(MOST),
});

export const jobAnswer: z.ZodType<JobView> = z.object({
  job: digest,
  signed,
  state: z.enum(JOB_STATES),
  since: words,
  reason: words.optional(),
  fix: words.optional(),
  waitingFor: z.array(idSchema),
  attempt: count,
  step: count.optional(),
  steps: count.optional(),
});

/** Sessions that answer whoever asks. */
export const sessionsAnswer: z.ZodType<{ readonly sessions: readonly { readonly signed: Signed }[] }> = z.object({
  sessions: z.array(z.object({ signed })).max(MOST),
});

export const jobsAnswer: z.ZodType<{ readonly jobs: readonly JobView[] }> = z.object({
  jobs: z.array(jobAnswer).max(MOST),
});

export const eventsAnswer: z.ZodType<{ readonly events: readonly JobEvent[] }> = z.object({
  events: z.array(z.looseObject({ n: count, time: words, event: words })).max(MOST),
});

export const modelsAnswer: z.ZodType<{ readonly models: readonly ModelView[] }> = z.object({
  models: z.array(z.object({ job: digest, network: words, created: words, owners: z.array(idSchema) })).max(MOST),
});

/** Sealed results by name, those that were there. */
export const valuesAnswer: z.ZodType<{ readonly values: Readonly<Record<string, string>> }> = z.object({
  values: z.record(z.string().max(300), z.base64().max(100_000)),
});

/** What two or three parties say of one thing; for one that has it otherwise, who. */
export function differing<T>(answers: ReadonlyMap<PartyName, T>, of: (answer: T) => unknown): PartyName | undefined {
  const [[, first], ...others] = [...answers];
  return others.find(([, answer]) => JSON.stringify(of(answer)) !== JSON.stringify(of(first)))?.[0];
}
