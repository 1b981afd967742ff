/**
 * Requests to parties from Node: HTTPS, TLS 1.3, and no byte of ours on a connection before the party has proved the key that the federation
 * file names for it (or, where its card says so, has shown a certificate of a public or of its own authority).
 */
import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { pinOf } from '../../channel/pins.ts';
import { Problem } from '../../data/problem.ts';
import { splitAddress } from '../../federation/address.ts';
import type { PartyCard } from '../../federation/card.ts';
import type { Federation } from '../../federation/federation-file.ts';
import { PARTIES, type PartyName } from '../parties.ts';
import { type Reply, type Request, retryAfter, type Transport, Unreachable } from './transport.ts';

/** Of one connection; a host that is up answers in a fraction. */
const CONNECT_MS = 10_000;
/** AES first, whose instructions most processors have: a third of the cost. */
const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';
/** Connections to one party. */
const MOST_SOCKETS = 8;

export interface HttpsTransport {
  readonly send: Transport;
  /** Lets go of all connections, and makes none any more: what is under way fails. */
  close(): void;
}

/** @param onNote told, once, of what the party's operator should know */
export function httpsTransport(federation: Federation, onNote: (text: string) => void): HttpsTransport {
  const agents = PARTIES.map((party) => [party, new PinningAgent(party, federation.parties[party], onNote)] as const);
  const byParty = Object.fromEntries(agents) as Record<PartyName, PinningAgent>;
  return {
    send: (party, request) => send(byParty[party], request),
    close: () => {
      for (const [, agent] of agents) agent.destroy();
    },
  };
}

class PinningAgent extends Agent {
  readonly party: PartyName;
  readonly card: PartyCard;
  readonly #onNote: (text: string) => void;
  #noted = false;
  #ended = false;

  constructor(party: PartyName, card: PartyCard, onNote: (text: string) => void) {
    super({ keepAlive: true, maxSockets: MOST_SOCKETS });
    this.party = party;
    this.card = card;
    this.#onNote = onNote;
  }

  /** For good: requests that waited for a connection get none. */
  override destroy(): void {
    this.#ended = true;
    super.destroy();
  }

  /** The socket is handed over once its other end is known. */
  override createConnection(
    _options: object,
    made?: (error: Error | null, socket: Duplex) => void,
  ): Duplex | null | undefined {
    const { trust, address } = this.card;
    const { host, port } = splitAddress(address);
    const checked: ConnectionOptions =
      trust === 'pinned' ? { rejectUnauthorized: false } : trust === 'public' ? {} : { ca: trust.ca };
    const socket = connect({
      ...{ host, port, minVersion: 'TLSv1.3', ciphers: CIPHERS, ALPNProtocols: ['http/1.1'] },
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...checked,
    });
    const timer = setTimeout(() => fail(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })), CONNECT_MS);
    const settle = (error: Error | null): void => {
      clearTimeout(timer);
      socket.off('error', fail);
      if (error !== null) {
        socket.on('error', () => undefined);
        socket.destroy();
      }
      made?.(error, socket);
    };
    const fail = (error: Error): void => settle(error);
    socket.once('error', fail);
    const found = (): Error | null => {
      if (this.#ended) return new Error('closed');
      return trust === 'pinned' ? this.#wrongKey(socket) : null;
    };
    socket.once('secureConnect', () => settle(found()));
    socket.setNoDelay(true);
    return undefined;
  }

  #wrongKey(socket: TLSSocket): Error | null {
    const certificate = socket.getPeerX509Certificate();
    const pin = certificate === undefined ? '' : pinOf(certificate);
    if (!this.card.tls.includes(pin)) {
      return new Problem(
        `${this.party} (${this.card.address}) shows another TLS key than the federation file names`,
        'if it has changed its key, take the new federation file from it; otherwise somebody stands in between: ask its operator to run securenn party check',
      );
    }
    const until = new Date(certificate!.validTo);
    if (until.getTime() < Date.now() && !this.#noted) {
      this.#noted = true;
      this.#onNote(`${this.party}'s certificate ran out on ${until.toISOString().slice(0, 10)}: tell its operator`);
    }
    return null;
  }
}

function send(agent: PinningAgent, request: Request): Promise<Reply> {
  const { host, port } = splitAddress(agent.card.address);
  const { method, path, headers, body, idleMs, maxBytes, signal } = request;
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const options = { agent, host, port, method, path, headers: { ...headers, ...length }, signal };
    const call = httpsRequest(options, (answer) => {
      collect(answer, maxBytes).then(
        (bytes) => resolve(replyOf(answer, bytes)),
        (error: unknown) => reject(explained(agent, error)),
      );
    });
    call.setTimeout(idleMs, () => call.destroy(Object.assign(new Error('silent'), { code: 'ESILENT' })));
    // An abort is the caller's own.
    call.on('error', (error) => {
      const seen = signal?.aborted === true ? (signal.reason as Error) : explained(agent, error);
      if (seen instanceof Unreachable) seen.stale = call.reusedSocket;
      reject(seen);
    });
    call.end(body);
  });
}

/** By events: an iterator makes a dozen promises of an answer that is here already. */
function collect(answer: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    answer.on('data', (part: Buffer) => {
      length += part.length;
      parts.push(part);
      if (length <= maxBytes) return;
      reject(
        new Problem(
          `its answer is longer than the ${maxBytes} bytes expected`,
          'ask its operator which version it runs',
        ),
      );
      answer.destroy();
    });
    const cutOff = (): void => reject(Object.assign(new Error('cut off'), { code: 'ECONNRESET' }));
    answer.once('error', reject).once('close', cutOff);
    answer.once('end', () => {
      if (!answer.complete) cutOff();
      else resolve(parts.length === 1 ? parts[0] : Buffer.concat(parts, length));
    });
  });
}

function replyOf(answer: IncomingMessage, body: Uint8Array): Reply {
  return { status: answer.statusCode ?? 0, body, retryAfterMs: retryAfter(answer.headers['retry-after']) };
}

const REASONS: Readonly<Record<string, readonly [reason: string, fix: string]>> = {
  ECONNREFUSED: [
    'nothing listens there',
    'see that the party runs (securenn party serve) and that the address is right',
  ],
  ENOTFOUND: [
    'no host of that name',
    'see that the address in the federation file is right and names are resolved here',
  ],
  EAI_AGAIN: ['names cannot be resolved at the moment', 'see to the network of this machine, then run it again'],
  ETIMEDOUT: ['no answer', 'see that the host is up and that no firewall stands between'],
  ESILENT: ['it has fallen silent', 'run it again; if it stays so, ask its operator'],
  EHOSTUNREACH: ['no way to that host', 'see to the network, and that the address is right'],
  ENETUNREACH: ['no way to that network', 'see to the network of this machine'],
  ECONNRESET: ['it closed the connection', 'run it again; if it stays so, ask its operator'],
  EPIPE: ['it closed the connection', 'run it again; if it stays so, ask its operator'],
  CERT_HAS_EXPIRED: ['its certificate has run out', 'ask its operator for a new one'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['its certificate is for another name', 'ask its operator; the card names the host'],
  ERR_SSL_WRONG_VERSION_NUMBER: ['what answers there speaks no TLS', 'see that the address and port are right'],
};

/** Faults of a certificate or a protocol that waiting does not mend are Problems; the rest may pass. */
function explained(agent: PinningAgent, error: unknown): Error {
  if (error instanceof Problem && !(error instanceof Unreachable)) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const [reason, fix] = REASONS[code] ?? [message || code, 'securenn party check says more'];
  return new Unreachable(agent.party, agent.card.address, reason, fix, { cause: error });
}
