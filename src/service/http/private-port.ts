/**
 * For this organisation's own supervisor and monitoring, on a private address: GET /health, /ready, /metrics; PUT /log-level. No password and no
 * TLS: whoever reaches it reads what is public anyway and can make the log louder.
 */
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LOG_LEVELS, type LogLevel } from '../../server/log-levels.ts';
import { listening } from './listening.ts';

export interface PrivatePortOptions {
  readonly host: string;
  readonly port: number;
  /** Why no job could start at this moment; undefined: one could. */
  readonly unready: () => Promise<string | undefined>;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly level: () => LogLevel;
  readonly setLevel: (level: LogLevel) => void;
}

const MAX_CONNECTIONS = 32;
const TIMEOUTS = { headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 5_000 } as const;
const LONGEST_BODY = 64;

interface Answer {
  readonly status: number;
  readonly type?: string | undefined;
  readonly text: string;
  readonly allow?: string | undefined;
}

export class PrivatePort {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Resolves when listening; rejects with a Problem. */
  static async open(options: PrivatePortOptions): Promise<PrivatePort> {
    const server = createServer({ ...TIMEOUTS, maxHeaderSize: 8192 }, (request, response) => {
      void answer(request, options).then((found) => send(response, found));
    });
    server.maxConnections = MAX_CONNECTIONS;
    await listening(server, options.host, options.port, 'private');
    return new PrivatePort(server);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

async function answer(request: IncomingMessage, options: PrivatePortOptions): Promise<Answer> {
  const { method = '' } = request;
  const [path] = (request.url ?? '').split('?', 1);
  const handlers: Readonly<Record<string, Readonly<Record<string, () => Answer | Promise<Answer>>>>> = {
    '/health': { GET: () => json(200, { status: 'ok' }) },
    '/ready': { GET: () => readiness(options) },
    '/metrics': { GET: () => figures(options) },
    '/log-level': { GET: () => json(200, { level: options.level() }), PUT: () => changeLevel(request, options) },
  };
  const found = Object.hasOwn(handlers, path) ? handlers[path] : undefined;
  if (found === undefined) return json(404, { error: `there are ${Object.keys(handlers).join(', ')}` });
  const wanted = method === 'HEAD' ? 'GET' : method;
  if (!Object.hasOwn(found, wanted)) {
    return {
      ...json(405, { error: `${path} takes ${Object.keys(found).join(', ')}` }),
      allow: Object.keys(found).join(', '),
    };
  }
  try {
    return await found[wanted]();
  } catch {
    return json(500, { error: STATUS_CODES[500] });
  }
}

async function readiness({ unready }: PrivatePortOptions): Promise<Answer> {
  const reason = await unready();
  return reason === undefined ? json(200, { status: 'ready' }) : json(503, { status: 'not ready', reason });
}

async function figures({ metrics }: PrivatePortOptions): Promise<Answer> {
  const { contentType, text } = await metrics();
  return { status: 200, type: contentType, text };
}

/** The body is a level, as it is or as a JSON text. */
async function changeLevel(request: IncomingMessage, { setLevel }: PrivatePortOptions): Promise<Answer> {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) {
    text += String(piece);
    if (text.length > LONGEST_BODY) break;
  }
  const wanted = text.trim().replace(/^"(.*)"$/, '$1');
  const level = LOG_LEVELS.find((each) => each === wanted);
  if (level === undefined) return json(400, { error: `the body is one of ${LOG_LEVELS.join(', ')}` });
  setLevel(level);
  return json(200, { level });
}

function json(status: number, value: object): Answer {
  return { status, type: 'application/json', text: `${JSON.stringify(value)}\n` };
}

function send(response: ServerResponse, { status, type = 'text/plain', text, allow }: Answer): void {
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    ...(allow === undefined ? {} : { allow }),
  });
  response.end(text);
}
