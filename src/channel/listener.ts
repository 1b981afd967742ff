/** Accepts WebSocket connections on a port. Open it first and dial later: with port 0 the port is known only then. */
import { createServer, STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { ChannelError } from './channel.ts';
import { DEFAULT_FRAME_BYTES } from './frame.ts';
import type { LinkTls } from './pins.ts';
import { MAX_FRAGMENTS, remoteOf, WebSocketTransport, type WebSocketOptions } from './websocket.ts';

export interface ListenOptions extends WebSocketOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** TLS 1.3: whoever connects must have the key of a pin. */
  readonly tls?: LinkTls | undefined;
}

/** Connections that have not yet proved who they are. One more, and the oldest of them is dropped; if it was a true peer's, that dials again. */
const MAX_UNPROVED = 64;
/** How long a connection may take to become a WebSocket. */
const HEADERS_TIMEOUT_MS = 10_000;

/** Resolves when listening. Rejects with a ChannelError that has the system's `code`. */
export async function openListener(options: ListenOptions): Promise<Listener> {
  const { host, port, tls } = options;
  if (tls !== undefined) throw new RangeError('not on this build yet');
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(explain(error, host, port)));
    server.listen(port, host, resolve);
  });
  return new Listener(server, host, options);
}

/** A listener without a port: another process accepts connections and hands them over (`take`). */
export function portlessListener(options: Omit<ListenOptions, 'host' | 'port'> = {}): Listener {
  if (options.tls !== undefined) throw new RangeError('not on this build yet');
  return new Listener(createServer(), '', options);
}

export class Listener {
  readonly host: string;
  /** 0: none. */
  readonly port: number;
  readonly #server: Server;
  readonly #upgrader: WebSocketServer;
  readonly #options: WebSocketOptions;
  /** By address and port, the oldest first; from the first byte on, whether they become a WebSocket or not. */
  readonly #unproved: Map<string, Socket> = new Map();
  #waiting: WebSocketTransport[] = [];
  #accept: ((connection: WebSocketTransport) => void) | undefined;

  constructor(server: Server, host: string, options: WebSocketOptions) {
    this.host = host;
    this.port = (server.address() as AddressInfo | null)?.port ?? 0;
    this.#server = server;
    this.#options = options;
    this.#upgrader = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxFrameBytes ?? DEFAULT_FRAME_BYTES,
      maxFragments: MAX_FRAGMENTS,
    });
    server.headersTimeout = HEADERS_TIMEOUT_MS;
    server.removeAllListeners('error');
    server.on('connection', (socket) => this.#onConnection(socket));
    server.on('error', () => undefined); // of single connections, which end by themselves
    server.on('request', (_request, response) => {
      response
        .writeHead(426, { connection: 'close' })
        .end(`${STATUS_CODES[426]}: a party of a computation listens here\n`);
    });
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
  }

  /** Hands over every connection, those that wait first; undefined: let them wait. */
  accept(handler: ((connection: WebSocketTransport) => void) | undefined): void {
    this.#accept = handler;
    if (handler === undefined) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) handler(connection);
  }

  /** A socket that somebody else has accepted, paused, with nothing read from it. */
  take(socket: Socket): void {
    this.#server.emit('connection', socket);
    socket.resume();
  }

  /** The connection has proved who it is: it no longer counts among those that have not. */
  trust(connection: WebSocketTransport): void {
    connection.trust();
    this.#unproved.delete(connection.remote);
  }

  /** Frees the port and drops connections nobody took. Links that were opened live on. */
  async close(): Promise<void> {
    if (this.#server.listening) this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#unproved.values()) socket.destroy();
    await new Promise((resolve) => setImmediate(resolve));
  }

  #onConnection(socket: Socket): void {
    const key = remoteOf(socket);
    const [oldest] = this.#unproved;
    if (this.#unproved.size >= MAX_UNPROVED) {
      this.#unproved.delete(oldest[0]);
      oldest[1].destroy();
    }
    this.#unproved.set(key, socket);
    socket.once('close', () => {
      if (this.#unproved.get(key) === socket) this.#unproved.delete(key);
    });
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    this.#upgrader.handleUpgrade(request, socket, head, (ws) => {
      const connection = new WebSocketTransport(ws, socket as Socket, this.#options);
      void connection.closed.then(() => this.#forget(connection));
      if (this.#accept === undefined) this.#waiting.push(connection);
      else this.#accept(connection);
    });
  }

  #forget(connection: WebSocketTransport): void {
    this.#waiting = this.#waiting.filter((other) => other !== connection);
  }
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const texts: Record<string, string> = {
    EADDRINUSE: `port ${port} on ${host} is in use: stop the other program or choose another with --port`,
    EACCES: `port ${port} on ${host} is reserved: choose one of 1024 or above with --port`,
    EADDRNOTAVAIL: `${host} is not an address of this machine`,
  };
  const text = texts[error.code ?? ''] ?? `cannot listen on ${host}:${port}: ${error.message}`;
  return Object.assign(new ChannelError(text, { cause: error }), { code: error.code });
}
