/** What owners allow: grants in advance, and decisions about single jobs. */
import type { Hono } from 'hono';
import { decisionDocument, grantDocument } from '../../federation/documents.ts';
import type { JobState, KnownJob, StoredGrant } from '../jobs-api.ts';
import { Refusal } from '../refusal.ts';
import type { ApiContext, Asker, Call, Env } from './context.ts';
import { digestIn, readDocument } from './reading.ts';

/** How far in the future a decision may be dated: the last one counts, so a wrong clock would keep an owner from deciding again. */
const CLOCK_MS = 600_000;
/** From here on a decision changes nothing. */
const UNDECIDED: readonly JobState[] = ['proposed', 'awaiting', 'queued'];

export function consentRoutes(app: Hono<Env>, context: ApiContext): void {
  app.post('/v1/grants', (call) => give(call, context));
  app.get('/v1/grants', (call) => {
    const asker = call.get('asker');
    const grants = [...context.grants.all()].filter((grant) => concerns(grant, asker, context)).map(shown);
    return call.json({ grants });
  });
  app.post('/v1/jobs/:job/decisions', (call) => decide(call, context));
}

async function give(call: Call, context: ApiContext): Promise<Response> {
  const grant = await readDocument(call, context, grantDocument, 'grant', 'owner');
  const holder = (id: string): string => context.directory.holder(id);
  for (const digest of grant.document.data) {
    const stored = context.data.find(digest);
    const isOwn = stored !== undefined && holder(stored.data.author) === holder(grant.author);
    if (isOwn && stored.state !== 'withdrawn') continue;
    throw new Refusal(409, `data set ${digest.slice(0, 12)} is not one of yours here`, 'upload it first');
  }
  await context.grants.add(grant);
  context.jobs.reconsider();
  return call.json({ digest: grant.digest });
}

async function decide(call: Call, context: ApiContext): Promise<Response> {
  const job = digestIn(call, 'job');
  const decision = await readDocument(call, context, decisionDocument, 'decision', 'owner');
  if (decision.document.job !== job) throw new Refusal(400, 'the decision is about another job', 'send it to that one');
  const found = context.jobs.find(job);
  // Whom a job does not concern does not learn of it.
  const owner = context.directory.holder(decision.author);
  if (found === undefined || !found.owners.some((each) => context.directory.holder(each) === owner)) {
    throw new Refusal(404, 'no such job here that asks for your decision', 'see the list (securenn job list)');
  }
  if (Date.parse(decision.document.at) > context.now() + CLOCK_MS) {
    throw new Refusal(400, 'the decision is dated in the future', 'set the clock of your machine, then decide again');
  }
  checkUndecided(found);
  await context.decisions.add(decision);
  context.jobs.reconsider();
  return call.json({ digest: decision.digest });
}

function checkUndecided({ view }: KnownJob): void {
  if (UNDECIDED.includes(view.state)) return;
  const fix =
    view.state === 'running' || view.state === 'preparing' ? 'cancel it (securenn job cancel)' : 'see the job';
  throw new Refusal(409, `the job is ${view.state}: a decision comes too late`, fix);
}

/** Its owner, its analyst, and parties. */
function concerns({ grant }: StoredGrant, { id, party }: Asker, { directory }: ApiContext): boolean {
  const whose = [grant.author, grant.document.analyst].map((each) => directory.holder(each));
  return party !== undefined || whose.includes(directory.holder(id));
}

function shown({ grant, withdrawn, uses }: StoredGrant): object {
  return { digest: grant.digest, signed: grant.signed, withdrawn, uses };
}
