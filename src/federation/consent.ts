/**
 * Whether a job may run: the rules of consent, pure. Each party asks them for itself, P2 included, from what it holds: when a job is proposed, when
 * something comes that may concern it, and again before it begins.
 *
 * A job may begin when every owner concerned has approved its very bytes, or has granted in advance what it does. Concerned are the owners of
 * its training and test data, and those whose data is in a model that it starts from or serves. Nothing is taken from a store on trust: forms,
 * signatures and digests are checked here again.
 *
 * Grants: one counts for a training if it is the owner's, of this analyst, who also receives the results; not withdrawn, not past its date, not used
 * up; and allows the network, what is revealed, and that the model is kept. Several may share an owner's data sets among them; each of the
 * owner's data sets, those in the model included, must be in one. A job counts once against each of them, when it begins.
 */
import type { Digest } from './canonical.ts';
import {
  decisionDocument,
  grantDocument,
  jobDocument,
  type DecisionDocument,
  type GrantDocument,
  type JobDocument,
  type Revealed,
  type TrainDocument,
} from './documents.ts';
import { idOf, type Id } from './public-identity.ts';
import { examineJob, holderOf, networkDigest, type Concerned, type World } from './job-check.ts';
import { examine } from './received.ts';
import type { Received } from './received-form.ts';
import type { Signed } from './signed.ts';

/** An owner's yes: its decision on this job, a grant that covers it, or that it has proposed (and so signed) the job itself. */
export interface Approval {
  readonly owner: Id;
  readonly under: 'decision' | 'grant' | 'proposal';
  readonly digest: Digest;
}

export type Verdict =
  | { readonly kind: 'approved'; readonly by: readonly Approval[] }
  /** For owners, or for something that is on its way, as data that is not ready yet. */
  | { readonly kind: 'waiting'; readonly for: readonly Id[]; readonly reason?: string | undefined }
  /** It cannot be approved any more. */
  | { readonly kind: 'refused'; readonly reason: string; readonly fix?: string | undefined };

/** Before a job begins. `signed`: the JSON as it came. */
export function decide(signed: Signed, world: World): Verdict {
  const job = examine(jobDocument, 'job', signed, world.federation);
  if ('fault' in job) return { kind: 'refused', reason: job.fault, fix: job.fix };
  const { expires } = job.document;
  if (world.now > Date.parse(expires))
    return { kind: 'refused', reason: `expired: no party starts it after ${expires}`, fix: 'propose it anew' };
  const examined = examineJob(job, world);
  if ('refused' in examined) return { kind: 'refused', reason: examined.refused, fix: examined.fix };
  if (job.document.kind === 'train' && world.member(idOf(job.document.receiver))?.replaced === true) {
    const reason = 'the key that its results would be sealed to has been followed by another';
    return { kind: 'refused', reason, fix: 'propose it anew, with the present key' };
  }
  return approvals(job, examined, world);
}

/** Once it has begun, whenever it is to go on: why it must not. Approvals were given, and dates kept, when it began. */
export function objectionOnceBegun(signed: Signed, world: World): string | undefined {
  const job = examine(jobDocument, 'job', signed, world.federation);
  if ('fault' in job) return job.fault;
  const examined = examineJob(job, world);
  return 'refused' in examined ? examined.refused : undefined;
}

function approvals(job: Received<JobDocument>, { owners, unready }: Concerned, world: World): Verdict {
  const decisions = decisionsOn(job, world);
  const by: Approval[] = [];
  const missing: Id[] = [];
  for (const [owner, needed] of owners) {
    const decision = decisions.get(owner);
    if (decision?.document.approve === false) {
      const name = world.member(owner)?.name ?? owner;
      return { kind: 'refused', reason: `${name} has declined it`, fix: 'ask why, and propose it anew, changed' };
    }
    if (decision !== undefined) by.push({ owner, under: 'decision', digest: decision.digest });
    else if (owner === holderOf(job.author, world)) by.push({ owner, under: 'proposal', digest: job.digest });
    else {
      const grants = grantsFor(job, owner, needed, world);
      if (grants === undefined) missing.push(owner);
      else by.push(...grants.map((digest) => ({ owner, under: 'grant', digest }) as const));
    }
  }
  if (missing.length > 0 || unready !== undefined) return { kind: 'waiting', for: missing, reason: unready };
  return { kind: 'approved', by };
}

/** The last one of each author, about these very bytes. Of two of the same moment a no counts. */
function decisionsOn(job: Received<JobDocument>, world: World): ReadonlyMap<Id, Received<DecisionDocument>> {
  const last = new Map<Id, Received<DecisionDocument>>();
  for (const { signed } of world.decisions(job.digest)) {
    const decision = examine(decisionDocument, 'decision', signed, world.federation);
    if ('fault' in decision || decision.document.job !== job.digest) continue;
    const author = holderOf(decision.author, world);
    const before = last.get(author);
    const later = before === undefined ? 1 : Date.parse(decision.document.at) - Date.parse(before.document.at);
    if (later > 0 || (later === 0 && !decision.document.approve)) last.set(author, decision);
  }
  return last;
}

/** Grants of an owner that cover all that is needed of it, few rather than many; undefined: there are none. */
function grantsFor(
  job: Received<JobDocument>,
  owner: Id,
  needed: ReadonlySet<Digest>,
  world: World,
): readonly Digest[] | undefined {
  const { document } = job;
  // A model that is served answers whatever is asked: that is approved case by case.
  if (document.kind !== 'train') return undefined;
  const network = networkDigest(job);
  const covering: Received<GrantDocument>[] = [];
  for (const { grant: kept, withdrawn, uses } of world.grants()) {
    // Most are of other owners: not worth checking a signature.
    if (withdrawn || !isClaimedBy(kept.signed, owner, world)) continue;
    const grant = examine(grantDocument, 'grant', kept.signed, world.federation);
    if ('fault' in grant || holderOf(grant.author, world) !== owner) continue;
    const used = uses.filter((use) => use !== job.digest).length >= grant.document.maxRuns;
    if (!used && covers(grant.document, job.author, document, network, world)) covering.push(grant);
  }
  const chosen: Digest[] = [];
  const left = new Set(needed);
  while (left.size > 0) {
    const counts = covering.map(({ document: { data } }) => new Set(data.filter((digest) => left.has(digest))).size);
    const best = counts.indexOf(Math.max(0, ...counts));
    if (best < 0 || counts[best] === 0) return undefined;
    chosen.push(covering[best].digest);
    for (const digest of covering[best].document.data) left.delete(digest);
  }
  return chosen;
}

function isClaimedBy(signed: Signed, owner: Id, world: World): boolean {
  const { sign, seal } = signed.by ?? {};
  return typeof sign === 'string' && typeof seal === 'string' && holderOf(idOf({ sign, seal }), world) === owner;
}

/** All but which data. */
function covers(grant: GrantDocument, author: Id, job: TrainDocument, network: Digest, world: World): boolean {
  const analyst = holderOf(author, world);
  return (
    holderOf(grant.analyst, world) === analyst &&
    // Who was trusted with results must be who gets them.
    holderOf(idOf(job.receiver), world) === analyst &&
    world.now <= Date.parse(grant.until) &&
    (grant.networks === 'any' || grant.networks.includes(network)) &&
    allows(grant.reveal, job.reveal) &&
    (grant.keepModel || !job.keepModel)
  );
}

const COUNTS: readonly Revealed['counts'][] = ['none', 'total', 'per-class'];

function allows(most: Revealed, asked: Revealed): boolean {
  return (
    (most.model || !asked.model) &&
    (most.loss || !asked.loss) &&
    COUNTS.indexOf(asked.counts) <= COUNTS.indexOf(most.counts)
  );
}
