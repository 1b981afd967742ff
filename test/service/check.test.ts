/** `party check` among parties that are fine, and with each fault put in, alone: what it says, of whom, and whether a job could run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { createServer as createHttp } from 'node:http';
import { connect, createServer as createTcp, type Server, type Socket } from 'node:net';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { PartyCard, Role } from '../../src/federation/card.ts';
import type { Federation } from '../../src/federation/federation-file.ts';
import type { Identity } from '../../src/federation/identity.ts';
import { readSecret } from '../../src/federation/secret-file.ts';
import { splitAddress } from '../../src/federation/address.ts';
import type { Code, Finding, Level } from '../../src/service/check/finding.ts';
import { checkMesh, type MeshReport } from '../../src/service/check/mesh.ts';
import { fileFindings } from '../../src/service/check/own.ts';
import { temporaryFolder } from '../folder.ts';
import {
  fakeLinks,
  fakePrivate,
  fakeService,
  federate,
  makeParty,
  Opened,
  type Behaviour,
  type FakeParty,
  type Places,
} from './fake-party.ts';

const ROLES: readonly Role[] = ['P0', 'P1', 'P2'];
const LIMITS = { timeoutMs: 30_000, largeMs: 30_000, measureMs: 50, certificateWarningDays: 30 };
/** Where a test waits for silence. */
const SOON = { timeoutMs: 2500, largeMs: 2500 };

let opened = new Opened();

afterEach(async () => {
  await opened.close();
  opened = new Opened();
});

interface World {
  readonly parties?: Readonly<Partial<Record<Role, FakeParty>>>;
  readonly behaviour?: Readonly<Partial<Record<Role, Behaviour>>>;
  /** What listens in place of a party's ports; a text: the address that the card names, where nothing of ours listens. */
  readonly address?: Readonly<Partial<Record<Role, (party: FakeParty) => Server | string>>>;
  readonly links?: Readonly<Partial<Record<Role, (party: FakeParty) => Server | string>>>;
  readonly card?: (card: PartyCard) => PartyCard;
  /** The file that a party serves with, where it is another. */
  readonly serves?: Readonly<Partial<Record<Role, (federation: Federation) => Federation>>>;
  readonly ownIdentity?: Identity | undefined;
  readonly limits?: Readonly<Partial<typeof LIMITS>>;
  /** Why the party of this host is not ready; null: its private port does not answer. */
  readonly unready?: string | null;
}

/** P0 looks at three parties on this machine. */
async function look(world: World = {}): Promise<MeshReport> {
  const known: { federation?: Federation } = {};
  const parties = await Promise.all(ROLES.map(async (role) => world.parties?.[role] ?? (await makeParty(role))));
  const places = {} as Record<Role, { address: string; links: string }>;
  for (const party of parties) {
    const { role } = party;
    const served = (): Federation => world.serves?.[role]?.(known.federation!) ?? known.federation!;
    const place = async (made: Server | string): Promise<string> =>
      typeof made === 'string' ? made : opened.listen(made);
    places[role] = {
      address: await place(world.address?.[role]?.(party) ?? fakeService(party, served, world.behaviour?.[role])),
      links: await place(world.links?.[role]?.(party) ?? fakeLinks(party)),
    };
  }
  const federation = federate(parties, places satisfies Places, world.card);
  known.federation = federation;
  const [{ identity, tls }] = parties;
  const asker = {
    federation,
    identity: 'ownIdentity' in world ? world.ownIdentity : identity,
    tls: { key: tls.key, cert: tls.certificate },
    limits: { ...LIMITS, ...world.limits },
  };
  const { address, links } = places.P0;
  const inner = world.unready === null ? '127.0.0.1:1' : await opened.listen(fakePrivate(world.unready));
  const own = { listen: splitAddress(address), links: splitAddress(links), private: splitAddress(inner) };
  return checkMesh(asker, 'P0', { ...own, folder: temporaryFolder('check') });
}

/** What was found, without that this machine's disk is small. */
function found({ findings }: MeshReport): Finding[] {
  return findings.filter(({ code, what }) => code !== 'disk' || !what.startsWith('P0'));
}

/** Exactly one thing, of this kind, and a fix for it. */
function expectOnly(report: MeshReport, level: Level, party: Role, code: Code, words: RegExp, fix: RegExp): void {
  expect(found(report)).toEqual([
    { level, party, code, what: expect.stringMatching(words) as string, fix: expect.stringMatching(fix) as string },
  ]);
  expect(report.ready).toBe(level !== 'fault');
}

describe('a mesh that is fine', () => {
  it('is ready, with its times measured', async () => {
    const report = await look();
    expect(found(report)).toEqual([]);
    expect(report.ready).toBe(true);
    expect(report.federation).toMatch(/^([0-9a-f]{4} ){7}[0-9a-f]{4}$/);
    for (const party of report.parties) {
      expect(party.reached).toEqual({ address: true, links: true });
      expect(party.certificate?.days).toBeGreaterThanOrEqual(398);
      if (party.party === 'P0') continue;
      expect(party.rttMs).toBeGreaterThan(0);
      expect(party.rttMs).toBeLessThan(5000); // a busy machine
      expect(party.megabytesPerSecond).toBeGreaterThan(0);
      expect(Math.abs(party.clock!.ms)).toBeLessThan(2000);
      expect(party.status?.role).toBe(party.party);
    }
    expect(report.link?.rttMs).toBe(Math.max(report.parties[1].rttMs!, report.parties[2].rttMs!));
    expect(report.link?.megabytesPerSecond).toBe(
      Math.min(report.parties[1].megabytesPerSecond!, report.parties[2].megabytesPerSecond!),
    );
  });
});

describe('ports', () => {
  it('says that the party of this host does not run', async () => {
    const report = await look({ address: { P0: () => '127.0.0.1:1' } });
    expectOnly(
      report,
      'fault',
      'P0',
      'not-running',
      /not running: nothing answers at P0 \(127.0.0.1:1\)/,
      /party serve --dir/,
    );
  });

  it('says why the party of this host is not ready', async () => {
    const report = await look({ unready: '0.42 GiB are free on the disk' });
    expectOnly(report, 'fault', 'P0', 'not-ready', /not ready: 0.42 GiB are free/, /log/);
  });

  it('says that nobody sees the health of the party of this host', async () => {
    const report = await look({ unready: null });
    expectOnly(report, 'warning', 'P0', 'not-ready', /127.0.0.1:1\/ready does not answer/, /"private" in party.json/);
  });

  it('says that a name is unknown, once for both ports', async () => {
    const report = await look({
      address: { P1: () => 'p1.securenn.invalid:7600' },
      links: { P1: () => 'p1.securenn.invalid:7601' },
    });
    expectOnly(report, 'fault', 'P1', 'name-unknown', /^P1: .*p1\.securenn\.invalid/, /card|resolv\.conf/);
  });

  it('says that a port is closed, which one, and what firewalls must let through', async () => {
    const report = await look({ links: { P2: () => '127.0.0.1:1' } });
    expectOnly(
      report,
      'fault',
      'P2',
      'port-closed',
      /P2 \(127.0.0.1:1, its links port\) refuses/,
      /firewalls .* TCP port 1 /,
    );
  });

  it.runIf(process.platform === 'linux')('says that nothing answers, as behind a firewall that drops', async () => {
    const { port, end } = await deafPort();
    try {
      const report = await look({ limits: SOON, address: { P1: () => `127.0.0.1:${port}` } });
      expectOnly(
        report,
        'fault',
        'P1',
        'port-filtered',
        /no answer .* for 2.5 s.*firewall drops/,
        /host is up; the firewalls/,
      );
    } finally {
      end();
    }
  });

  it('says that one of two addresses of a name does not answer', async () => {
    const addresses = await lookup('localhost', { all: true });
    const report = await look({
      card: (card) => ({ ...card, address: card.address.replace('127.0.0.1', 'localhost') }),
    });
    const silent = addresses.filter(({ address }) => address !== '127.0.0.1');
    expect(found(report).map(({ level, code }) => ({ level, code }))).toEqual(
      ['P1', 'P2'].flatMap(() => silent.map(() => ({ level: 'warning', code: 'address-silent' }))),
    );
    expect(report.ready).toBe(true);
  });

  it('says that connections are taken and closed at once', async () => {
    const report = await look({ address: { P1: () => createTcp((socket) => socket.destroy()) } });
    expectOnly(report, 'fault', 'P1', 'closed-at-once', /takes connections and closes them at once/, /log of P1/);
  });

  it('says that connections are taken and nothing follows', async () => {
    const report = await look({ limits: SOON, address: { P1: () => createTcp() } });
    expectOnly(report, 'fault', 'P1', 'tls-silent', /says nothing/, /load balancer/);
  });

  it('says that something without TLS listens there', async () => {
    const report = await look({ address: { P1: () => createHttp((_request, response) => response.end('hello')) } });
    expectOnly(report, 'fault', 'P1', 'not-tls', /does not speak TLS/, /port of the party/);
  });
});

describe('keys and certificates', () => {
  it('says both pins when another key answers, and sends it nothing', async () => {
    const other = await makeParty('P1');
    let requests = 0;
    const liar = fakeService(other, () => ({}) as Federation, { instead: () => (requests++, false) });
    const parties = { P1: await makeParty('P1') };
    const report = await look({ parties, address: { P1: () => liar } });
    const words = new RegExp(
      `shows the TLS key ${other.pin}, .* ${parties.P1.pin}: another server, or a proxy that opens TLS`,
    );
    expectOnly(report, 'fault', 'P1', 'wrong-key', words, /federation show/);
    expect(requests).toBe(0);
  });

  it('says that another key answers at the links port', async () => {
    const other = await makeParty('P2');
    const report = await look({ links: { P2: () => fakeLinks(other) } });
    expectOnly(report, 'fault', 'P2', 'wrong-key', /its links port\) shows the TLS key/, /federation show/);
  });

  it('says that something speaks an older TLS', async () => {
    const report = await look({ behaviour: { P1: { tls: { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } } } });
    expectOnly(report, 'fault', 'P1', 'tls-version', /answers with TLSv1.2/, /let TLS through/);
  });

  it('warns of a certificate that ends, once for both ports', async () => {
    const report = await look({ parties: { P1: await makeParty('P1', 12) } });
    expectOnly(
      report,
      'warning',
      'P1',
      'certificate-ends',
      /^P1's certificate ends in 1[12] days/,
      /at P1: securenn party rotate/,
    );
  });

  it('warns of one that has ended, which pinned keys outlive', async () => {
    const report = await look({ parties: { P2: await makeParty('P2', -3) } });
    expectOnly(
      report,
      'warning',
      'P2',
      'certificate-expired',
      /^P2's certificate ended on 20.*go on/,
      /securenn party rotate/,
    );
  });

  it('takes no self-signed certificate where the card names an authority', async () => {
    const trust = (card: PartyCard): PartyCard => (card.role === 'P1' ? { ...card, trust: 'public' } : card);
    const report = await look({ card: trust });
    expectOnly(report, 'fault', 'P1', 'untrusted-certificate', /signed by itself/, /"trust": "pinned"/);
  });

  it('takes the authority that a card names, and nothing that has expired', async () => {
    const [good, old] = [await makeParty('P1'), await makeParty('P2', -1)];
    const authority = new Map([good, old].map((party) => [party.role, party.tls.certificate]));
    const trust = (card: PartyCard): PartyCard =>
      authority.has(card.role) ? { ...card, trust: { ca: authority.get(card.role)! } } : card;
    const report = await look({ parties: { P1: good, P2: old }, card: trust });
    const [first, second] = found(report);
    expect(first).toMatchObject({ level: 'fault', party: 'P2', code: 'certificate-expired' });
    // The links port of the same party is pinned.
    expect(second).toMatchObject({ level: 'warning', party: 'P2', code: 'certificate-expired' });
    expect(found(report)).toHaveLength(2);
  });
});

describe('what answers', () => {
  it('says that a proxy with the key stands in front', async () => {
    const report = await look({ behaviour: { P1: { headers: { via: '1.1 varnish', server: 'nginx/1.25' } } } });
    expectOnly(
      report,
      'warning',
      'P1',
      'proxy',
      /via: 1.1 varnish, server: nginx\/1.25\), and it has the party's TLS key/,
      /stolen/,
    );
  });

  it('says that a proxy has no party behind it', async () => {
    const instead: Behaviour['instead'] = (_request, response) => {
      response.writeHead(502, { server: 'nginx' }).end('<html>Bad Gateway</html>');
      return true;
    };
    const report = await look({ behaviour: { P1: { instead } } });
    expectOnly(report, 'fault', 'P1', 'proxy', /proxy answers with status 502.*server: nginx/, /that P1 runs/);
  });

  it('says that it is no party', async () => {
    const instead: Behaviour['instead'] = (_request, response) => {
      response.writeHead(200, { server: 'A\u009b31m' }).end('<html>It works</html>');
      return true;
    };
    const report = await look({ behaviour: { P2: { instead } } });
    // Nothing of theirs steers a terminal.
    expectOnly(
      report,
      'fault',
      'P2',
      'not-ours',
      /is no party of securenn \(status 200, server: A 31m\)/,
      /card of P2/,
    );
  });

  it('says that several processes answer in turns', async () => {
    let count = 0;
    const report = await look({ behaviour: { P1: { instance: () => `life ${count++ % 2}` } } });
    expect(found(report)[0]).toMatchObject({ level: 'fault', party: 'P1', code: 'load-balancer' });
    expect(found(report)[0].what).toMatch(/2 processes answer in turns/);
  });

  it('says that a party does not take what this one signs', async () => {
    const report = await look({ behaviour: { P1: { knowsNobody: true } } });
    expectOnly(report, 'fault', 'P1', 'refused', /refuses what this party signs/, /federation show/);
  });

  it('looks at everything else when its own identity cannot be read', async () => {
    const report = await look({ ownIdentity: undefined });
    expect(found(report)).toEqual([]);
    expect(report.parties[1]).toMatchObject({ reached: { address: true, links: true }, status: undefined });
    expect(report.link).toBeUndefined();
  });

  it.each([
    ['is too large for a proxy', 413, /refused as too large/, /client_max_body_size/],
    ['does not come through', 0, /small requests pass, a request of 0.25 MiB does not/, /ICMP/],
  ] as const)('says that a large request %s', async (_what, status, words, fix) => {
    const instead: Behaviour['instead'] = (request, response) => {
      if (request.url !== '/v1/probe') return false;
      if (status > 0) response.writeHead(status).end();
      return true;
    };
    const report = await look({ limits: SOON, behaviour: { P2: { instead } } });
    expectOnly(report, 'fault', 'P2', 'large-requests', words, fix);
  });
});

describe('clocks', () => {
  it('says whose is wrong, though everything else is still looked at', async () => {
    const report = await look({ behaviour: { P1: { aheadMs: 600_000 } } });
    expectOnly(report, 'fault', 'P1', 'clock', /clock of P1 is 10 min ahead of the two others/, /timedatectl/);
    expect(report.parties[1].status).toBeDefined();
    expect(report.parties[1].clock?.ms).toBeGreaterThan(599_000);
  });

  it('says that its own is wrong when the two others agree', async () => {
    const report = await look({ behaviour: { P1: { aheadMs: 90_000 }, P2: { aheadMs: 90_010 } } });
    expectOnly(report, 'warning', 'P0', 'clock', /clock of P0 is (89|90|91) s behind the two others/, /clock of P0/);
  });

  it('names both of two that differ where nobody can tell', async () => {
    const report = await look({ behaviour: { P1: { aheadMs: -200_000 }, P2: { aheadMs: 200_000 } } });
    expectOnly(
      report,
      'fault',
      'P1',
      'clock',
      /that of P1 is 3 min behind that of P0, that of P2 is 3 min ahead/,
      /timedatectl/,
    );
  });
});

describe('what a party says of itself', () => {
  const cases: readonly (readonly [string, Behaviour, Level, Code, RegExp, RegExp])[] = [
    ['another version', { status: { version: '9.9.9' } }, 'warning', 'version', /runs securenn 9.9.9/, /same version/],
    [
      'another version of jobs',
      { status: { jobVersion: 1 } },
      'fault',
      'version',
      /jobs of version 1, this program/,
      /older one is at P1/,
    ],
    ['another protocol', { helloProtocol: 2 }, 'fault', 'protocol', /version 2 of the interface/, /newer version here/],
    [
      'another role',
      { status: { role: 'P2' } },
      'fault',
      'role',
      /answers as P1 says that it is P2/,
      /addresses of their own/,
    ],
    ['another identity', { status: { id: 'ab'.repeat(16) } }, 'fault', 'identity', /identity abab/, /card of P1/],
    [
      'a full disk',
      { status: { disk: { freeBytes: 2e8, totalBytes: 1e12 } } },
      'fault',
      'disk',
      /0.2 GB are free/,
      /make room/,
    ],
    [
      'a disk nearly full',
      { status: { disk: { freeBytes: 8e9, totalBytes: 1e11 } } },
      'warning',
      'disk',
      /8.0 GB are free/,
      /make room/,
    ],
    [
      'less than this version does',
      { status: { version: undefined } },
      'warning',
      'version',
      /says less/,
      /same version/,
    ],
  ];
  it.each(cases)('finds %s', async (_what, behaviour, level, code, words, fix) => {
    expectOnly(await look({ behaviour: { P1: behaviour } }), level, 'P1', code, words, fix);
  });

  it('finds another federation file', async () => {
    const serves = (federation: Federation): Federation => {
      const { P2 } = federation.parties;
      return { ...federation, parties: { ...federation.parties, P2: { ...P2, name: 'Somebody else' } } };
    };
    const report = await look({ serves: { P1: serves } });
    expectOnly(report, 'fault', 'P1', 'federation', /another federation file: fingerprint/, /compare fingerprints/);
  });

  it('finds that the running party of this host has older files than lie there', async () => {
    const report = await look({ behaviour: { P0: { status: { federation: '0000 1111' } } } });
    expectOnly(report, 'fault', 'P0', 'federation', /the running party has the federation 0000 1111/, /restart it/);
  });

  it('finds a member whom one party does not know', async () => {
    const members = [{ id: 'cd'.repeat(16), name: 'hospital-a' }];
    const knows = { status: { members } };
    const report = await look({ behaviour: { P0: knows, P2: knows } });
    expectOnly(report, 'warning', 'P1', 'members', /P1 does not know hospital-a \(cdcdcdcdcdcd…\)/, /party admit/);
  });
});

describe('files of this host', () => {
  it('says what is wrong with each, in the words of whoever reads it', async () => {
    const path = join(temporaryFolder('check'), 'identity.key');
    writeFileSync(path, '{}');
    chmodSync(path, 0o644);
    const findings = await fileFindings('P1', [
      () => readSecret(path, 'identity'),
      () => readSecret(`${path}.gone`, 'identity'),
      () => undefined,
    ]);
    expect(findings.map(({ level, party, code }) => [level, party, code])).toEqual([
      ['fault', 'P1', 'files'],
      ['fault', 'P1', 'files'],
    ]);
    expect(findings[0].what).toMatch(/other users can read it \(mode 0644\)/);
    expect(findings[0].fix).toMatch(/chmod 600/);
    expect(findings[1].what).toMatch(/no such file/);
  });

  it('passes on what is no fault of a file', async () => {
    await expect(fileFindings('P1', [() => Promise.reject(new TypeError('a bug'))])).rejects.toThrow('a bug');
  });
});

/** A port that takes no connection any more: its process is stopped and its queue full, so the system drops what comes, as a firewall would. */
async function deafPort(): Promise<{ readonly port: number; readonly end: () => void }> {
  const script = `const s = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(line.toString());
  child.kill('SIGSTOP');
  const sockets: Socket[] = [];
  // Until one waits in vain: the queue is full.
  for (let full = false; !full && sockets.length < 16;) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    sockets.push(socket);
    const connected = once(socket, 'connect');
    await Promise.race([connected, sleep(300)]);
    // This process may have been late itself: what came meanwhile is told in the next turn.
    await sleep(1);
    full = socket.connecting;
  }
  const end = (): void => {
    for (const socket of sockets) socket.destroy();
    child.kill('SIGKILL');
  };
  return { port, end };
}
