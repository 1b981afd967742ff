/** Jobs: propose, look at, follow, cancel; results for their receiver; models that stayed shared; inputs of serving sessions. */
import type { Hono } from 'hono';
import { cancelDocument, jobDocument } from '../../federation/documents.ts';
import { idOf } from '../../federation/public-identity.ts';
import type { KnownJob } from '../jobs-api.ts';
import { Refusal } from '../refusal.ts';
import { Departure } from '../waiting.ts';
import type { ApiContext, Asker, Call, Env, InputCall } from './context.ts';
import { INPUTS_ROUTE } from './direct.ts';
import { checkRight, digestIn, readBytes, readDocument, wholeNumber } from './reading.ts';
import { listResults, readTogether, sendResult } from './results.ts';
import { checkDrawn } from './inputs.ts';
import { sendBytes } from './sending.ts';
import { countedAs, countVisit, visitorBytes } from './visitors.ts';

/** Shorter than what lies on the way cuts off. */
const LONGEST_WAIT_SECONDS = 25;
/** Jobs shown at once, the newest. */
const MOST_SHOWN = 1000;
/** A hundred images of 256 x 256 in three colours. */
const INPUT_BYTES: number = 160 * 2 ** 20;
/** Of an input: what its body begins with. */
const ID_BYTES = 16;

export function jobRoutes(app: Hono<Env>, context: ApiContext): void {
  const { jobs } = context;
  app.post('/v1/jobs', async (call) => {
    const job = await readDocument(call, context, jobDocument, 'job', 'analyst');
    return call.json(await jobs.propose(job));
  });
  app.get('/v1/jobs', (call) => {
    const shown: object[] = [];
    for (const known of jobs.all()) {
      if (concerns(known, call.get('asker'), context)) shown.push(known.view);
      if (shown.length === MOST_SHOWN) break;
    }
    return call.json({ jobs: shown });
  });
  app.get('/v1/jobs/:job', (call) => call.json(concerned(call, context).view));
  app.post('/v1/jobs/:job/cancel', (call) => cancel(call, context));
  app.get('/v1/jobs/:job/events', (call) => follow(call, context));
  app.get('/v1/jobs/:job/results', async (call) => {
    return call.json({ results: await listResults(context.results, received(call, context)) });
  });
  app.get('/v1/jobs/:job/values', async (call) => {
    const values = await readTogether(context.results, received(call, context), call.req.query('names'));
    return call.json({ values });
  });
  app.get('/v1/jobs/:job/results/:name', (call) =>
    sendResult(call, context.results, received(call, context), call.req.param('name')),
  );
  app.get('/v1/models', (call) => call.json({ models: jobs.models() }));
  app.get('/v1/sessions', (call) => call.json({ sessions: sessionsFor(call, context) }));
  app.post(INPUTS_ROUTE, (call) => infer(call, context));
}

async function cancel(call: Call, context: ApiContext): Promise<Response> {
  const { job, owners } = concerned(call, context);
  const { directory } = context;
  const order = await readDocument(call, context, cancelDocument, 'cancel', undefined);
  if (order.document.job !== job.digest) throw new Refusal(400, 'this cancels another job', 'send it to that one');
  const by = directory.holder(order.author);
  if (![job.author, ...owners].some((each) => directory.holder(each) === by)) {
    throw new Refusal(403, 'only who proposed a job, or an owner of data in it, can cancel it', 'ask one of them');
  }
  return call.json(await context.jobs.cancel(order));
}

async function follow(call: Call, { jobs, ending, ...context }: ApiContext): Promise<Response> {
  const { digest } = concerned(call, { jobs, ending, ...context }).job;
  const from = wholeNumber(call.req.query('from'), 'from', 0);
  const wait = Math.min(LONGEST_WAIT_SECONDS, wholeNumber(call.req.query('wait'), 'wait', 0));
  const enough = new AbortController();
  const stop = (): void => enough.abort();
  const timer = setTimeout(stop, 1000 * wait);
  call.env.outgoing.once('close', stop);
  ending.addEventListener('abort', stop, { once: true });
  if (ending.aborted) stop();
  try {
    const events = await jobs.events(digest, from, enough.signal);
    return call.json({ events, next: (events.at(-1)?.n ?? from - 1) + 1 });
  } finally {
    clearTimeout(timer);
    call.env.outgoing.off('close', stop);
    ending.removeEventListener('abort', stop);
  }
}

/** Whether a session answers who asks. */
function answers({ job: { document } }: KnownJob, { id, party }: Asker, { directory }: ApiContext): boolean {
  if (document.kind !== 'serve') return false;
  if (document.clients === 'anyone') return party === undefined;
  const who = directory.holder(id);
  return document.clients.some((each) => directory.holder(each) === who);
}

/** Those that run. */
function sessionsFor(call: Call, context: ApiContext): object[] {
  const shown: object[] = [];
  for (const known of context.jobs.all()) {
    if (known.view.state !== 'running' || !answers(known, call.get('asker'), context)) continue;
    shown.push({ signed: known.view.signed });
    if (shown.length === MOST_SHOWN) break;
  }
  return shown;
}

/** An input of a session. */
export async function infer(call: InputCall, context: ApiContext): Promise<Response> {
  const asker = call.get('asker');
  const known = context.jobs.find(digestIn(call, 'job'));
  // Who is not one of its clients does not learn that there is such a session.
  if (known === undefined || !answers(known, asker, context)) {
    throw new Refusal(404, 'no such session here that answers you', 'see the list (securenn job list)');
  }
  const { visitor } = asker;
  const { document } = known.job;
  if (document.kind === 'serve' && document.clients !== 'anyone') checkRight(asker, 'client');
  const { state } = known.view;
  if (state !== 'running' && state !== 'preparing')
    throw new Refusal(state === 'queued' ? 503 : 409, `the session is ${state}`, 'see the job');
  const gone = new Departure();
  call.env.outgoing.once('close', () => gone.depart());
  const body =
    visitor === undefined
      ? await readBytes(call, context.bodies, INPUT_BYTES)
      : await readBytes(call, context.visitorBodies, visitorBytes(document.network));
  if (body.length < ID_BYTES) throw new Refusal(400, 'an input begins with its id, 16 bytes', 'draw them at random');
  const id = body.subarray(0, ID_BYTES).toString('hex');
  const question = await context.openSealed(`input ${known.job.digest} ${id}`, body.subarray(ID_BYTES));
  if (question === undefined) {
    const fix = 'see that the federation file is the newest one: inputs are sealed to the identities in it';
    throw new Refusal(422, `the input is not sealed to ${context.party} for this session and id`, fix);
  }
  const input = question.bytes;
  checkDrawn(context.party, input);
  if (visitor !== undefined) countVisit(visitor, input, context);
  const share = await context.jobs.infer(
    known.job.digest,
    id,
    asker.identity,
    input,
    gone,
    visitor && countedAs(visitor),
  );
  if (share.length === 0) return call.body(null, 204);
  return sendBytes(call, await question.sealAnswer(share));
}

/** The job of the path, if it concerns who asks. */
function concerned(call: Call, context: ApiContext): KnownJob {
  const known = context.jobs.find(digestIn(call, 'job'));
  if (known !== undefined && concerns(known, call.get('asker'), context)) return known;
  throw new Refusal(404, 'no such job here that concerns you', 'see the list (securenn job list)');
}

/** The proposer, owners of data in it, its receiver or clients, and parties. */
function concerns({ job, owners }: KnownJob, { id, party }: Asker, { directory }: ApiContext): boolean {
  const { document } = job;
  const others =
    document.kind === 'train' ? [idOf(document.receiver)] : document.clients === 'anyone' ? [] : document.clients;
  const who = directory.holder(id);
  return party !== undefined || [job.author, ...owners, ...others].some((each) => directory.holder(each) === who);
}

/** The job of the path, if its results are for who asks. */
function received(call: Call, context: ApiContext): string {
  const { job } = concerned(call, context);
  const { document } = job;
  const { directory } = context;
  const who = directory.holder(call.get('asker').id);
  if (document.kind === 'train' && directory.holder(idOf(document.receiver)) === who) return job.digest;
  throw new Refusal(403, 'the results of this job are not for you', 'ask its receiver');
}
