/** The API as a whole: who asks is known before anything of a request is read, and every answer, errors as well, has the same form. */
import { Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { faultOf } from '../../data/atomic-write.ts';
import { Problem } from '../../data/problem.ts';
import type { RequestChecker } from '../../federation/request.ts';
import { NO_BODY } from '../../federation/request-lines.ts';
import type { Logger } from '../../server/log.ts';
import { ignoreBody } from '../http/body.ts';
import { addressGroup, type Door } from '../http/door.ts';
import { answerPage } from '../http/pages.ts';
import type { ThrottledLog } from '../http/throttled-log.ts';
import type { ServiceMetrics } from '../metrics.ts';
import { Refusal } from '../refusal.ts';
import { consentRoutes } from './consent.ts';
import type { ApiContext, Call, Env, InputCall } from './context.ts';
import { dataRoutes } from './data.ts';
import { directInputs, type Direct } from './direct.ts';
import { infer, jobRoutes } from './jobs.ts';
import { helloRoute, partyRoutes } from './parties.ts';
import { Visitors } from './visitors.ts';

export interface AppOptions extends ApiContext {
  readonly instance: string;
  readonly checker: RequestChecker;
  readonly door: Pick<Door, 'prove' | 'mayVisit' | 'visit'>;
  /** Origins whose pages may ask. */
  readonly pages: readonly string[];
  readonly metrics: ServiceMetrics;
  readonly log: Logger;
  /** For what strangers can cause. */
  readonly strangers: ThrottledLog;
}

/** Requests of one asker that are under way at once: uploads, and those that wait for an event. */
const MOST_OF_ONE = 64;
/** The same of all visitors of one address. */
const MOST_OF_VISITORS = 32;
/** What is read on of a body that was refused, so that the answer arrives and the connection stays. */
const READ_ON_BYTES: number = 16 * 2 ** 20;
/** The same for all strangers: they learn nothing of who is known, or why they are not. */
const STRANGER = {
  error: 'not known here, or not signed as this party takes it',
  fix: 'ask the operator of this party to admit you; ask GET /v1/hello again if it has restarted',
};

export interface App {
  readonly fetch: Hono<Env>['fetch'];
  readonly direct: Direct;
}

export function createApp(options: AppOptions): App {
  const app = new Hono<Env>();
  const entry = new Entry(options);
  app.use(async (call, next) => {
    const answer = entry.greet(call);
    if (answer !== undefined) return answer;
    await next();
    options.metrics.answered(call.req.method, call.res.status);
    return undefined;
  });
  app.onError((error, call: Call) => answerError(error, call, options));
  app.notFound((call: Call) =>
    answerError(new Refusal(404, 'no such thing here', 'see docs/operate.md'), call, options),
  );
  helloRoute(app, options.instance, options.now);
  app.use('/*', async (call: Call, next) => {
    const refused = entry.admit(call);
    if (refused !== undefined) return refused;
    await next();
    return undefined;
  });
  partyRoutes(app, options);
  dataRoutes(app, options);
  consentRoutes(app, options);
  jobRoutes(app, options);
  const direct = directInputs({
    take: (call) => entry.greet(call) ?? entry.admit(call) ?? infer(call, options),
    fail: (error, call) => answerError(error, call, options),
    answered: (status) => options.metrics.answered('POST', status),
  });
  return { fetch: app.fetch, direct };
}

/** What stands before every endpoint. */
class Entry {
  readonly #options: AppOptions;
  readonly #visitors: Visitors;
  /** Requests by who makes them. */
  readonly #underWay: Map<string, number> = new Map();

  constructor(options: AppOptions) {
    this.#options = options;
    this.#visitors = new Visitors(options);
  }

  /** The headers that all answers have; an answer for pages that may not ask, and for browsers that ask whether they may. */
  greet(call: InputCall): Response | undefined {
    call.header('securenn', '1');
    call.header('cache-control', 'no-store');
    call.header('x-content-type-options', 'nosniff');
    const answer = answerPage(call, this.#options.pages);
    if (answer !== 'refused') return answer;
    this.#options.metrics.refused('origin');
    return refuse(call, 401, STRANGER.error, STRANGER.fix);
  }

  /** Finds out who asks, and counts it; an answer for whoever nobody knows. Throws a Refusal for who asks too much at once. */
  admit(call: InputCall): Response | undefined {
    const refused = identify(call, this.#options, this.#visitors);
    if (refused !== undefined) return refused;
    const asker = call.get('asker');
    const id = asker.visitor === undefined ? asker.id : `visitors of ${asker.visitor}`;
    const most = asker.visitor === undefined ? MOST_OF_ONE : MOST_OF_VISITORS;
    const mine = this.#underWay.get(id) ?? 0;
    if (mine >= most) throw new Refusal(429, `${mine} of your requests are under way`, 'wait for their answers');
    this.#underWay.set(id, mine + 1);
    // Until the answer has gone out: who does not read it has it counted.
    call.env.outgoing.once('close', () => {
      const left = this.#underWay.get(id)! - 1;
      if (left === 0) this.#underWay.delete(id);
      else this.#underWay.set(id, left);
    });
    return undefined;
  }
}

/** Who asks; an answer for whoever nobody knows. */
function identify(
  call: InputCall,
  { checker, directory, door, metrics, strangers }: AppOptions,
  visitors: Visitors,
): Response | undefined {
  const { incoming } = call.env;
  const { method = '', url: path = '', headers, socket } = incoming;
  const visitor = visitors.keyOf(method, path, headers);
  if (visitor !== undefined && !door.mayVisit(socket)) {
    return refuse(call, 429, 'too many visitors in a short time', 'ask again later');
  }
  const found = checker.check({ method, path, authorization: headers.authorization, visitor });
  if ('refused' in found) {
    metrics.refused(found.refused);
    const facts = { reason: found.refused, id: found.id, address: socket.remoteAddress, path: path.slice(0, 100) };
    strangers.warn('refused a request', facts);
    // Its signature is right: it may know that its clock is not.
    if (found.refused === 'too many') return refuse(call, 429, 'too many requests in a short time', 'ask again later');
    if (found.refused !== 'time') return refuse(call, 401, STRANGER.error, STRANGER.fix);
    const seconds = Math.round((found.clockOffset ?? 0) / 1000);
    const what = `your clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} that of this party`;
    return refuse(call, 401, what, 'set it by a time server (timedatectl set-ntp true)');
  }
  const asker = found.isVisitor
    ? { id: found.id, identity: found.identity, visitor: addressGroup(socket.remoteAddress ?? '') }
    : directory.find(found.id);
  if (asker === undefined || asker === 'revoked') return refuse(call, 401, STRANGER.error, STRANGER.fix);
  if (found.isVisitor) door.visit(socket);
  else if (!door.prove(socket))
    return refuse(call, 503, 'this party has as many connections as it takes', 'ask again later');
  if (method === 'GET' && found.bodyDigest !== NO_BODY) {
    return refuse(call, 400, 'a request for something has no body', 'send none');
  }
  call.set('asker', asker);
  call.set('bodyDigest', found.bodyDigest);
  return undefined;
}

/** Nothing more is read of this connection. */
function refuse(call: InputCall, status: ContentfulStatusCode, error: string, fix: string): Response {
  return call.json({ error, fix }, status, { connection: 'close', ...later(status) });
}

function answerError(error: Error, call: InputCall, { log, metrics, party }: AppOptions): Response {
  const { status, error: what, fix } = inWords(error, party);
  if (status >= 500 && !(error instanceof Refusal)) {
    // The operator's business; its words may hold a path, so they stay here.
    const hint = error instanceof Problem ? error.fix : undefined;
    log.error({ reason: error.message, fix: hint, route: `${call.req.method} ${call.req.routePath}` }, 'failed');
  }
  if (status < 500) metrics.refused('request');
  const { incoming } = call.env;
  const length = Number(incoming.headers['content-length'] ?? (incoming.headers['transfer-encoding'] ? Infinity : 0));
  const keep = length <= READ_ON_BYTES;
  if (keep) ignoreBody(incoming);
  return call.json({ error: what, fix }, status as ContentfulStatusCode, {
    ...(keep ? {} : { connection: 'close' }),
    ...later(status),
  });
}

function later(status: number): Record<string, string> {
  return status === 429 || status === 503 ? { 'retry-after': '1' } : {};
}

function inWords(
  error: Error,
  party: string,
): { readonly status: number; readonly error: string; readonly fix: string } {
  if (error instanceof Refusal) return { status: error.status, error: error.message, fix: error.fix };
  const codes = [error, error.cause].map((each) => (each as NodeJS.ErrnoException | undefined)?.code);
  if (codes.some((code) => code === 'ENOSPC' || code === 'EDQUOT')) {
    return { status: 507, error: `no room on the disk of ${party}`, fix: 'ask its operator for room, then try again' };
  }
  const known =
    codes.find((code) => code?.startsWith('E') === true) === undefined ? '' : `: ${faultOf(error).split(':')[0]}`;
  return {
    status: 500,
    error: `${party} failed at this${known.slice(0, 60)}`,
    fix: 'ask its operator: its log says why',
  };
}
