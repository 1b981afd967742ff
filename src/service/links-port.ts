/**
 * The port of the links. Who dials names its session in the first message of TLS; a connection of a session that waits for a peer goes to that
 * session's process, with what was read of it. Whoever names none, or none that waits, is answered with this party's certificate, for
 * `party check`, and closed: strangers never reach a job.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';
import { MAX_HELLO_BYTES, sessionIn } from '../channel/client-hello.ts';
import type { TlsKey } from '../federation/certificate.ts';
import { Door, keyOf, type TurnedAway } from './http/door.ts';
import { listening } from './http/listening.ts';

export interface LinksPortOptions {
  readonly host: string;
  readonly port: number;
  /** What strangers are shown; absent: nothing, they are cut off. */
  readonly tls?: TlsKey | undefined;
  /** Whether a session took it. */
  readonly take: (socket: Socket, session: string, head: Uint8Array) => boolean;
  readonly onTurnedAway: (why: TurnedAway, address: string) => void;
  readonly onTaken: (to: 'job' | 'nobody') => void;
}

/** How long a connection may take to say for whom it is, and to learn that it is for nobody. */
const STRANGER_MS = 5_000;
const LIMITS = {
  proved: 0,
  strangers: 64,
  strangersOfOneAddress: 32,
  strangerMs: STRANGER_MS,
  strangerRequests: 0,
  rate: { perSecond: 20, burst: 60 },
  rateOfOneAddress: { perSecond: 20, burst: 60 },
  // Nobody visits: links are between parties.
  visitors: 0,
  visitorsOfOneAddress: 0,
  visitorMs: STRANGER_MS,
  visits: { perSecond: 0, burst: 0 },
  visitsOfOneAddress: { perSecond: 0, burst: 0 },
} as const;

export class LinksPort {
  readonly port: number;
  readonly #server: Server;
  readonly #door: Door;
  #context: SecureContext | undefined;

  private constructor(server: Server, door: Door, context: SecureContext | undefined) {
    [this.#server, this.#door, this.#context] = [server, door, context];
    this.port = (server.address() as AddressInfo).port;
  }

  /** Resolves when listening; rejects with a Problem. */
  static async open(options: LinksPortOptions): Promise<LinksPort> {
    const { host, port, tls, onTurnedAway } = options;
    const door = new Door(LIMITS, onTurnedAway);
    const server = createServer({ noDelay: true });
    await listening(server, host, port, 'links');
    const links = new LinksPort(server, door, tls && contextOf(tls));
    server.on('connection', (socket) => {
      if (door.admit(socket)) links.#read(socket, options);
    });
    return links;
  }

  setTls(tls: TlsKey): void {
    this.#context = contextOf(tls);
  }

  close(): void {
    this.#server.close();
    this.#door.close();
  }

  /** Until it has said for which session it is. */
  #read(socket: Socket, options: LinksPortOptions): void {
    let head: Buffer = Buffer.alloc(0);
    const onReadable = (): void => {
      for (let piece = read(socket); piece !== null; piece = read(socket)) {
        head = Buffer.concat([head, piece]);
        if (head.length > MAX_HELLO_BYTES) break;
      }
      const found = sessionIn(head);
      if (found === 'more') return;
      socket.off('readable', onReadable);
      const session = found?.session;
      const key = keyOf(socket);
      if (session !== undefined && options.take(socket, session, head)) {
        this.#door.release(socket, key);
        options.onTaken('job');
        return;
      }
      options.onTaken('nobody');
      this.#show(socket, head);
    };
    socket.on('readable', onReadable);
  }

  /** A handshake, so that the other end sees the certificate; no more. */
  #show(socket: Socket, head: Buffer): void {
    const secureContext = this.#context;
    if (secureContext === undefined) return void socket.destroy();
    socket.unshift(head);
    const secured = new TLSSocket(socket, {
      isServer: true,
      secureContext,
      requestCert: true,
      rejectUnauthorized: false,
    });
    secured.on('error', () => socket.destroy());
    secured.once('secure', () => secured.end());
  }
}

function read(socket: Socket): Buffer | null {
  return socket.read() as Buffer | null;
}

function contextOf({ key, certificate: cert }: TlsKey): SecureContext {
  return createSecureContext({ key, cert, minVersion: 'TLSv1.3' });
}
