/** What a job process is ordered, from the job's document and what this party stores. */
import { join } from 'node:path';
import { Problem } from '../../data/problem.ts';
import { splitAddress } from '../../federation/address.ts';
import type { Digest } from '../../federation/canonical.ts';
import type { DataReference, JobDocument, TrainDocument } from '../../federation/documents.ts';
import { trainJobOf, serveJobOf } from '../../server/federated-job.ts';
import {
  PARTY_NAMES,
  type EndsOrder,
  type OpenOrder,
  type PartyAddress,
  type PartyName,
  type StartOrder,
  type StoredSet,
} from '../../server/ipc.ts';
import type { Job } from '../../server/job.ts';
import { workersOfRank } from '../../server/ranks/ranks.ts';
import type { DataSets, Received } from '../jobs-api.ts';
import type { StartControl } from './control.ts';
import type { SchedulerOptions } from './ports.ts';
import { sessionOf } from './start-check.ts';

/** Where a job's files lie in the party's folder `state`. */
export class JobFolders {
  readonly #state: string;

  constructor(state: string) {
    this.#state = state;
  }

  get records(): string {
    return join(this.#state, 'jobs');
  }

  get events(): string {
    return join(this.#state, 'events');
  }

  get allCheckpoints(): string {
    return join(this.#state, 'checkpoints');
  }

  checkpoints(job: Digest): string {
    return join(this.allCheckpoints, job);
  }

  results(job: Digest): string {
    return join(this.#state, 'results', job);
  }

  model(job: Digest): string {
    return join(this.#state, 'models', job);
  }

  modelFile(job: Digest): string {
    return join(this.model(job), 'model.shares');
  }
}

type Given = Pick<
  SchedulerOptions,
  'roll' | 'links' | 'tls' | 'storageKeys' | 'data' | 'compute' | 'patience' | 'logLevel' | 'ranks'
>;

/** Of each party in a job. */
export function ranksOf(document: JobDocument): number {
  return document.ranks ?? 1;
}

export function openOrder(job: Received<JobDocument>, folders: JobFolders, given: Given): OpenOrder {
  const ranks = ranksOf(job.document);
  const { at = [], tls } = given.ranks ?? {};
  return {
    type: 'open',
    party: given.roll().self,
    listen: 'handed',
    ...(job.document.kind === 'train' && { checkpoints: folders.checkpoints(job.digest) }),
    ...(ranks > 1 && tls !== undefined && { ranks: { at: at.slice(0, ranks - 1), tls, job: job.digest } }),
    storageKeys: given.storageKeys,
    log: given.logLevel(),
  };
}

/** Rejects with a Problem when something that it needs cannot be read. */
export async function startOrder(
  { digest, document }: Received<JobDocument>,
  order: StartControl,
  folders: JobFolders,
  given: Given,
): Promise<StartOrder> {
  const { links, tls, data, compute, patience } = given;
  const ranks = ranksOf(document);
  // Ranks on this host share its threads (`own-ranks.ts`).
  const workers = workersOfRank(compute.workers, Math.min(ranks, given.ranks?.here ?? 1), 0);
  const session = { sessionId: sessionOf(order), resume: order.resume };
  const job: Job =
    document.kind === 'train'
      ? trainJobOf(document, digest, (set) => imagesOf(data, set), session)
      : serveJobOf(document, digest, session);
  return {
    type: 'start',
    job,
    ends:
      document.kind === 'train'
        ? await trainingEnds(document, digest, folders, data)
        : { kind: 'serving', model: folders.modelFile(document.model) },
    parties: addresses(links(), order, ranks),
    tls: tls(),
    timeoutMs: 1000 * patience.stepSeconds,
    linkPatienceMs: 1000 * patience.linkSeconds,
    compute: { ...compute, workers },
  };
}

/** 0 where the data set is not here. */
export function imagesOf(data: DataSets, set: Digest): number {
  return data.find(set)?.data.document.images ?? 0;
}

async function trainingEnds(
  document: TrainDocument,
  job: Digest,
  folders: JobFolders,
  data: DataSets,
): Promise<EndsOrder> {
  const stored = (references: readonly DataReference[]): Promise<StoredSet[]> =>
    Promise.all(references.map(({ digest }) => storedSet(digest, data)));
  const { from } = document;
  return {
    kind: 'training',
    train: await stored(document.train),
    // Whose counts nobody learns is not evaluated.
    test: document.reveal.counts === 'none' ? [] : await stored(document.test),
    receiver: document.receiver,
    results: folders.results(job),
    ...(from !== undefined && { from: { file: folders.modelFile(from), job: from } }),
    ...(document.keepModel && { keep: folders.modelFile(job) }),
  };
}

async function storedSet(digest: Digest, data: DataSets): Promise<StoredSet> {
  const set = data.find(digest);
  if (set?.state !== 'ready') {
    const what = `data set ${digest.slice(0, 12)} is not ready`;
    throw new Problem(what, 'wait until all three parties have it', { told: what });
  }
  const { images, rows, columns, channels, classes, fractionBits } = set.data.document;
  const sizes = { images, rows, columns, channels, classes, fractionBits };
  return { data: digest, sizes, folder: set.folder, keys: await data.keys(digest) };
}

function addresses(
  links: Readonly<Record<PartyName, string>>,
  { keys }: StartControl,
  ranks: number,
): Readonly<Record<PartyName, PartyAddress>> {
  const [P0, P1, P2] = PARTY_NAMES.map((party): PartyAddress => {
    const { key: publicKey, ranks: others = [] } = keys[party].document;
    if (1 + others.length !== ranks) {
      const what = `ranks: the job is for ${ranks} of each party, ${party} begins with ${1 + others.length}`;
      throw new Problem(what, 'start all three parties with as many ranks as the job asks for', { told: what });
    }
    const at = others.map(splitAddress);
    return { ...splitAddress(links[party]), publicKey, ...(ranks > 1 && { ranks: at }) };
  });
  return { P0, P1, P2 };
}
