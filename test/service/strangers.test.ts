/** Whoever is not known, or does not sign as it must, learns nothing and changes nothing, at any endpoint. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Identity } from '../../src/federation/identity.ts';
import { signCard } from '../../src/federation/signed-card.ts';
import { admit, readMembers, revoke, succeed, writeMembers } from '../../src/federation/members.ts';
import { signRequest } from '../../src/federation/request.ts';
import { sha256 } from './documents.ts';
import {
  admitAll,
  ask,
  call,
  instanceOf,
  makeFederation,
  until,
  type TestFederation,
  type TestParty,
} from './parties.ts';

const member = Identity.generate();
const gone = Identity.generate();
const stranger = Identity.generate();
const JOB = '70'.repeat(32);
const DATA = 'da'.repeat(32);

/** Every endpoint but hello. */
const ENDPOINTS: readonly (readonly [method: string, path: string])[] = [
  ['GET', '/v1/status'],
  ['POST', '/v1/data'],
  ['GET', '/v1/data'],
  ['GET', `/v1/data/${DATA}`],
  ['PUT', `/v1/data/${DATA}/images/0`],
  ['PUT', `/v1/data/${DATA}/labels/0`],
  ['POST', `/v1/data/${DATA}/complete`],
  ['POST', `/v1/data/${DATA}/receipts`],
  ['POST', '/v1/withdrawals'],
  ['POST', '/v1/grants'],
  ['GET', '/v1/grants'],
  ['POST', '/v1/jobs'],
  ['GET', '/v1/jobs'],
  ['GET', `/v1/jobs/${JOB}`],
  ['POST', `/v1/jobs/${JOB}/decisions`],
  ['POST', `/v1/jobs/${JOB}/cancel`],
  ['GET', `/v1/jobs/${JOB}/events?from=0&wait=20`],
  ['GET', `/v1/jobs/${JOB}/results`],
  ['GET', `/v1/jobs/${JOB}/results/model`],
  ['GET', '/v1/models'],
  ['GET', '/v1/sessions'],
  ['POST', `/v1/sessions/${JOB}/inputs`],
  ...['prepare', 'start', 'abort', 'outcome', 'settle', 'stop', 'state'].map(
    (order) => ['POST', `/v1/control/${order}`] as const,
  ),
  ['POST', '/v1/probe'],
  ['DELETE', '/v1/data'],
  ['OPTIONS', '/v1/jobs'],
  ['GET', '/'],
  ['GET', '/v1/../etc/passwd'],
];

let all: TestFederation;
let P0: TestParty;
let instance: string;
const begun = performance.now();
/** Of P2's clock. */
let ahead = 0;
beforeAll(async () => {
  all = await makeFederation();
  ({ P0 } = all.parties);
  const members = await admitAll(P0, [
    { name: 'member', identity: member },
    { name: 'gone', identity: gone },
  ]);
  await writeMembers(join(P0.folder, 'members.json'), revoke(members, 'gone', new Date()));
  await P0.start();
  await all.parties.P2.start(() => Date.now() + ahead);
  instance = await instanceOf(P0);
});

const BODY = new TextEncoder().encode('{}');
const own = (): Parameters<typeof signRequest>[1]['audience'] => all.federation.parties.P0.identity;

/** What somebody sends who should not be let in, made for one endpoint. */
const TRIES: Readonly<Record<string, (method: string, path: string) => string | undefined>> = {
  'without a signature': () => undefined,
  'with garbage for one': () => `SecureNN ${'\u00ff'.repeat(300)}`,
  'with another scheme': () => 'Bearer 0123456789',
  'with a header that is too long': () => `SecureNN id=${'0'.repeat(4000)}`,
  'with an identity that nobody admitted': (method, path) => signed(stranger, method, path),
  'with one that was revoked': (method, path) => signed(gone, method, path),
  'with a signature for another party': (method, path) =>
    signed(member, method, path, { audience: all.federation.parties.P1.identity }),
  'with one for another start of this party': (method, path) =>
    signed(member, method, path, { instance: 'ab'.repeat(16) }),
  'with one for another path': (method, path) => signed(member, method, `${path}x`),
  'with one for another method': (method, path) => signed(member, method === 'PUT' ? 'POST' : 'PUT', path),
  'with one of another person under a known id': (method, path) =>
    signed(stranger, method, path).replace(stranger.id, member.id),
  'with one whose time is changed': (method, path) => signed(member, method, path).replace(/time=\d/, 'time=9'),
  'with one whose body is changed': (method, path) =>
    signed(member, method, path).replace(/body=[0-9a-f]{8}/, 'body=00000000'),
};

function signed(
  identity: Identity,
  method: string,
  path: string,
  change: Partial<Parameters<typeof signRequest>[1]> = {},
): string {
  const bodyDigest = sha256(method === 'GET' ? new Uint8Array() : BODY);
  return signRequest(identity, { method, path, bodyDigest, audience: own(), instance, ...change });
}

describe('a request', () => {
  it.each(Object.keys(TRIES))('%s is refused at every endpoint, always with the same words', async (name) => {
    const answers = new Set<string>();
    for (const [method, path] of ENDPOINTS) {
      const authorization = TRIES[name](method, path);
      const { status, headers, json } = await call(P0, {
        ...{ method, path, body: method === 'GET' ? undefined : BODY },
        headers:
          authorization === undefined ? {} : { authorization: Buffer.from(authorization, 'latin1').toString('latin1') },
      });
      expect(status).toBe(401);
      expect(headers.connection).toBe('close');
      answers.add(JSON.stringify(json));
    }
    expect([...answers]).toHaveLength(1);
    const words = [...answers][0];
    for (const told of ['revoked', 'signature', 'replay', 'instance', member.id, P0.folder])
      expect(words).not.toContain(told);
    expect(P0.jobs.asked).toEqual(['begin']);
  });

  it('is taken once', async () => {
    const path = '/v1/status';
    const headers = { authorization: signed(member, 'GET', path) };
    expect((await call(P0, { path, headers })).status).toBe(200);
    expect((await call(P0, { path, headers })).status).toBe(401);
  });

  it('of another life of the party is taken by none', async () => {
    const { P1 } = all.parties;
    await admitAll(P1, [{ name: 'member', identity: member }]);
    await P1.start();
    const before = await instanceOf(P1);
    const audience = all.federation.parties.P1.identity;
    const authorization = signRequest(member, { method: 'GET', path: '/v1/status', audience, instance: before });
    await P1.stop();
    await P1.start();
    expect((await call(P1, { path: '/v1/status', headers: { authorization } })).status).toBe(401);
    expect((await ask(P1, member, { path: '/v1/status' })).status).toBe(200);
    await P1.stop();
  });

  it('whose clock is wrong is told so, and only if its signature is right', async () => {
    const path = '/v1/status';
    const late = Date.now() - 600_000;
    const known = await call(P0, { path, headers: { authorization: signed(member, 'GET', path, { time: late }) } });
    expect(known.status).toBe(401);
    // And what it took until it was read.
    expect(known.json.error).toMatch(/^your clock is 6\d\d s behind that of this party$/);
    const unknown = await call(P0, { path, headers: { authorization: signed(stranger, 'GET', path, { time: late }) } });
    expect(unknown.json.error).not.toContain('clock');
  });

  it('whose body is not the one that was signed changes nothing', async () => {
    const [path, method] = ['/v1/jobs', 'POST'];
    const headers = { authorization: signed(member, method, path, { bodyDigest: sha256(Buffer.from('[]')) }) };
    const { status, json } = await call(P0, { method, path, body: BODY, headers });
    expect([status, json.error]).toEqual([400, 'the body is not the one that was signed']);
  });

  it('of a member does nothing that is between parties', async () => {
    for (const path of ['/v1/control/prepare', '/v1/control/state', '/v1/probe']) {
      expect((await ask(P0, member, { method: 'POST', path, body: {} })).status).toBe(403);
    }
    expect(P0.jobs.asked).toEqual(['begin']);
  });

  it('of a member who is revoked meanwhile is refused soon', async () => {
    const late = Identity.generate();
    const path = join(P0.folder, 'members.json');
    const before = await readMembers(path);
    const entry = {
      name: 'late',
      identity: late.public,
      roles: ['owner'],
      admitted: new Date().toISOString(),
    } as const;
    await writeMembers(path, [...before, entry]);
    const allowed = async (): Promise<number> => (await ask(P0, late, { path: '/v1/data' })).status;
    await until(async () => (await allowed()) === 200);
    await writeMembers(path, revoke(await readMembers(path), 'late', new Date()));
    await until(async () => (await allowed()) === 401);
    expect(P0.jobs.asked.filter((each) => each === 'reconsider')).toHaveLength(2);
    // A file that cannot be used changes nothing.
    await writeMembers(path, [...before, { ...entry, name: 'A name that is none' }]);
    await until(() => Promise.resolve(P0.log.includes('members.json cannot be used')));
    expect((await ask(P0, member, { path: '/v1/data' })).status).toBe(200);
  });

  it('of a member who is revoked while the party starts is refused soon', async () => {
    const { P1 } = all.parties;
    const brief = Identity.generate();
    const members = await admitAll(P1, [{ name: 'brief', identity: brief }]);
    P1.onOpening = async () => {
      // A disk's clock may stand still for some milliseconds.
      await sleep(50);
      await writeMembers(join(P1.folder, 'members.json'), revoke(members, 'brief', new Date()));
    };
    await P1.start();
    await until(async () => (await ask(P1, brief, { path: '/v1/data' })).status === 401);
    await P1.stop();
  });

  it('of a key that another has followed is refused once it counts no more, at each party by its own clock', async () => {
    const [before, after] = [Identity.generate(), Identity.generate()];
    const { P2 } = all.parties;
    const plain = { securenn: 'member-card', version: 1, name: 'mover' } as const;
    const previous = { identity: before.public, until: new Date(Date.now() + 3_600_000).toISOString() };
    const signed = signCard({ ...plain, identity: after.public, previous }, after, before);
    const first = admit([], { ...plain, identity: before.public }, ['owner'], new Date());
    await writeMembers(join(P2.folder, 'members.json'), first);
    const at = async (identity: Identity): Promise<number> =>
      (await ask(P2, identity, { path: '/v1/data' }, { time: Date.now() + ahead })).status;
    await until(async () => (await at(before)) === 200);
    expect(await at(after)).toBe(401);
    await writeMembers(join(P2.folder, 'members.json'), succeed(first, signed, undefined, new Date()));
    await until(async () => (await at(after)) === 200);
    expect(await at(before)).toBe(200);
    ahead = 3_600_001;
    expect([await at(before), await at(after)]).toEqual([401, 200]);
    await writeMembers(
      join(P2.folder, 'members.json'),
      revoke(await readMembers(join(P2.folder, 'members.json')), before.id, new Date()),
    );
    await until(async () => (await at(after)) === 401);
  });

  it('of 64 KiB of headers, or a body without end, is cut off', async () => {
    const { port, socket } = await secure(P0);
    expect(port).toBeGreaterThan(0);
    socket.write(`GET /v1/hello HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(65_536)}\r\n\r\n`);
    expect(await everything(socket)).not.toContain('"instance"');
    const endless = await secure(P0);
    const authorization = signed(member, 'POST', '/v1/jobs');
    endless.socket.write(
      `POST /v1/jobs HTTP/1.1\r\nhost: a\r\nauthorization: ${authorization}\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    const block = `${(65_536).toString(16)}\r\n${'z'.repeat(65_536)}\r\n`;
    let ended = false;
    endless.socket.once('close', () => (ended = true));
    for (let i = 0; i < 2000 && !ended; i++) {
      endless.socket.write(block);
      await sleep(1);
    }
    expect(ended).toBe(true);
  });
});

describe('a connection', () => {
  it('that says nothing, or something that is no TLS or no HTTP, ends, and others are answered', async () => {
    const port = P0.service!.ports.api;
    const idle = connectTcp(port, '127.0.0.1');
    const garbage = connectTcp(port, '127.0.0.1');
    garbage.on('error', () => undefined).write('GET / HTTP/1.1\r\n\r\n');
    const { socket } = await secure(P0);
    socket.write('\u0000\u0001\u0002 not HTTP\r\n\r\n');
    await closed(garbage);
    await everything(socket);
    expect((await ask(P0, member, { path: '/v1/status' })).status).toBe(200);
    await until(() => Promise.resolve(P0.log.includes('a connection brought no request')));
    idle.destroy();
  });

  it('of an older TLS is refused', async () => {
    const socket = connect({
      port: P0.service!.ports.api,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
    });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toMatch(/PROTOCOL_VERSION|ECONNRESET/);
  });
});

describe('the log', () => {
  it('says why, in few lines however often somebody tries, and shows no secret', () => {
    const refusals = P0.log.split('\n').filter((line) => line.includes('refused a request'));
    expect(refusals.length).toBeGreaterThan(5);
    // In each minute.
    expect(refusals.length / Math.ceil((performance.now() - begun) / 60_000)).toBeLessThan(60);
    expect(P0.log).toContain('"reason":"revoked"');
    expect(P0.log).toContain('"reason":"replayed"');
    const { sign, seal } = member.exportSecrets();
    for (const secret of [sign, seal]) expect(P0.log).not.toContain(secret);
    expect(P0.log).not.toMatch(/signature=[A-Za-z0-9_-]{20}/);
  });

  it('of the audit holds nothing of what was refused', () => {
    const events = readFileSync(join(P0.folder, 'audit.log'), 'utf8').trimEnd().split('\n');
    expect(events.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['service started']);
  });
});

const opened: Socket[] = [];
afterAll(() => {
  for (const socket of opened) socket.destroy();
});

async function secure(party: TestParty): Promise<{ readonly socket: TLSSocket; readonly port: number }> {
  const port = party.service!.ports.api;
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('error', () => undefined);
  opened.push(socket);
  await once(socket, 'secureConnect');
  return { socket, port };
}

/** All that comes until the connection ends. */
async function everything(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (piece: Buffer) => (text += piece.toString('latin1')));
  await closed(socket);
  return text;
}

/** However it ends. */
async function closed(socket: Socket): Promise<void> {
  socket.on('error', () => undefined);
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}
