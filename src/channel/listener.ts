/** Accepts WebSocket connections on a port. Open it first and dial later: with port 0 the port is known only then. */
import { randomInt } from 'node:crypto';
import {
  createServer as createHttpServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server as HttpServer,
} from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { ChannelError } from './channel.ts';
import { DEFAULT_FRAME_BYTES } from './frame.ts';
import type { LinkTls } from './pins.ts';
import { remoteOf, TlsDoor, type Secured } from './tls.ts';
import { MAX_FRAGMENTS, WebSocketTransport, type WebSocketOptions } from './websocket.ts';

export interface ListenOptions extends WebSocketOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** TLS 1.3: whoever connects must have the key of a pin. */
  readonly tls?: LinkTls | undefined;
}

/**
 * Connections that have not yet proved who they are. At one more, one of the older half is dropped, whichever chance takes: whoever
 * shakes hands while fewer than half as many come is safe, and in a flood no true peer, which dials again, is kept out for certain.
 */
const MAX_UNPROVED = 128;
/** How long a connection may take to become a WebSocket, TLS included. */
const UPGRADE_MS = 10_000;

/** Resolves when listening. Rejects with a ChannelError that has the system's `code`. */
export async function openListener(options: ListenOptions): Promise<Listener> {
  const { host, port } = options;
  const server = createTcpServer({ noDelay: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(explain(error, host, port)));
    server.listen(port, host, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', () => undefined); // of single connections, which end by themselves
  const listener = new Listener(options, server);
  server.on('connection', (socket) => listener.take(socket));
  return listener;
}

/** A listener without a port: another process accepts connections and hands them over (`take`). */
export function portlessListener(options: Omit<ListenOptions, 'host' | 'port'> = {}): Listener {
  return new Listener({ ...options, host: '', port: 0 });
}

interface Unproved {
  readonly socket: Socket;
  /** Ends what has become no WebSocket in time. */
  readonly deadline: NodeJS.Timeout;
}

export class Listener {
  readonly host: string;
  /** 0: none. */
  readonly port: number;
  readonly #server: TcpServer | undefined;
  readonly #options: WebSocketOptions;
  readonly #door: TlsDoor | undefined;
  /** Speaks HTTP over sockets that it is given; has no port of its own. */
  readonly #http: HttpServer = createHttpServer();
  readonly #upgrader: WebSocketServer;
  /** By address and port, the oldest first; from the first byte on, whether they become a WebSocket or not. */
  readonly #unproved: Map<string, Unproved> = new Map();
  readonly #secured: WeakMap<Duplex, Secured> = new WeakMap();
  #waiting: WebSocketTransport[] = [];
  #accept: ((connection: WebSocketTransport) => void) | undefined;
  #onRefused: ((reason: string) => void) | undefined;
  #closed = false;

  /** @param server the port, where there is one; closed with the listener */
  constructor(options: ListenOptions, server?: TcpServer) {
    this.host = options.host;
    this.port = server === undefined ? 0 : (server.address() as AddressInfo).port;
    this.#server = server;
    this.#options = options;
    this.#upgrader = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxFrameBytes ?? DEFAULT_FRAME_BYTES,
      maxFragments: MAX_FRAGMENTS,
      autoPong: false,
    });
    if (options.tls !== undefined) this.#door = this.#openDoor(options.tls);
    this.#http.on('request', (_request, response) => {
      response
        .writeHead(426, { connection: 'close' })
        .end(`${STATUS_CODES[426]}: a party of a computation listens here\n`);
    });
    this.#http.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
  }

  /** A socket that has been accepted, here or in another process, and from which nothing has been read. */
  take(socket: Socket): void {
    if (this.#closed) return void socket.destroy();
    const key = remoteOf(socket);
    if (this.#unproved.size >= MAX_UNPROVED) this.#dropOne();
    const deadline = setTimeout(() => socket.destroy(), UPGRADE_MS).unref();
    this.#unproved.set(key, { socket, deadline });
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      if (this.#unproved.get(key)?.socket === socket) this.#forgetUnproved(key);
    });
    socket.setNoDelay(true);
    if (this.#door === undefined) this.#http.emit('connection', socket);
    else this.#door.take(socket);
  }

  /**
   * Hands over every connection, those that wait first; undefined: let them wait.
   * @param onRefused told who was turned away before there was a connection, and why
   */
  accept(handler: ((connection: WebSocketTransport) => void) | undefined, onRefused?: (reason: string) => void): void {
    this.#accept = handler;
    this.#onRefused = onRefused;
    if (handler === undefined) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) handler(connection);
  }

  /** The connection has proved who it is: it no longer counts among those that have not. */
  trust(connection: WebSocketTransport): void {
    connection.trust();
    this.#forgetUnproved(connection.remote);
  }

  /** Frees the port and drops connections nobody took. Links that were opened live on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#server?.close();
    for (const { socket } of this.#unproved.values()) socket.destroy();
    await new Promise((resolve) => setImmediate(resolve));
  }

  #openDoor(tls: LinkTls): TlsDoor {
    const secured = (socket: TLSSocket, shown: Secured): void => {
      this.#secured.set(socket, shown);
      this.#http.emit('connection', socket);
    };
    return new TlsDoor(tls, secured, (remote, reason) => this.#onRefused?.(`${remote}: ${reason}`));
  }

  #dropOne(): void {
    const key = [...this.#unproved.keys()][randomInt(MAX_UNPROVED / 2)];
    this.#unproved.get(key)?.socket.destroy();
    this.#forgetUnproved(key);
  }

  #forgetUnproved(key: string): void {
    clearTimeout(this.#unproved.get(key)?.deadline);
    this.#unproved.delete(key);
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    this.#upgrader.handleUpgrade(request, socket, head, (ws) => {
      const connection = new WebSocketTransport(ws, socket as Socket, this.#options, this.#secured.get(socket));
      clearTimeout(this.#unproved.get(connection.remote)?.deadline);
      void connection.closed.then(() => (this.#waiting = this.#waiting.filter((other) => other !== connection)));
      if (this.#accept === undefined) this.#waiting.push(connection);
      else this.#accept(connection);
    });
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
