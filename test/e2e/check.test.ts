/** `party check` as operators type it, among three real parties: all is well, then one thing after the other goes wrong. */
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Code } from '../../src/service/check/finding.ts';
import { freePorts } from '../../src/service/free-ports.ts';
import type { CheckReport } from '../../src/cli/federation/check-report.ts';
import { formatFederation, parseFederation } from '../../src/federation/federation-file.ts';
import { temporaryFolder } from '../folder.ts';
import { Command, run } from './command.ts';

const root = temporaryFolder('check');
const at = (...names: string[]): string => join(root, ...names);
const FOLDERS = ['p0', 'p1', 'p2'] as const;
const parties: Command[] = [];

/** Runs to its end without an error. */
async function succeed(...words: string[]): Promise<void> {
  const { code, stderr } = await run(words, root);
  if (code !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
}

async function serve(i: number): Promise<void> {
  parties[i] = new Command(['party', 'serve', '--dir', FOLDERS[i]], root);
  await parties[i].shows(/"msg":"serving"/);
}

async function stop(i: number): Promise<void> {
  parties[i].process.kill('SIGTERM');
  expect((await parties[i].outcome).code).toBe(0);
}

interface Checked {
  readonly report: CheckReport;
  readonly code: number | null;
  readonly shown: string;
  /** What was found, but of disks, which are this machine's own. */
  readonly found: readonly (readonly [level: string, party: string, code: Code])[];
}

async function check(folder: string, seconds = 0): Promise<Checked> {
  const { code, stdout, stderr } = await run(
    ['party', 'check', '--dir', folder, '--json', '-', '--timeout', '30', '--seconds', `${seconds}`],
    root,
  );
  const report = JSON.parse(stdout) as CheckReport;
  const found = report.findings
    .filter((finding) => finding.code !== 'disk' && !/GiB are free/.test(finding.what))
    .map((finding) => [finding.level, finding.party, finding.code] as const);
  return { report, code, shown: stderr, found };
}

beforeAll(async () => {
  const ports = await freePorts(9);
  for (const [i, folder] of FOLDERS.entries()) {
    const [address, links, inner] = ports.slice(3 * i).map((port) => `127.0.0.1:${port}`);
    const places = ['--address', address, '--links', links, '--private', inner];
    await succeed('party', 'init', '--role', `P${i}`, ...places, '--dir', folder);
  }
  await succeed('federation', 'join', ...FOLDERS.map((folder, i) => `${folder}/P${i}.card.json`));
  for (const folder of FOLDERS) copyFileSync(at('federation.json'), at(folder, 'federation.json'));
  await Promise.all(FOLDERS.map((_, i) => serve(i)));
});

afterAll(async () => {
  for (const { process: child } of parties) child.kill('SIGKILL');
  await Promise.all(parties.map(({ outcome }) => outcome));
});

describe('party check', () => {
  it('finds nothing wrong, measures, and shows what the links are worth', async () => {
    const { report, found, shown } = await check('p1', 1);
    expect(found).toEqual([]);
    expect(report.party).toBe('P1');
    expect(report.parties.map(({ status }) => status?.role)).toEqual(['P0', 'P1', 'P2']);
    for (const { reached } of report.parties) expect(reached).toEqual({ address: true, links: true });
    expect(report.link?.rttMs).toBeGreaterThan(0);
    expect(report.link?.megabytesPerSecond).toBeGreaterThan(1);
    expect(report.forecasts.map(({ network }) => network)).toEqual(['A', 'C']);
    for (const { step, epoch, prediction } of report.forecasts) {
      expect(step.total).toBeGreaterThan(0);
      expect(epoch).toBeGreaterThan(step.total);
      expect(prediction.total).toBeGreaterThan(0);
    }
    expect(shown).toMatch(/round trip .* ms/);
    expect(shown).toMatch(/network C, batch 128/);
  });

  it('shows no secret, in words or as JSON', async () => {
    const { report, shown } = await check('p0');
    const secrets = ['identity.key', 'tls.key', 'storage.key'].map((name) => {
      const { plain } = JSON.parse(readFileSync(at('p0', name), 'utf8')) as { readonly plain: string };
      return plain;
    });
    for (const secret of secrets)
      expect([JSON.stringify(report).includes(secret), shown.includes(secret)]).toEqual([false, false]);
  });

  it('warns of a member whom one party has not admitted', async () => {
    await succeed('identity', 'init', '--name', 'hospital-a');
    for (const folder of ['p0', 'p1'])
      await succeed('party', 'admit', 'hospital-a.card.json', '--dir', folder, '--yes');
    // A running party notices by itself; it looks now and then.
    await expect.poll(async () => (await check('p0')).found, { interval: 500 }).toEqual([['warning', 'P2', 'members']]);
    await succeed('party', 'admit', 'hospital-a.card.json', '--dir', 'p2', '--yes');
    await expect.poll(async () => (await check('p0')).found, { interval: 500 }).toEqual([]);
  });

  it('says that a party is not there, and that it is when it is', async () => {
    await stop(2);
    const { found, code, shown } = await check('p0');
    expect(found).toEqual([
      ['fault', 'P2', 'port-closed'],
      ['fault', 'P2', 'port-closed'],
    ]);
    expect(code).toBe(1);
    expect(shown).toMatch(/^FAULT: P2 \(127\.0\.0\.1:\d+\) refuses connections/m);
    expect(shown).toMatch(/jobs cannot run \(fix: see the lines that begin with FAULT\)/);
    const own = await check('p2');
    expect(own.found).toEqual([['fault', 'P2', 'not-running']]);
    await serve(2);
    expect((await check('p2')).found).toEqual([]);
  });

  it('says that a party serves with another federation file, and that a key is open to others', async () => {
    const path = at('p0', 'federation.json');
    const original = readFileSync(path, 'utf8');
    const federation = parseFederation(original, path);
    const P1 = { ...federation.parties.P1, name: 'Another name' };
    writeFileSync(path, formatFederation({ ...federation, parties: { ...federation.parties, P1 } }));
    chmodSync(at('p0', 'storage.key'), 0o640);
    try {
      const { found } = await check('p0');
      expect(found.filter(([, , code]) => code === 'files')).toEqual([['fault', 'P0', 'files']]);
      chmodSync(at('p0', 'storage.key'), 0o600);
      expect((await check('p0')).found).toContainEqual(['fault', 'P1', 'federation']);
    } finally {
      chmodSync(at('p0', 'storage.key'), 0o600);
      writeFileSync(path, original);
    }
  });
});
