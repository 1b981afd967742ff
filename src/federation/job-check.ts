/**
 * What of a job can be judged without asking anybody: whether its version is ours, its proposer, owners, receiver and clients are members, its
 * data sets are here, their owners' and fit its network and each other, and the model that it starts from or serves is here and fits. Pure.
 */
import { classCount, inputSize } from '../nn/network.ts';
import { partsOf } from '../nn/trainStep.ts';
import { sameShape } from '../ring/shape.ts';
import type { MemberRole } from './card.ts';
import { digestOf, type Digest } from './canonical.ts';
import {
  dataDocument,
  jobDocument,
  type DataReference,
  type JobDocument,
  type ServeDocument,
  type TrainDocument,
} from './documents.ts';
import { idOf, type Id } from './public-identity.ts';
import { examine } from './received.ts';
import type { Received } from './received-form.ts';
import type { Signed } from './signed.ts';
import { differenceOfFacts } from './value-facts.ts';

/** How somebody stands with this party. */
export interface Standing {
  /** The member's own, whichever of its keys was asked for; absent: the id that was asked for. */
  readonly id?: Id | undefined;
  readonly name: string;
  /** Absent: all. */
  readonly roles?: readonly MemberRole[] | undefined;
  readonly revoked: boolean;
  /** The key that was asked for counts no more: the member has another. */
  readonly replaced?: boolean | undefined;
}

/** A model that stayed shared here. */
export interface SharedModel {
  readonly training: { readonly signed: Signed };
  /** What `dataBehind` gave when it was trained. */
  readonly data: readonly DataReference[];
}

/** What this party knows at this moment. */
export interface World {
  readonly now: number;
  readonly federation: Digest;
  /** JOB_VERSION of this program. */
  readonly version: number;
  readonly member: (id: Id) => Standing | undefined;
  readonly data: (digest: Digest) => { readonly data: { readonly signed: Signed }; readonly state: string } | undefined;
  readonly grants: () => Iterable<{
    readonly grant: { readonly signed: Signed };
    readonly withdrawn: boolean;
    /** Jobs that began under it. */
    readonly uses: readonly Digest[];
  }>;
  readonly decisions: (job: Digest) => Iterable<{ readonly signed: Signed }>;
  /** By the job that trained it. */
  readonly model: (job: Digest) => SharedModel | undefined;
}

/** The member to whom a key belongs, now or once: what is compared where a rule asks whether two are the same. */
export function holderOf(id: Id, world: Pick<World, 'member'>): Id {
  return world.member(id)?.id ?? id;
}

/** Whose data is in the model that a training leaves: its own training data, and that behind the model that it starts from. */
export function dataBehind(training: TrainDocument, from: SharedModel | undefined): readonly DataReference[] {
  return unique([...training.train, ...(from?.data ?? [])]);
}

export interface Refused {
  readonly refused: string;
  readonly fix: string;
}

/** Whom a job concerns. */
export interface Concerned {
  /** What of each owner the job uses, itself or in its model. */
  readonly owners: ReadonlyMap<Id, ReadonlySet<Digest>>;
  /** What is not complete yet. */
  readonly unready?: string | undefined;
}

/** All but approvals and dates. */
export function examineJob(job: Received<JobDocument>, world: World): Concerned | Refused {
  const { document, author } = job;
  if (document.version !== world.version) {
    const fix =
      'all three parties and the proposer must run the same version: upgrade those behind, then propose it anew';
    return refuse(`it is of job version ${document.version}, this party runs version ${world.version}`, fix);
  }
  const proposer = standing('proposer', author, 'analyst', world);
  if (proposer !== undefined) return proposer;
  const network = networkDigest(job);
  const parts =
    document.kind === 'train' ? examineTraining(document, network, world) : examineServing(document, network, world);
  if ('refused' in parts) return parts;
  const owners = new Map<Id, Set<Digest>>();
  for (const { owner: key, digest } of parts.references) {
    const owner = holderOf(key, world);
    const digests = owners.get(owner) ?? new Set();
    owners.set(owner, digests.add(digest));
  }
  for (const owner of owners.keys()) {
    const refused = standing('owner of data', owner, 'owner', world);
    if (refused !== undefined) return refused;
  }
  return { owners, unready: parts.unready };
}

interface Parts {
  readonly references: readonly DataReference[];
  readonly unready?: string | undefined;
}

function examineTraining(document: TrainDocument, network: Digest, world: World): Parts | Refused {
  const { train, test, batch, epochs, steps, reveal, receiver, from } = document;
  if ((epochs === undefined) === (steps === undefined))
    return refuse('it must name either epochs or steps', 'propose it anew with one of the two');
  if (reveal.counts !== 'none' && test.length === 0)
    return refuse('it reveals counts of a test set, but has none', 'give a test set, or reveal no counts');
  const to = standing('receiver of the results', idOf(receiver), undefined, world);
  if (to !== undefined) return to;
  const cut = examineParts(document);
  if (cut !== undefined) return cut;
  let images = 0;
  let unready: string | undefined;
  for (const [list, references] of [['training', train] as const, ['test', test] as const]) {
    const seen = new Set<Digest>();
    for (const reference of references) {
      if (seen.has(reference.digest))
        return refuse(`its ${list} data names ${nameOf(reference, world)} twice`, 'name each data set once');
      seen.add(reference.digest);
      const data = examineData(reference, document, world);
      if ('refused' in data) return data;
      unready ??= data.unready;
      if (list === 'training') images += data.images;
    }
  }
  if (images < batch)
    return refuse(`a batch of ${batch} images is more than its training data has (${images})`, 'give a smaller batch');
  if (from === undefined) return { references: [...train, ...test], unready };
  const model = examineModel(from, document, network, world);
  return 'refused' in model ? model : { references: unique([...train, ...test, ...model.references]), unready };
}

/** How its batches are cut. */
function examineParts({ batch, microBatch, ranks = 1 }: TrainDocument): Refused | undefined {
  const parts = partsOf(batch, microBatch).length;
  if (ranks <= parts) return undefined;
  const what = `ranks: a batch has ${parts} parts, too few for ${ranks} ranks: each needs one`;
  return refuse(what, `give --ranks ${parts} at most, or more images a batch`);
}

function examineServing(document: ServeDocument, network: Digest, world: World): Parts | Refused {
  if (document.clients === 'anyone' && document.maxImagesEach !== undefined) {
    const fix = 'leave the limit out: each party has one for visitors of one address';
    return refuse('it limits the images of each client, but anyone may be one, as often as he likes', fix);
  }
  for (const client of document.clients === 'anyone' ? [] : document.clients) {
    const refused = standing('client', client, 'client', world);
    if (refused !== undefined) return refused;
  }
  return examineModel(document.model, document, network, world);
}

/** The model is here, and was trained as this job takes it. */
function examineModel(digest: Digest, job: JobDocument, network: Digest, world: World): Parts | Refused {
  const fix = 'see which models stayed shared: securenn model list';
  const model = world.model(digest);
  const short = digest.slice(0, 12);
  if (model === undefined) return refuse(`there is no model of job ${short} here`, fix);
  const training = examine(jobDocument, 'job', model.training.signed, world.federation);
  const whole = !('fault' in training) && training.digest === digest;
  if (!whole || training.document.kind !== 'train') return refuse(`the record of model ${short} here is damaged`, fix);
  const { document } = training;
  if (!document.keepModel) return refuse(`the model of job ${short} was not to stay shared`, fix);
  if (networkDigest(training) !== network)
    return refuse(
      `the model of job ${short} is of another network (${document.network.name})`,
      'give the same network',
    );
  if (document.fractionBits !== job.fractionBits) {
    const what = `the model of job ${short} has ${document.fractionBits} fraction bits, this job ${job.fractionBits}`;
    return refuse(what, `propose it anew with ${document.fractionBits}`);
  }
  const different = differenceOfFacts(document, job);
  if (different !== undefined) {
    const what = `the model of job ${short} was trained on ${different[0]}, this job says ${different[1]}`;
    return refuse(what, 'propose it anew, as the training says');
  }
  // What the record says of others cannot be less than what the training itself names.
  return { references: unique([...document.train, ...model.data]) };
}

/** The data set is here, is its owner's, and fits the network. */
function examineData(
  reference: DataReference,
  job: TrainDocument,
  world: World,
): { readonly images: number; readonly unready?: string | undefined } | Refused {
  const { network, fractionBits } = job;
  const shown = nameOf(reference, world);
  const list = 'see what there is: securenn data list';
  const stored = world.data(reference.digest);
  if (stored === undefined) return refuse(`data set ${shown} is not here`, list);
  if (stored.state === 'withdrawn') return refuse(`data set ${shown} has been withdrawn by its owner`, list);
  const data = examine(dataDocument, 'data', stored.data.signed, world.federation);
  if ('fault' in data || data.digest !== reference.digest)
    return refuse(`the record of data set ${shown} here is damaged`, list);
  if (data.author !== reference.owner) return refuse(`data set ${shown} is not of the owner that the job names`, list);
  const { document } = data;
  if (document.name !== reference.name) return refuse(`data set ${shown} has another name: ${document.name}`, list);
  const { rows, columns, channels, classes, images } = document;
  const asImage = network.input.length === 1 || sameShape(network.input, [rows, columns, channels]);
  if (inputSize(network) !== rows * columns * channels || !asImage) {
    const what = `network ${network.name} takes [${network.input.join(',')}], images of ${shown} are`;
    return refuse(`${what} ${rows} x ${columns} x ${channels}`, 'give a network made for these images');
  }
  if (classCount(network) !== classes) {
    const what = `network ${network.name} knows ${classCount(network)} classes, ${shown} has ${classes}`;
    return refuse(what, 'give a network with as many classes');
  }
  if (document.fractionBits !== fractionBits) {
    const what = `data set ${shown} has ${document.fractionBits} fraction bits, this job ${fractionBits}`;
    return refuse(what, `propose it anew with ${document.fractionBits}, or have its owner put it with ${fractionBits}`);
  }
  const different = differenceOfFacts(document, job);
  if (different !== undefined) {
    const what = `data set ${shown} has ${different[0]}, this job ${different[1]}`;
    return refuse(what, 'give data sets that were scaled alike and have the same classes');
  }
  const unready = stored.state === 'ready' ? undefined : `data set ${shown} is not complete at all three parties yet`;
  return { images, unready };
}

/** Of the network as it stands in the job. */
export function networkDigest({ signed }: Received<JobDocument>): Digest {
  return digestOf((signed.document as unknown as { readonly network: unknown }).network);
}

function standing(what: string, id: Id, role: MemberRole | undefined, world: World): Refused | undefined {
  const member = world.member(id);
  if (member === undefined)
    return refuse(
      `its ${what} (${id.slice(0, 12)}) is no member here`,
      'ask the operator to admit it: securenn party admit',
    );
  const { name, roles, revoked } = member;
  if (revoked) return refuse(`its ${what}, ${name}, has been revoked here`, 'ask the operator of this party why');
  if (role === undefined || roles === undefined || roles.includes(role)) return undefined;
  const article = role === 'client' ? 'a' : 'an';
  return refuse(
    `its ${what}, ${name}, is not admitted here as ${article} ${role}`,
    'ask the operator to admit it as one',
  );
}

function nameOf({ owner, name }: DataReference, world: World): string {
  return `${world.member(owner)?.name ?? owner.slice(0, 12)}/${name}`;
}

function unique(references: readonly DataReference[]): readonly DataReference[] {
  return [...new Map(references.map((each) => [`${each.owner} ${each.digest}`, each])).values()];
}

function refuse(refused: string, fix: string): Refused {
  return { refused, fix };
}
