/** What this party knows when it judges a job: its members, data sets, grants, decisions, and the models that stayed shared here. */
import type { Digest } from '../../federation/canonical.ts';
import type { DataReference, TrainDocument } from '../../federation/documents.ts';
import type { Id } from '../../federation/public-identity.ts';
import { dataBehind, type SharedModel, type World } from '../../federation/job-check.ts';
import { JOB_VERSION } from '../../server/job.ts';
import type { ModelView } from '../jobs-api.ts';
import type { SchedulerOptions } from './ports.ts';
import type { JobRecord } from './record.ts';

type Given = Pick<SchedulerOptions, 'roll' | 'member' | 'data' | 'grants' | 'decisions'>;

/** @param recordOf this party's jobs */
export function worldOf(given: Given, recordOf: (job: Digest) => JobRecord | undefined, now: number): World {
  const { roll, member, data, grants, decisions } = given;
  return {
    now,
    federation: roll().federation,
    version: JOB_VERSION,
    member,
    data: (digest) => data.find(digest),
    grants: () => grants.all(),
    decisions: (job) => decisions.of(job),
    model: (job) => modelOf(job, recordOf),
  };
}

/** This party's part of it is on the disk, and nobody has ended the training early. */
function modelOf(job: Digest, recordOf: (job: Digest) => JobRecord | undefined): SharedModel | undefined {
  const record = recordOf(job);
  const training = record && keptTraining(record);
  if (training === undefined) return undefined;
  return { training: record!.job, data: dataOf(training, recordOf) };
}

function keptTraining({ job: { document }, done, state }: JobRecord): TrainDocument | undefined {
  const there = done > 0 && (state === 'running' || state === 'succeeded');
  return document.kind === 'train' && document.keepModel && there ? document : undefined;
}

/** Whose data is in the trained weights. A model that is there was itself trained from one that was. */
function dataOf(training: TrainDocument, recordOf: (job: Digest) => JobRecord | undefined): readonly DataReference[] {
  const before = training.from === undefined ? undefined : recordOf(training.from);
  if (before?.job.document.kind !== 'train') return dataBehind(training, undefined);
  const from = { training: before.job, data: dataOf(before.job.document, recordOf) };
  return dataBehind(training, from);
}

/** Data that a job uses, itself or in the model that it uses. */
export function dataUsedBy(
  { job: { document } }: JobRecord,
  recordOf: (job: Digest) => JobRecord | undefined,
): readonly DataReference[] {
  const model = document.kind === 'train' ? document.from : document.model;
  const record = model === undefined ? undefined : recordOf(model);
  const behind = record?.job.document.kind === 'train' ? dataOf(record.job.document, recordOf) : [];
  return document.kind === 'train' ? [...document.train, ...document.test, ...behind] : behind;
}

/** Data whose values the job's process reads here. */
export function dataReadBy({ job: { document } }: JobRecord): readonly Digest[] {
  return document.kind === 'train' ? [...document.train, ...document.test].map(({ digest }) => digest) : [];
}

export function modelViews(
  records: Iterable<JobRecord>,
  recordOf: (job: Digest) => JobRecord | undefined,
): readonly (ModelView & { readonly data: readonly Digest[] })[] {
  return [...records].flatMap((record) => {
    const training = keptTraining(record);
    if (training === undefined || record.state !== 'succeeded') return [];
    const data = dataOf(training, recordOf);
    const owners: Id[] = [...new Set(data.map(({ owner }) => owner))];
    const { network } = training;
    const view = { job: record.job.digest, network: network.name, created: record.since, owners };
    return [{ ...view, data: data.map(({ digest }) => digest) }];
  });
}
