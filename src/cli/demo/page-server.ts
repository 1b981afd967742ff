/**
 * Serves the page of `securenn demo --web`, on 127.0.0.1: some fixed files, what is public of the federation, and, to who has the token of the
 * printed address, the analyst's model. Nothing is sent to it: what is drawn goes from the page to the three parties.
 */
import { timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { LocalPorts } from '../../client/platform.ts';
import { Problem } from '../../data/problem.ts';

const HOST = '127.0.0.1';
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};
/** What a file of the bundle is called: no other name is ever opened. */
const NAME = /^\/([A-Za-z0-9_-]{1,80}\.(html|css|js|svg))$/;
// Compiled, this file lies one folder deeper.
const FOLDER = new URL(import.meta.url.endsWith('.ts') ? '../../../dist/page/' : '../../../page/', import.meta.url);
const BUILD_FIRST = 'run npm run build first';
const MOST_CONNECTIONS = 64;

export interface PageFacts {
  /** The federation file. */
  readonly federation: object;
  readonly fingerprint: string;
  /** Ports of the three parties that take plain HTTP here. */
  readonly local: LocalPorts;
  /** Digest of the session that answers. */
  readonly session: string;
}

/** What there is to show, once there is. */
export interface Shown {
  readonly facts: PageFacts;
  /** Bytes of the model file. */
  readonly model: Uint8Array;
}

export interface PageOptions {
  /** 0: a free one. */
  readonly port: number;
  /** Who knows it gets the model. */
  readonly token: string;
  /** Ports of the parties, where the page may ask. */
  readonly parties: readonly number[];
  /** Of the page's files; absent: as they were built. */
  readonly folder?: URL;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
}

export class PageServer {
  readonly port: number;
  readonly #server: Server;
  readonly #options: PageOptions;
  readonly #folder: URL;
  #shown: Shown | undefined;

  private constructor(server: Server, options: PageOptions, folder: URL) {
    [this.#server, this.#options, this.#folder] = [server, options, folder];
    this.port = (server.address() as AddressInfo).port;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  /** Resolves when listening; the page says that it waits, until there is something to show. */
  static async open(options: PageOptions): Promise<PageServer> {
    const { folder = FOLDER } = options;
    await readFile(new URL('index.html', folder)).catch((cause: unknown) => {
      throw new Problem(`--web: ${fileURLToPath(folder)} holds no page`, BUILD_FIRST, { cause });
    });
    const server = createServer({ headersTimeout: 10_000, requestTimeout: 20_000 });
    server.maxConnections = MOST_CONNECTIONS;
    await new Promise<void>((done, fail) => {
      server.once('error', (cause: NodeJS.ErrnoException) =>
        fail(
          new Problem(`--web-port: ${options.port}: ${cause.code ?? 'cannot be used'}`, 'give another port', { cause }),
        ),
      );
      server.listen(options.port, HOST, done);
    });
    return new PageServer(server, options, folder);
  }

  get origin(): string {
    return `http://${HOST}:${this.port}`;
  }

  /** For one who may have the model: what follows # is sent to nobody. */
  get address(): string {
    return `${this.origin}/#token=${this.#options.token}`;
  }

  show(shown: Shown): void {
    this.#shown = shown;
  }

  async close(): Promise<void> {
    const closed = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body } = await this.#find(request).catch(() => plainly(500, 'this file cannot be read'));
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'content-security-policy': policyFor(this.#options.parties),
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      ...(status === 405 && { allow: 'GET, HEAD' }),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
    request.resume();
  }

  async #find({ method, url = '', headers }: IncomingMessage): Promise<Answer> {
    // A name of somebody else's that leads here would make their page this one.
    if (headers.host !== `${HOST}:${this.port}`) return plainly(421, `open ${this.origin}/`);
    if (method !== 'GET' && method !== 'HEAD') return plainly(405, 'nothing is taken here');
    const path = url.split('?', 1)[0];
    if (path === '/demo.json' || path === '/model.safetensors') return this.#ofDemo(path, headers.authorization);
    const [, name, ending] = NAME.exec(path === '/' ? '/index.html' : path) ?? [];
    if (name === undefined) return plainly(404, 'there is no such file');
    const body = await readFile(new URL(name, this.#folder)).catch(() => undefined);
    return body === undefined ? plainly(404, 'there is no such file') : { status: 200, type: TYPES[ending], body };
  }

  #ofDemo(path: string, authorization: string | undefined): Answer {
    if (this.#shown === undefined) return plainly(503, 'the parties are still training');
    const { facts, model } = this.#shown;
    if (path === '/demo.json') return { status: 200, type: 'application/json', body: JSON.stringify(facts) };
    if (!isSame(authorization ?? '', `Bearer ${this.#options.token}`)) return plainly(403, 'open the printed address');
    return { status: 200, type: 'application/octet-stream', body: model };
  }
}

function plainly(status: number, text: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Nothing but its own files and the three parties: a drawing has nowhere else to go. */
function policyFor(parties: readonly number[]): string {
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    `connect-src 'self' ${parties.map((port) => `http://${HOST}:${port}`).join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
