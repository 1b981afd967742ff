/** A party from start to end: its ports, what it says of itself, what keeps it from starting, what changes while it runs. */
import { once } from 'node:events';
import { chmodSync, copyFileSync, cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { pinOf } from '../../src/channel/pins.ts';
import { protocolOf } from '../../src/channel/client-hello.ts';
import { Problem } from '../../src/data/problem.ts';
import { renewCertificate } from '../../src/federation/certificate.ts';
import { formatFederation, updateFederation } from '../../src/federation/federation-file.ts';
import { Identity } from '../../src/federation/identity.ts';
import { readSecret } from '../../src/federation/secret-file.ts';
import { openPartyFolder, readOwnCard } from '../../src/service/party-folder.ts';
import { rotateKeys } from '../../src/service/rotation.ts';
import { admitAll, ask, call, makeFederation, TestParty, type TestFederation } from './parties.ts';

const member = Identity.generate();
let all: TestFederation;
let P0: TestParty;

beforeAll(async () => {
  all = await makeFederation();
  ({ P0 } = all.parties);
  await admitAll(P0, [{ name: 'member', identity: member }]);
  await P0.start();
});

async function own(path: string, init?: RequestInit): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(`http://127.0.0.1:${P0.service!.ports.private}${path}`, init);
  return { status: answer.status, text: await answer.text() };
}

describe('the private port', () => {
  it('says that the party lives and is ready', async () => {
    expect(await own('/health')).toEqual({ status: 200, text: '{"status":"ok"}\n' });
    expect(await own('/ready?a=b')).toEqual({ status: 200, text: '{"status":"ready"}\n' });
    expect((await own('/health', { method: 'HEAD' })).status).toBe(200);
    expect((await own('/health', { method: 'POST' })).status).toBe(405);
    expect((await own('/constructor')).status).toBe(404);
  });

  it('has figures that follow what happens', async () => {
    const figure = async (name: string): Promise<number | undefined> => {
      const line = (await own('/metrics')).text.split('\n').find((each) => each.startsWith(name));
      return line === undefined ? undefined : Number(line.split(' ').at(-1));
    };
    const refused = 'securenn_requests_refused_total{reason="no signature",party="P0"}';
    const before = (await figure(refused)) ?? 0;
    await call(P0, { path: '/v1/status' });
    await call(P0, { path: '/v1/status' });
    expect(await figure(refused)).toBe(before + 2);
    expect(await figure('securenn_certificate_days_left')).toBe(729);
    expect(await figure('securenn_jobs{state="running"')).toBe(0);
    expect(await figure('securenn_data_sets{state="ready"')).toBe(0);
    expect(await figure('securenn_disk_free_bytes')).toBeGreaterThan(0);
    expect(await figure('securenn_service_info')).toBe(1);
    const { text } = await own('/metrics');
    expect(text).not.toContain(member.id);
    expect(text).not.toContain('member"');
  });

  it('changes what is logged', async () => {
    expect(await own('/log-level')).toEqual({ status: 200, text: '{"level":"debug"}\n' });
    expect(await own('/log-level', { method: 'PUT', body: 'error' })).toEqual({
      status: 200,
      text: '{"level":"error"}\n',
    });
    const lines = P0.lines.length;
    await call(P0, { path: '/v1/status' });
    expect(P0.lines).toHaveLength(lines);
    for (const body of ['loud', '', 'x'.repeat(100_000)]) {
      expect((await own('/log-level', { method: 'PUT', body })).status).toBe(400);
    }
    expect((await own('/log-level', { method: 'PUT', body: '"info"' })).status).toBe(200);
  });
});

function secure(port: number, session?: string): TLSSocket {
  const ALPNProtocols = session === undefined ? [] : [protocolOf(session)];
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols });
  socket.on('error', () => undefined);
  return socket;
}

function closed(socket: { closed: boolean; once(event: 'close', listener: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : void socket.once('close', resolve)));
}

describe('the links port', () => {
  it('shows the certificate of the federation file to whoever asks while no job waits, and closes', async () => {
    for (const session of [undefined, 'ab'.repeat(16)]) {
      const socket = secure(P0.service!.ports.links, session);
      await once(socket, 'secureConnect');
      const { raw } = socket.getPeerCertificate();
      expect(pinOf(new X509Certificate(raw))).toBe(all.federation.parties.P0.tls[0]);
      expect(socket.getProtocol()).toBe('TLSv1.3');
      await closed(socket);
    }
    expect(P0.jobs.taken).toEqual([]);
  });

  it('hands a connection that names its session to the job, with what was read of it', async () => {
    P0.jobs.waitsForPeers = () => true;
    const session = 'cd'.repeat(16);
    const socket = secure(P0.service!.ports.links, session);
    while (P0.jobs.taken.length === 0) await sleep(5);
    expect(P0.jobs.taken[0].session).toBe(session);
    expect(P0.jobs.taken[0].head[0]).toBe(22);
    P0.jobs.waitsForPeers = () => false;
    socket.destroy();
  });

  it('ends connections that say nothing or no TLS', async () => {
    const port = P0.service!.ports.links;
    const idle = connectTcp(port, '127.0.0.1');
    const garbage = connectTcp(port, '127.0.0.1');
    for (const socket of [idle, garbage]) socket.on('error', () => undefined);
    garbage.write('GET / HTTP/1.1\r\n\r\n'.repeat(400));
    await Promise.all([closed(garbage), closed(idle)]);
  });
});

async function problemOf(party: TestParty): Promise<Problem> {
  const found: unknown = await party.start().then(
    () => party.stop(),
    (error: unknown) => error,
  );
  expect(found).toBeInstanceOf(Problem);
  return found as Problem;
}

/** P1's folder, and what is done to it, on its own. */
function copyOf(change: (folder: string) => void): TestParty {
  const folder = `${all.parties.P1.folder}-${Math.floor(performance.now() * 1000)}`;
  cpSync(all.parties.P1.folder, folder, { recursive: true, mode: 0 });
  chmodSync(folder, 0o700);
  change(folder);
  return new TestParty('P1', folder);
}

describe('a party does not start', () => {
  it('on a port that is in use; nothing of it stays behind', async () => {
    for (const which of ['listen', 'links', 'private'] as const) {
      const { P1 } = all.parties;
      const { config } = await openPartyFolder(P1.folder);
      const blocker = createServer().listen(config[which].port, '127.0.0.1');
      await once(blocker, 'listening');
      const problem = await problemOf(P1);
      expect(problem.message).toBe(`port ${config[which].port} on 127.0.0.1 is in use`);
      expect(problem.fix).toContain(`or change "${which}" in party.json`);
      await new Promise((resolve) => blocker.close(resolve));
      await P1.start();
      await P1.stop();
    }
  });

  it('from a folder that another one serves from', async () => {
    const problem = await problemOf(new TestParty('P0', P0.folder));
    expect(problem.message).toContain(`a party that is under way (process ${process.pid}) serves from here`);
  });

  it.each<readonly [string, (folder: string) => void, RegExp, RegExp]>([
    [
      'with a key that others can read',
      (folder) => chmodSync(join(folder, 'identity.key'), 0o644),
      /other users can read it/,
      /chmod 600/,
    ],
    [
      'in a folder that others can enter',
      (folder) => chmodSync(folder, 0o755),
      /other users can enter it/,
      /chmod 700/,
    ],
    [
      'without its key',
      (folder) => rmSync(join(folder, 'tls.key')),
      /tls\.key: a TLS key cannot be read/,
      /party init/,
    ],
    [
      'with a damaged key',
      (folder) => writeFileSync(join(folder, 'storage.key'), 'x'),
      /storage\.key: is no secret file/,
      /backup/,
    ],
    [
      'without a federation file',
      (folder) => rmSync(join(folder, 'federation.json')),
      /federation file .* cannot be read/,
      /federation join/,
    ],
    [
      'as another party than the file names',
      (folder) => edit(folder, 'party.json', '"P1"', '"P2"'),
      /has another identity/,
      /role in party\.json/,
    ],
    [
      'with a configuration that is none',
      (folder) => edit(folder, 'party.json', '"listen"', '"lisen"'),
      /party\.json/,
      /operate\.md/,
    ],
    [
      'with a broken audit log',
      (folder) => writeFileSync(join(folder, 'audit.log'), '{}\n'),
      /audit\.log: line 1/,
      /backup/,
    ],
  ])('%s, and says what to do', async (_name, change, what, fix) => {
    const problem = await problemOf(copyOf(change));
    expect(problem.message).toMatch(what);
    expect(problem.fix).toMatch(fix);
  });

  it('with a record that cannot be read, and names it', async () => {
    const party = copyOf(() => undefined);
    await party.start();
    await party.stop();
    writeFileSync(join(party.folder, 'state', 'grants', `${'ab'.repeat(32)}.json`), '{"signed":');
    const problem = await problemOf(party);
    expect(problem.message).toContain(`${'ab'.repeat(32)}.json: is no record of this party`);
    expect(problem.fix).toContain('move it away');
  });
});

function edit(folder: string, name: string, from: string, to: string): void {
  const path = join(folder, name);
  writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
}

describe('while it runs', () => {
  const shownPin = async (port: number): Promise<string> => {
    const socket = secure(port);
    await once(socket, 'secureConnect');
    const { raw } = socket.getPeerCertificate();
    socket.destroy();
    return pinOf(new X509Certificate(raw));
  };

  it('a new TLS key is shown once the federation file names it alone, and nobody is cut off', async () => {
    const ports = P0.service!.ports;
    const [before] = all.federation.parties.P0.tls;
    const card = await rotateKeys(P0.folder, 'tls');
    expect(card!.tls[0]).toBe(before);
    const publish = async (): Promise<void> => {
      const signed = await readOwnCard(await openPartyFolder(P0.folder));
      const updated = updateFederation(P0.service!.standing.federation, [signed]);
      writeFileSync(join(P0.folder, 'federation.json.new'), formatFederation(updated));
      renameSync(join(P0.folder, 'federation.json.new'), join(P0.folder, 'federation.json'));
      while (P0.service!.standing.federation.parties.P0.issued !== updated.parties.P0.issued) await sleep(20);
    };
    await publish();
    expect(await shownPin(ports.api)).toBe(before);
    await rotateKeys(P0.folder, 'finish');
    await publish();
    const after = card!.tls[1];
    while ((await shownPin(ports.api)) !== after) await sleep(50);
    expect(await shownPin(ports.links)).toBe(after);
    expect((await ask(P0, member, { path: '/v1/status' })).status).toBe(200);
    const events = readFileSync(join(P0.folder, 'audit.log'), 'utf8');
    expect(events).toContain('federation file changed');
  });

  it('a federation file that cannot be used changes nothing, and the log says so', async () => {
    const path = join(P0.folder, 'federation.json');
    copyFileSync(path, `${path}.kept`);
    const before = P0.service!.standing.fingerprint;
    const others = await makeFederation();
    for (const text of ['{', formatFederation(others.federation)]) {
      const lines = P0.lines.length;
      writeFileSync(path, text);
      while (!P0.lines.slice(lines).some((line) => line.includes('changed keys or federation file cannot be used')))
        await sleep(20);
    }
    expect(P0.service!.standing.fingerprint).toBe(before);
    expect((await ask(P0, member, { path: '/v1/status' })).status).toBe(200);
    copyFileSync(`${path}.kept`, path);
  });

  it('a certificate that expires soon is warned of, at the start and in the figures', async () => {
    const { P2 } = all.parties;
    const key = Buffer.from(await readSecret(join(P2.folder, 'tls.key'), 'tls-key')).toString('utf8');
    const short = await renewCertificate(key, { name: 'P2', hosts: ['127.0.0.1'], days: 12.5 });
    writeFileSync(join(P2.folder, 'tls.crt'), short.certificate);
    const service = await P2.start();
    expect(await service.warnings()).toEqual([
      {
        message: `${join(P2.folder, 'tls.crt')} expires in 12 days`,
        fix: expect.stringContaining('party rotate certificate') as unknown,
      },
    ]);
    expect(P2.log).toContain('the certificate expires soon');
    const renewed = await renewCertificate(key, { name: 'P2', hosts: ['127.0.0.1'] });
    writeFileSync(join(P2.folder, 'tls.crt'), renewed.certificate);
    while (service.standing.certificate().daysLeft < 100) await sleep(20);
    expect(await service.warnings()).toEqual([]);
    await P2.stop();
  });
});

describe('at the end', () => {
  it('jobs are drained, waiting requests answered, and everything is closed', async () => {
    const { service } = P0;
    const { ports } = service!;
    await service!.drain();
    expect(P0.jobs.asked).toEqual(expect.arrayContaining(['drain', 'kill', 'close']));
    for (const port of Object.values(ports)) {
      const socket = connectTcp(port, '127.0.0.1');
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toBe('ECONNREFUSED');
    }
    expect(existsSync(join(P0.folder, 'state', 'run-1.lock'))).toBe(false);
    const events = readFileSync(join(P0.folder, 'audit.log'), 'utf8').trimEnd().split('\n');
    expect(JSON.parse(events.at(-1)!)).toMatchObject({ event: 'service stopped' });
  });
});
