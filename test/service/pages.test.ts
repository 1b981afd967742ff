/** Pages of other origins, visitors whom nobody admitted, and plain HTTP on this machine: what they may do, and what they cannot. */
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:net';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { jobDocument, type JobDocument } from '../../src/federation/documents.ts';
import { Identity } from '../../src/federation/identity.ts';
import type { PublicIdentity } from '../../src/federation/public-identity.ts';
import { signRequest } from '../../src/federation/request.ts';
import { sealTo } from '../../src/federation/sealed.ts';
import { signDocument } from '../../src/federation/signed.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import { inputSize } from '../../src/nn/network.ts';
import { JOB_VERSION } from '../../src/server/job.ts';
import type { JobState } from '../../src/service/jobs-api.ts';
import { receive } from '../../src/service/received.ts';
import { sha256 } from './documents.ts';
import {
  admitAll,
  ask,
  call,
  instanceOf,
  makeFederation,
  until,
  viewOf,
  type Answer,
  type TestFederation,
  type TestParty,
} from './parties.ts';

const PAGE = 'https://page.example';
const OTHER = 'https://other.example';
const member = Identity.generate();
const revoked = Identity.generate();

let all: TestFederation;
let P0: TestParty;
beforeAll(async () => {
  all = await makeFederation();
  ({ P0 } = all.parties);
  await admitAll(P0, [{ name: 'member', identity: member, roles: ['client'] }]);
  configure(P0, { pages: [PAGE], local: { port: 0 }, limits: { visitorImagesPerMinute: 40 } });
  await P0.start();
});
beforeEach(() => {
  P0.jobs.known.clear();
  P0.jobs.asked.length = 0;
});

function configure({ folder }: TestParty, change: object): void {
  const path = join(folder, 'party.json');
  const text = readFileSync(path, 'utf8').replaceAll(/^\s*\/\/.*$/gm, '');
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(text) as object), ...change }));
}

/** A session at this party. @returns its name */
function serving(clients: readonly string[] | 'anyone', state: JobState = 'running'): string {
  const document = {
    ...{ securenn: 'job', federation: all.federation.id, version: JOB_VERSION, title: 'digits', network: NETWORKS.A },
    ...{ suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33, kind: 'serve' },
    ...{ expires: '2099-01-01T00:00:00.000Z', nonce: 'ab'.repeat(16), model: '11'.repeat(32) },
    ...{ clients, reveal: 'class', maxImages: 1000 },
  } as unknown as JobDocument;
  const job = receive(jobDocument, 'job', signDocument(document, member), all.federation.id);
  P0.jobs.known.set(job.digest, { job, owners: [], view: viewOf(job, state) });
  return job.digest;
}

const keyOf = ({ sign, seal }: PublicIdentity): string => sign + seal;

/** As a visitor asks: the key comes along. */
async function visit(
  by: Identity,
  { method = 'GET', path, body }: { readonly method?: string; readonly path: string; readonly body?: Uint8Array },
  change: { readonly key?: string; readonly authorization?: string; readonly nonce?: string } = {},
): Promise<Answer> {
  const audience = P0.service!.standing.identity().public;
  const instance = await instanceOf(P0);
  const bodyDigest = sha256(body ?? new Uint8Array());
  const authorization =
    change.authorization ?? signRequest(by, { method, path, bodyDigest, audience, instance, nonce: change.nonce });
  const headers = { authorization, 'securenn-identity': change.key ?? keyOf(by.public) };
  return call(P0, { method, path, body, headers });
}

async function input(job: string, images = 1, fill = 1): Promise<Uint8Array> {
  const id = Buffer.alloc(16, 7);
  const plain = Buffer.alloc(4 + 16 + 8 * images * inputSize(NETWORKS.A), fill);
  plain.writeUInt32LE(images);
  const { identity } = all.federation.parties.P0;
  return Buffer.concat([id, await sealTo(identity, `input ${job} ${id.toString('hex')}`, plain)]);
}

describe('a page', () => {
  const preflight = { origin: PAGE, 'access-control-request-method': 'POST' };

  it('of an origin that the operator named is given leave, and reads what it is answered', async () => {
    const leave = await call(P0, { method: 'OPTIONS', path: '/v1/sessions', headers: preflight });
    expect(leave.status).toBe(204);
    expect(leave.headers).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': 'GET, POST, PUT',
      'access-control-allow-headers': 'authorization, content-type, securenn-identity',
      'access-control-max-age': '7200',
      vary: 'origin',
    });
    const hello = await call(P0, { path: '/v1/hello', headers: { origin: PAGE } });
    expect([hello.status, hello.headers['access-control-allow-origin']]).toEqual([200, PAGE]);
    const refused = await call(P0, { path: '/v1/data', headers: { origin: PAGE } });
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, PAGE]);
    for (const { headers } of [leave, hello, refused])
      expect(headers['access-control-allow-credentials']).toBeUndefined();
  });

  it('of any other gets what a stranger gets, hello and leave included, even with the key of a member', async () => {
    const authorization = signRequest(member, {
      ...{ method: 'GET', path: '/v1/data', audience: P0.service!.standing.identity().public },
      instance: await instanceOf(P0),
    });
    for (const origin of [OTHER, 'null', `${PAGE}.evil.example`, PAGE.toUpperCase(), `${PAGE}/`, '*']) {
      const answers = [
        await call(P0, { path: '/v1/hello', headers: { origin } }),
        await call(P0, { path: '/v1/data', headers: { origin, authorization } }),
        await call(P0, { method: 'OPTIONS', path: '/v1/data', headers: { ...preflight, origin } }),
      ];
      for (const { status, headers, json } of answers) {
        expect([status, headers.connection, headers['access-control-allow-origin']]).toEqual([401, 'close', undefined]);
        expect(json.error).toBe('not known here, or not signed as this party takes it');
      }
    }
    expect((await call(P0, { path: '/v1/data', headers: { authorization } })).status).toBe(200);
  });

  it('may ask leave as often as a stranger may ask anything, over one connection', async () => {
    const { port } = { port: P0.service!.ports.local! };
    const socket = connect(port, '127.0.0.1');
    const one = `OPTIONS /v1/sessions HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\norigin: ${PAGE}\r\naccess-control-request-method: POST\r\n\r\n`;
    let heard = '';
    socket.setEncoding('latin1').on('data', (text: string) => (heard += text));
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const ask = setInterval(() => socket.write(one), 5);
    await closed;
    clearInterval(ask);
    expect(heard.split('HTTP/1.1 204').length - 1).toBeLessThanOrEqual(16);
  });
});

describe('a visitor', () => {
  it('sees sessions that answer anyone, and is answered there alone', async () => {
    const [visitor, sessions] = [Identity.generate(), '/v1/sessions'];
    expect((await visit(visitor, { path: sessions })).status).toBe(401);
    const named = serving([member.id]);
    expect((await visit(visitor, { path: sessions })).status).toBe(401);
    const open = serving('anyone');
    expect(open).not.toBe(named);
    await until(async () => (await visit(visitor, { path: sessions })).status === 200);
    const { json } = await visit(visitor, { path: sessions });
    expect(json).toEqual({ sessions: [{ signed: P0.jobs.find(open)!.view.signed }] });
    const path = `/v1/sessions/${open}/inputs`;
    expect((await visit(visitor, { method: 'POST', path, body: await input(open) })).status).toBe(200);
    const closed = `/v1/sessions/${named}/inputs`;
    expect((await visit(visitor, { method: 'POST', path: closed, body: await input(named) })).status).toBe(404);
    expect(P0.jobs.asked).toHaveLength(1);
  });

  it('is met at the endpoint of inputs as everywhere: by origin, signature and once', async () => {
    const job = serving('anyone');
    const path = `/v1/sessions/${job}/inputs`;
    const visitor = Identity.generate();
    await until(async () => (await visit(visitor, { path: '/v1/sessions' })).status === 200);
    const body = await input(job);
    const instance = await instanceOf(P0);
    const audience = P0.service!.standing.identity().public;
    const signed = (): Record<string, string> => {
      const request = { method: 'POST', path, bodyDigest: sha256(body), audience, instance };
      return { authorization: signRequest(visitor, request), 'securenn-identity': keyOf(visitor.public) };
    };
    const post = (headers: Record<string, string>, sent = body, to = path): Promise<Answer> =>
      call(P0, { method: 'POST', path: to, body: sent, headers });
    for (const headers of [{}, { ...signed(), origin: OTHER }, { ...signed(), authorization: 'SecureNN id=' }]) {
      const { status, headers: answered, json } = await post(headers);
      expect([status, answered.connection]).toEqual([401, 'close']);
      expect(json.error).toBe('not known here, or not signed as this party takes it');
    }
    // Signed for another body, and for another session.
    expect((await post(signed(), await input(job))).status).toBe(400);
    expect((await post(signed(), body, path.replace(job, '00'.repeat(32)))).status).toBe(401);
    const once = signed();
    const { status, headers } = await post({ ...once, origin: PAGE });
    expect([status, headers['access-control-allow-origin']]).toEqual([200, PAGE]);
    expect(headers).toMatchObject({ securenn: '1', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    expect((await post(once)).status).toBe(401);
    expect(P0.jobs.asked).toHaveLength(1);
  });

  it('is not answered what is masked with zeros', async () => {
    const job = serving('anyone');
    const path = `/v1/sessions/${job}/inputs`;
    await until(async () => (await visit(Identity.generate(), { path: '/v1/sessions' })).status === 200);
    const body = await input(job, 1, 0);
    const { status, json } = await visit(Identity.generate(), { method: 'POST', path, body });
    expect([status, json.error]).toEqual([400, 'a mask, or what is masked, is all zeros']);
    expect(P0.jobs.asked).toEqual([]);
  });

  it('reaches nothing else, whatever comes with the request', async () => {
    serving('anyone');
    const visitor = Identity.generate();
    await until(async () => (await visit(visitor, { path: '/v1/sessions' })).status === 200);
    for (const path of ['/v1/status', '/v1/data', '/v1/jobs', '/v1/models', '/v1/grants', '/v1/sessions/'])
      expect((await visit(visitor, { path })).status).toBe(401);
    for (const path of ['/v1/jobs', '/v1/data', '/v1/control/prepare'])
      expect((await visit(visitor, { method: 'POST', path, body: new Uint8Array([1]) })).status).toBe(401);
  });

  it('signs with the key that comes along, once, for this party', async () => {
    serving('anyone');
    const [visitor, other] = [Identity.generate(), Identity.generate()];
    const path = '/v1/sessions';
    await until(async () => (await visit(visitor, { path })).status === 200);
    for (const key of [keyOf(other.public), keyOf(visitor.public).slice(1), '', 'zz'.repeat(64)])
      expect((await visit(visitor, { path }, { key })).status).toBe(401);
    const nonce = 'cd'.repeat(16);
    expect((await visit(visitor, { path }, { nonce })).status).toBe(200);
    expect((await visit(visitor, { path }, { nonce })).status).toBe(401);
    const audience = all.federation.parties.P1.identity;
    const elsewhere = signRequest(visitor, { method: 'GET', path, audience, instance: await instanceOf(P0) });
    expect((await visit(visitor, { path }, { authorization: elsewhere })).status).toBe(401);
    const revokedKey = await visit(revoked, { path });
    expect(revokedKey.status).toBe(200); // Nobody has revoked it: it is anybody's.
  });

  it('sends no more images than its address may in a minute, however many keys it makes', async () => {
    const job = serving('anyone');
    const path = `/v1/sessions/${job}/inputs`;
    await until(async () => (await visit(Identity.generate(), { path: '/v1/sessions' })).status === 200);
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) {
      const { status } = await visit(Identity.generate(), { method: 'POST', path, body: await input(job, 15) });
      statuses.push(status);
    }
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(2);
    expect(statuses.slice(-3)).toEqual([429, 429, 429]);
    const many = await visit(Identity.generate(), { method: 'POST', path, body: await input(job, 17) });
    expect(many.status).toBe(413);
    expect(P0.jobs.asked.length).toBe(statuses.filter((status) => status === 200).length);
  });

  it('is refused while too many are checked, and a member is not', async () => {
    const { P1 } = all.parties;
    P1.door = { ...P1.door, visitsOfOneAddress: { perSecond: 0.001, burst: 2 } };
    await admitAll(P1, [{ name: 'member', identity: member, roles: ['client'] }]);
    await P1.start();
    const job = receive(jobDocument, 'job', P0.jobs.find(serving('anyone'))!.view.signed, all.federation.id);
    P1.jobs.known.set(job.digest, { job, owners: [], view: viewOf(job, 'running') });
    const visitP1 = async (by: Identity): Promise<number> => {
      const instance = await instanceOf(P1);
      const audience = P1.service!.standing.identity().public;
      const authorization = signRequest(by, { method: 'GET', path: '/v1/sessions', audience, instance });
      const headers = { authorization, 'securenn-identity': keyOf(by.public) };
      return (await call(P1, { path: '/v1/sessions', headers })).status;
    };
    const found = [];
    for (let i = 0; i < 4; i++) found.push(await visitP1(Identity.generate()));
    expect(found).toEqual([200, 200, 429, 429]);
    expect(await visitP1(member)).toBe(200);
    await P1.stop();
  });
});

describe('plain HTTP', () => {
  async function plain(host: string, headers: Record<string, string> = {}): Promise<number | 'closed'> {
    const port = P0.service!.ports.local!;
    const request = httpRequest({ host, port, path: '/v1/hello', headers, agent: false });
    request.end();
    try {
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.resume();
      return response.statusCode!;
    } catch {
      return 'closed';
    }
  }

  it('is spoken on 127.0.0.1 alone, and only where it is called by that name', async () => {
    const port = P0.service!.ports.local!;
    expect(await plain('127.0.0.1')).toBe(200);
    expect(await plain('127.0.0.1', { host: `localhost:${port}` })).toBe(200);
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${port + 1}`])
      expect(await plain('127.0.0.1', { host })).toBe('closed');
    const elsewhere = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    for (const { address, internal, family } of elsewhere)
      if (!internal && family === 'IPv4') expect(await plain(address)).toBe('closed');
  });

  it('asks for signatures as HTTPS does', async () => {
    const port = P0.service!.ports.local!;
    const path = '/v1/data';
    const audience = P0.service!.standing.identity().public;
    const authorization = signRequest(member, { method: 'GET', path, audience, instance: await instanceOf(P0) });
    const get = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).status;
    expect(await get({})).toBe(401);
    expect(await get({ authorization })).toBe(200);
    // What was heard on one port is taken on neither.
    expect(await get({ authorization })).toBe(401);
    expect((await call(P0, { path, headers: { authorization } })).status).toBe(401);
    expect((await ask(P0, member, { path })).status).toBe(200);
  });
});
