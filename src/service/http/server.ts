/** HTTPS for clients and the other parties: TLS 1.3, and limits on everything that comes before a request is known to be somebody's. */
import { createServer as createPlainServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { TlsKey } from '../../federation/certificate.ts';
import type { App } from '../api/app.ts';
import { listening } from './listening.ts';
import type { Door } from './door.ts';

const LIMITS = {
  handshakeTimeout: 5_000,
  headersTimeout: 10_000,
  /** A whole request, body included: 8 MiB at 10 KB a second. */
  requestTimeout: 900_000,
  /** Between two requests. */
  keepAliveTimeout: 65_000,
  /** How often Node looks for those that are late. */
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 8192,
} as const;
const MOST_HEADERS = 64;
/** Longer than anybody waits for an answer here. */
const IDLE_MS = 660_000;

export type LocalServerOptions = Pick<ApiServerOptions, 'port' | 'app' | 'door' | 'onGarbage'>;

export interface ApiServerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsKey;
  readonly app: App;
  readonly door: Door;
  /** Something came that is no TLS, or no HTTP. */
  readonly onGarbage: (reason: string, address: string | undefined) => void;
}

/** On this very machine: no other address is ever listened on without TLS. */
const LOOPBACK = '127.0.0.1';

export class ApiServer {
  readonly port: number;
  readonly #server: Server;
  readonly #door: Door;

  private constructor(server: Server, door: Door) {
    [this.#server, this.#door] = [server, door];
    this.port = (server.address() as AddressInfo).port;
  }

  /** Resolves when listening; rejects with a Problem. */
  static async open({ host, port, tls, app, door, onGarbage }: ApiServerOptions): Promise<ApiServer> {
    const { key, certificate: cert } = tls;
    const server = createServer({ key, cert, minVersion: 'TLSv1.3', noDelay: true, ...LIMITS });
    prepare(server, { app, door, onGarbage });
    await listening(server, host, port, 'listen');
    return new ApiServer(server, door);
  }

  /**
   * Plain HTTP on 127.0.0.1, for pages on this very machine, whose browsers would know no certificate of it. What is secret is sealed and every
   * request signed, as over HTTPS; a program here that took the port could give wrong answers, and read nothing.
   */
  static async openLocal({ port, app, door, onGarbage }: LocalServerOptions): Promise<ApiServer> {
    const server = createPlainServer({ noDelay: true, ...LIMITS }) as Server;
    prepare(
      server,
      { app, door, onGarbage },
      (host) => host === `${LOOPBACK}:${own()}` || host === `localhost:${own()}`,
    );
    const own = (): number => (server.address() as AddressInfo).port;
    await listening(server, LOOPBACK, port, 'local');
    return new ApiServer(server, door);
  }

  /** For connections to come. */
  setTls({ key, certificate: cert }: TlsKey): void {
    this.#server.setSecureContext({ key, cert, minVersion: 'TLSv1.3' });
  }

  /** Takes no more connections; those without a request are closed, the others when they are answered. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#door.close(), graceMs);
    await closed;
    clearTimeout(timer);
    this.#door.close();
  }
}

/** @param isOurs whether a request may name this host; absent: TLS has seen to that */
function prepare(
  server: Server,
  { app, door, onGarbage }: Omit<LocalServerOptions, 'port'>,
  isOurs: (host: string | undefined) => boolean = () => true,
): void {
  server.maxHeadersCount = MOST_HEADERS;
  server.setTimeout(IDLE_MS);
  guard(server, door);
  const options = { overrideGlobalObjects: false, autoCleanupIncoming: false, hostname: 'party' };
  const answer = getRequestListener((request, env) => app.fetch(request, env), options);
  server.on('request', (incoming, outgoing) => {
    // A name of somebody else's that leads here would make their page one of this machine.
    if (!isOurs(incoming.headers.host)) incoming.socket.destroy();
    else if (!door.asks(incoming.socket)) {
      // Later: Node's parser may hold more requests of the same piece, and fails without its socket.
      setImmediate(() => door.end(incoming.socket));
    } else if (!app.direct(incoming, outgoing)) void answer(incoming, outgoing);
  });
  server.on('tlsClientError', (error, socket) => onGarbage(codeOf(error), socket.remoteAddress));
  server.on('clientError', (error, socket) => {
    onGarbage(codeOf(error), (socket as Socket).remoteAddress);
    socket.destroy();
  });
}

/** The door looks at a connection before TLS does. */
function guard(server: Server, door: Door): void {
  const then = server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    if (door.admit(socket)) for (const each of then) each.call(server, socket);
  });
}

function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? error.name;
}
