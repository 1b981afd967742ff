/** Between parties: orders of the scheduler, and a probe of the way between them. What everybody known may ask: how this party is. */
import type { Hono } from 'hono';
import { FEDERATION_PROTOCOL } from '../../federation/card.ts';
import type { ControlOrder } from '../jobs-api.ts';
import { piecesOf } from '../http/body.ts';
import { Refusal } from '../refusal.ts';
import type { ApiContext, Call, Env } from './context.ts';
import { checkParty, readJson } from './reading.ts';

const ORDERS: readonly ControlOrder[] = ['prepare', 'start', 'abort', 'outcome', 'settle', 'stop', 'state'];
const CONTROL_BYTES: number = 2 ** 20;
const PROBE_BYTES: number = 8 * 2 ** 20;

/** The one thing that strangers may ask: what a signed request has to name. */
export function helloRoute(app: Hono<Env>, instance: string, now: () => number): void {
  app.get('/v1/hello', (call) => call.json({ protocol: FEDERATION_PROTOCOL, instance, time: now() }));
}

export function partyRoutes(app: Hono<Env>, context: ApiContext): void {
  app.get('/v1/status', async (call) => call.json(await context.status()));
  for (const order of ORDERS) {
    app.post(`/v1/control/${order}`, async (call) => {
      const from = checkParty(call.get('asker'));
      return call.json(await context.jobs.control(order, from, await readJson(call, context, CONTROL_BYTES)));
    });
  }
  app.post('/v1/probe', probe);
}

/** Reads and forgets. */
async function probe(call: Call): Promise<Response> {
  checkParty(call.get('asker'));
  let received = 0;
  for await (const piece of piecesOf(call.env.incoming)) {
    received += piece.length;
    if (received > PROBE_BYTES) throw new Refusal(413, `a probe has ${PROBE_BYTES} bytes at most`, 'send less');
  }
  return call.json({ received });
}
