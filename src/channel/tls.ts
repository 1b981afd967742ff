/**
 * TLS 1.3 on the links of parties, both ends with pinned keys. A connection goes on only once the other end has proved that it has the key
 * of a pin (TLS: its certificate, and a signature with its key over everything said so far); until then it gets from this end what
 * everybody may know, a certificate, and this end takes nothing from it.
 *
 * - There is no resumption of TLS sessions and no 0-RTT: every connection proves keys anew and has new secrets of its own.
 * - A certificate is only the wrapping of its key: names, issuers and dates are not looked at, pins are (`pins.ts`).
 * - What both ends know of this one connection, and nobody in between (RFC 9266), goes into the proofs of the handshake inside
 *   (`handshake.ts`). So whoever has stolen a TLS key and sits in the middle still lacks an identity key.
 */
import { constants } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect, createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import { ChannelError, type PeerName } from './channel.ts';
import { protocolOf } from './client-hello.ts';
import { pinOf, type LinkTls } from './pins.ts';

/** What TLS has shown of the other end. */
export interface Secured {
  /** Whose key it has proved to have. */
  readonly peers: readonly PeerName[];
  /** 32 bytes that the two ends of this connection share with nobody. */
  readonly binding: Uint8Array;
}

/** The other end has another key, or none. */
export class PinError extends ChannelError {}

/** AES first: it costs a third of ChaCha20 where processors have instructions for it, which the other serves where they have none. */
const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';
/** How long the other end may take to shake hands. */
const TLS_MS = 5_000;
const BINDING_LABEL = 'EXPORTER-Channel-Binding';
const BINDING_BYTES = 32;

/** Of both ends. */
function settings({ key, certificate }: LinkTls): SecureContextOptions & { rejectUnauthorized: false } {
  return {
    key,
    cert: certificate,
    ciphers: CIPHERS,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
    // Node's own check is of issuers and names; `securedBy` has ours, before anything else happens on the connection.
    rejectUnauthorized: false,
  };
}

/**
 * Whose key the other end has, among these pins. Called when the handshake is done, before anything is sent or read.
 * Throws a PinError.
 */
function securedBy(socket: TLSSocket, pins: LinkTls['pins'], peers: readonly PeerName[]): Secured {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw new PinError('no certificate');
  const pin = pinOf(certificate);
  const pinned = peers.filter((peer) => pins[peer]?.includes(pin));
  if (pinned.length === 0) {
    const expected = peers.flatMap((peer) => (pins[peer] ?? []).map((known) => `${peer} ${known.slice(0, 16)}…`));
    throw new PinError(`a key with pin ${pin.slice(0, 16)}…, expected ${expected.join(' or ') || 'nobody'}`);
  }
  return { peers: pinned, binding: socket.exportKeyingMaterial(BINDING_BYTES, BINDING_LABEL, Buffer.alloc(0)) };
}

export interface Dialled {
  readonly socket: TLSSocket;
  readonly secured: Secured;
}

/** Connects to `peer`. Rejects with a PinError when somebody else answers. @param session named before anything is proved: `client-hello.ts` */
export function connectTls(
  { host, port }: { readonly host: string; readonly port: number },
  tls: LinkTls,
  peer: PeerName,
  {
    timeoutMs,
    signal,
    session,
  }: {
    readonly timeoutMs: number;
    readonly signal?: AbortSignal | undefined;
    readonly session?: string | undefined;
  },
): Promise<Dialled> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const line = connectTcp({ host, port, noDelay: true });
    const socket = connect({
      ...settings(tls),
      socket: line,
      ...(isAddress(host) ? {} : { servername: host }),
      ...(session === undefined ? {} : { ALPNProtocols: [protocolOf(session)] }),
    });
    const end = (act: () => void): void => {
      clearTimeout(late);
      signal?.removeEventListener('abort', stop);
      socket.off('error', fail).off('close', hungUp);
      act();
    };
    const fail = (error: unknown): void => {
      end(() => {
        socket.on('error', () => undefined).destroy();
        line.destroy();
        reject(error instanceof Error ? error : new ChannelError(String(error)));
      });
    };
    const stop = (): void => fail(signal?.reason);
    const hungUp = (): void => fail(new ChannelError('the connection was closed before a key was shown'));
    const late = setTimeout(() => fail(new ChannelError('no answer to TLS')), Math.min(timeoutMs, TLS_MS));
    signal?.addEventListener('abort', stop);
    line.once('error', fail);
    socket.once('error', fail).once('close', hungUp);
    socket.once('secureConnect', () => {
      try {
        const secured = securedBy(socket, tls.pins, [peer]);
        end(() => resolve({ socket, secured }));
      } catch (error) {
        fail(error);
      }
    });
  });
}

/** The accepting end. Takes sockets from anywhere; has no port. */
export class TlsDoor {
  readonly #server: Server;
  readonly #tls: LinkTls;
  readonly #onSecured: (socket: TLSSocket, secured: Secured) => void;

  /** @param onRefused told why somebody was turned away: for a log, nobody at the other end learns it */
  constructor(
    tls: LinkTls,
    onSecured: (socket: TLSSocket, secured: Secured) => void,
    onRefused: (remote: string, reason: string) => void,
  ) {
    this.#tls = tls;
    this.#onSecured = onSecured;
    this.#server = createServer({ ...settings(tls), requestCert: true, handshakeTimeout: TLS_MS });
    this.#server.on('secureConnection', (socket) => {
      socket.on('error', () => socket.destroy());
      const remote = remoteOf(socket);
      try {
        const secured = securedBy(socket, this.#tls.pins, Object.keys(this.#tls.pins) as PeerName[]);
        this.#onSecured(socket, secured);
      } catch (error) {
        socket.destroy();
        onRefused(remote, `a stranger showed ${error instanceof PinError ? error.message : 'a key nobody can read'}`);
      }
    });
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  take(socket: Socket): void {
    this.#server.emit('connection', socket);
  }
}

/** Address and port of the other end: of the connections that a port has at one moment, it names one. */
export function remoteOf(socket: Socket): string {
  return `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
}

function isAddress(host: string): boolean {
  return /^[\d.]+$|:/.test(host);
}
