/** Something that listens where a party should: a party that answers as one does, or whatever a test puts in its place. */
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTls, type TlsOptions } from 'node:tls';
import { randomBytes, X509Certificate } from 'node:crypto';
import { pinOf } from '../../src/channel/pins.ts';
import { signCard } from '../../src/federation/signed-card.ts';
import type { PartyCard, Role } from '../../src/federation/card.ts';
import { makeTlsKey, type TlsKey } from '../../src/federation/certificate.ts';
import { fingerprint, joinFederation, partyIdentity, type Federation } from '../../src/federation/federation-file.ts';
import { Identity } from '../../src/federation/identity.ts';
import { RequestChecker } from '../../src/federation/request.ts';
import { VERSION } from '../../src/data/packages.ts';
import { JOB_VERSION } from '../../src/server/job.ts';

export interface FakeParty {
  readonly role: Role;
  readonly identity: Identity;
  readonly tls: TlsKey;
  readonly pin: string;
}

export async function makeParty(role: Role, days?: number): Promise<FakeParty> {
  const now = days === undefined ? undefined : new Date(Date.now() - 86_400_000);
  const tls = await makeTlsKey({
    name: role,
    hosts: ['localhost', '127.0.0.1'],
    days: days === undefined ? 400 : days + 1,
    now,
  });
  return { role, identity: Identity.generate(), tls, pin: pinOf(new X509Certificate(tls.certificate)) };
}

/** Where each listens: address and links. */
export type Places = Readonly<Record<Role, { readonly address: string; readonly links: string }>>;

export function federate(
  parties: readonly FakeParty[],
  places: Places,
  change: (card: PartyCard) => PartyCard = (card) => card,
): Federation {
  const cards = parties.map(({ role, identity, pin }) => {
    const card: PartyCard = {
      securenn: 'party-card',
      version: 1,
      role,
      name: `Org ${role}`,
      ...places[role],
      identity: identity.public,
      tls: [pin],
      trust: 'pinned',
      protocol: 1,
      issued: '2026-01-01T00:00:00Z',
    };
    return signCard(change(card), identity);
  });
  return joinFederation(cards);
}

export interface Behaviour {
  readonly helloProtocol?: number | undefined;
  /** Its clock less the true one, in milliseconds. */
  readonly aheadMs?: number | undefined;
  readonly instance?: (() => string) | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly status?: Readonly<Record<string, unknown>> | undefined;
  /** Answers itself; true: nothing more is to be done. */
  readonly instead?: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  readonly tls?: TlsOptions | undefined;
  readonly knowsNobody?: boolean | undefined;
}

/** Closes everything that a test has opened. */
export class Opened {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  /** @returns 127.0.0.1:port */
  async listen(server: Server, port = 0): Promise<string> {
    this.#servers.push(server);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** The HTTPS end. The federation is known once all ports are. */
export function fakeService(
  { role, identity, tls }: FakeParty,
  federation: () => Federation,
  behaviour: Behaviour = {},
): HttpsServer {
  const { aheadMs = 0, helloProtocol = 1 } = behaviour;
  const life = randomBytes(16).toString('hex');
  const now = (): number => Date.now() + aheadMs;
  const checker = new RequestChecker({
    audiences: () => [identity.public],
    instance: life,
    known: (id) => (behaviour.knowsNobody === true ? undefined : partyIdentity(federation(), id, now())),
    now,
  });
  const json = (response: ServerResponse, status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json', securenn: '1', ...behaviour.headers });
    response.end(JSON.stringify(body));
  };
  return createHttps(
    { key: tls.key, cert: tls.certificate, minVersion: 'TLSv1.3', ...behaviour.tls },
    (request, response) => {
      if (behaviour.instead?.(request, response) === true) return;
      const { method = '', url = '' } = request;
      if (url === '/v1/hello') {
        return json(response, 200, { protocol: helloProtocol, instance: behaviour.instance?.() ?? life, time: now() });
      }
      const checked = checker.check({ method, path: url, authorization: request.headers.authorization });
      if ('refused' in checked) return json(response, 401, { error: 'not known', fix: 'ask' });
      if (url === '/v1/status') {
        return json(response, 200, {
          role,
          id: identity.id,
          version: VERSION,
          protocol: 1,
          jobVersion: JOB_VERSION,
          federation: fingerprint(federation()),
          certificate: { days: 400 },
          disk: { freeBytes: 5e11, totalBytes: 1e12 },
          jobs: { running: 0 },
          members: [],
          ...behaviour.status,
        });
      }
      if (url === '/v1/probe') {
        let received = 0;
        request.on('data', (part: Buffer) => (received += part.length));
        request.once('end', () => json(response, 200, { received }));
        return;
      }
      json(response, 404, { error: 'no such thing', fix: 'ask for another' });
    },
  );
}

/** The links port while no job runs: it shows its key and hangs up. */
export function fakeLinks({ tls }: FakeParty): Server {
  const options = { key: tls.key, cert: tls.certificate, requestCert: true, rejectUnauthorized: false };
  return createTls({ ...options, minVersion: 'TLSv1.3' }, (socket) => socket.on('error', () => undefined).end());
}

/** The private port: whether jobs could start. */
export function fakePrivate(reason?: string): Server {
  return createHttp((_request, response) => {
    response.writeHead(reason === undefined ? 200 : 503, { 'content-type': 'application/json' });
    response.end(JSON.stringify(reason === undefined ? { status: 'ready' } : { status: 'not ready', reason }));
  });
}
