/** Jobs from outside: proposed, looked at, decided on, ended. Every party is told and asked by itself. */
import { Problem } from '../../data/problem.ts';
import { digestOf, type Digest } from '../../federation/canonical.ts';
import {
  type CancelDocument,
  type DecisionDocument,
  jobDocument,
  type JobDocument,
} from '../../federation/documents.ts';
import type { Received } from '../../federation/received-form.ts';
import { type Document, type Signed, signLater } from '../../federation/signed.ts';
import type { PartyName } from '../parties.ts';
import { jobAnswer, jobsAnswer, readSigned } from './answers.ts';
import type { JobView } from '../../federation/views.ts';
import type { Everywhere, FederationClient } from './client.ts';

/** A job as the parties that were reached show it: the same bytes at each, each with a state of its own. */
export interface SeenJob {
  readonly job: Received<JobDocument>;
  readonly views: ReadonlyMap<PartyName, JobView>;
}

/** Signs a job and gives it to all three. Each must name it as we do. @returns the job's name */
export async function propose(client: FederationClient, document: JobDocument): Promise<Digest> {
  return passOn(client, await signLater(document, client.identity));
}

/** Gives a job that is signed already to all three: to those that lack it. */
export async function passOn(client: FederationClient, signed: Signed): Promise<Digest> {
  const digest = digestOf(signed.document);
  const answers = await client.everywhere(async (party) => {
    const view = await client.ask(party, 'POST', '/v1/jobs', jobAnswer, { body: signed });
    checkSame(party, digest, view);
    return view;
  });
  const lacking = [...answers.failures.keys()];
  if (answers.answers.size > 0 && lacking.length > 0) {
    const [failure] = answers.failures.values();
    const fix = failure instanceof Problem ? `${failure.fix}; then: ` : '';
    throw new Problem(
      `job ${digest.slice(0, 12)} is known at ${[...answers.answers.keys()].join(' and ')} alone: ${failure.message}`,
      `${fix}securenn job propose --again ${digest.slice(0, 12)}`,
    );
  }
  answers.all('the job is proposed');
  return digest;
}

/** What a party shows as this job is this job: name and bytes. */
function checkSame(party: PartyName, digest: Digest, { job, signed }: JobView): void {
  if (job === digest && digestOf(signed.document) === digest) return;
  throw new Problem(
    `${party} shows another job as ${digest.slice(0, 12)}: its bytes differ from what was proposed`,
    'approve nothing and tell the operators of all three parties: that party runs other software, or lies',
  );
}

/** Of all that the reached parties show us, newest first. */
export async function listJobs(client: FederationClient): Promise<SeenJob[]> {
  const lists = await client.everywhere((party) => client.ask(party, 'GET', '/v1/jobs', jobsAnswer));
  const found = new Map<Digest, { job: Received<JobDocument>; views: Map<PartyName, JobView> }>();
  for (const [party, { jobs }] of lists.some(client.onNote, 'what it knows of jobs is not shown')) {
    for (const view of jobs) {
      const job = await readSigned(client, jobDocument, 'job', view.signed, party);
      checkSame(party, job.digest, view);
      const entry = found.get(job.digest) ?? { job, views: new Map<PartyName, JobView>() };
      entry.views.set(party, view);
      found.set(job.digest, entry);
    }
  }
  return [...found.values()];
}

/** The whole name of a job of which somebody wrote the beginning. */
export async function findJob(client: FederationClient, written: string): Promise<Digest> {
  const text = written.toLowerCase();
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  if (!/^[0-9a-f]{4,64}$/.test(text)) {
    throw new Problem(
      `job ${written}: a job's name is hexadecimal: at least the first 4 digits of it`,
      'securenn job list shows the names',
    );
  }
  const found = (await listJobs(client)).filter(({ job }) => job.digest.startsWith(text));
  if (found.length === 1) return found[0].job.digest;
  throw new Problem(
    found.length === 0 ? `no job of yours begins with ${written}` : `${found.length} jobs begin with ${written}`,
    found.length === 0 ? 'securenn job list shows those that you may see' : 'give more digits of its name',
  );
}

/** The job at every party that can be reached; a party that does not know it is told of as a note. */
export async function seeJob(client: FederationClient, digest: Digest): Promise<SeenJob> {
  const answers = await viewsOf(client, digest);
  const views = answers.some(client.onNote, 'what it knows of the job is not shown');
  const [[party, view]] = views;
  return {
    job: await readSigned(client, jobDocument, 'job', view.signed, party),
    views,
  };
}

/** Throws as soon as two parties show different bytes. */
async function viewsOf(client: FederationClient, digest: Digest): Promise<Everywhere<JobView>> {
  const answers = await client.everywhere((party) => client.ask(party, 'GET', `/v1/jobs/${digest}`, jobAnswer));
  for (const [party, view] of answers.answers) checkSame(party, digest, view);
  return answers;
}

/** Approves or refuses, at all three. */
export async function decide(client: FederationClient, job: Digest, approve: boolean): Promise<void> {
  const at = client.now().toISOString();
  const document: DecisionDocument = { securenn: 'decision', federation: client.federation.id, job, approve, at };
  const answers = await post(client, document, `/v1/jobs/${job}/decisions`);
  answers.all(approve ? 'the job is approved' : 'the job is refused');
}

export async function cancel(client: FederationClient, job: Digest, reason: string): Promise<void> {
  const at = client.now().toISOString();
  const document: CancelDocument = { securenn: 'cancel', federation: client.federation.id, job, reason, at };
  const answers = await post(client, document, `/v1/jobs/${job}/cancel`);
  answers.all('the job is cancelled');
}

async function post(client: FederationClient, document: Document, path: string): Promise<Everywhere<unknown>> {
  const body = await signLater(document, client.identity);
  return client.everywhere((party) => client.bytes(party, 'POST', path, { body }));
}
