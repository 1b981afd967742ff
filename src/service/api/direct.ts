/**
 * Inputs of sessions past the framework: of all that a party is asked, the one thing that is asked a hundred times a second. What stands before the
 * endpoint, the endpoint and what is said of errors are those of all others (`app.ts`); requests, headers and answers of the Fetch API are not made.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Asker, InputCall } from './context.ts';

const PATH = /^\/v1\/sessions\/([0-9a-f]{64})\/inputs$/;
/** Its name in the framework, which has the endpoint as well, for paths that are written otherwise. */
export const INPUTS_ROUTE = '/v1/sessions/:job/inputs';

export interface DirectParts {
  readonly take: (call: InputCall) => Response | Promise<Response>;
  readonly fail: (error: Error, call: InputCall) => Response;
  readonly answered: (status: number) => void;
}

/** Whether it takes the request; the others are for the framework. */
export type Direct = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;

export function directInputs(parts: DirectParts): Direct {
  return (incoming, outgoing) => {
    const job = incoming.method === 'POST' ? PATH.exec(incoming.url ?? '')?.[1] : undefined;
    if (job === undefined) return false;
    void answer(new DirectCall({ incoming, outgoing }, job), parts);
    return true;
  };
}

async function answer(call: DirectCall, { take, fail, answered }: DirectParts): Promise<void> {
  const { outgoing } = call.env;
  let response: Response;
  try {
    response = await take(call);
  } catch (error) {
    response = fail(error as Error, call);
    // Of an answer that has begun nothing can be taken back.
    if (outgoing.headersSent) return void outgoing.destroy();
  }
  if (response !== RESPONSE_ALREADY_SENT) {
    response.headers.forEach((value, name) => outgoing.setHeader(name, value));
    outgoing.statusCode = response.status;
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  }
  answered(outgoing.statusCode);
}

class DirectCall implements InputCall {
  readonly env: HttpBindings;
  readonly req: InputCall['req'];
  readonly res: { readonly headers: Map<string, string> } = { headers: new Map() };
  #asker: Asker | undefined;
  #bodyDigest = '';

  constructor(env: HttpBindings, job: string) {
    this.env = env;
    this.req = { method: 'POST', routePath: INPUTS_ROUTE, param: (name) => (name === 'job' ? job : undefined) };
  }

  get(name: 'asker'): Asker;
  get(name: 'bodyDigest'): string;
  get(name: 'asker' | 'bodyDigest'): Asker | string {
    if (name === 'bodyDigest') return this.#bodyDigest;
    if (this.#asker === undefined) throw new Error('nobody has asked yet');
    return this.#asker;
  }

  set(name: 'asker', asker: Asker): void;
  set(name: 'bodyDigest', digest: string): void;
  set(...[name, value]: ['asker', Asker] | ['bodyDigest', string]): void {
    if (name === 'asker') this.#asker = value;
    else this.#bodyDigest = value;
  }

  header(name: string, value: string): void {
    this.res.headers.set(name, value);
  }

  json(value: object, status: number, headers: Record<string, string> = {}): Response {
    const all = { ...Object.fromEntries(this.res.headers), 'content-type': 'application/json', ...headers };
    return new Response(JSON.stringify(value), { status, headers: all });
  }

  body(_data: null, status: number, headers: Record<string, string> = {}): Response {
    return new Response(null, { status, headers: { ...Object.fromEntries(this.res.headers), ...headers } });
  }
}
