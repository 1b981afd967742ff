/** `--profile` from end to end: what it leaves after a run, after one that was cut short, and where it cannot be left. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '../../src/profile/summary.ts';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { allGone, Command, isAlive, run, writeNetwork } from './command.ts';
import { temporaryFolder } from '../folder.ts';

const folder = temporaryFolder('e2e');
const network = writeNetwork(folder);
const data = writeDataset(smallDataset(256, 64));
const common = ['--network', network, '--data', data, '--batch', '32', '--workers', '1'];
const FILES = ['profile.json', 'report.html', 'trace.json'];
const model = join(folder, 'model.safetensors');

function summaryIn(path: string): Summary {
  return JSON.parse(readFileSync(join(path, 'profile.json'), 'utf8')) as Summary;
}

/** The report's bytes and rounds are the channel's. */
function checkCounts(summary: Summary): void {
  for (const { party, complete, lines, traffic, rounds } of summary.parties) {
    for (const { peer, messages, payloadBytes, frameBytes } of traffic) {
      const sends = lines.filter((line) => line.kind === 'send' && line.peer === peer);
      expect(sends.reduce((sum, { calls }) => sum + calls, 0)).toBe(messages);
      expect(sends.reduce((sum, line) => sum + line.payloadBytes, 0)).toBe(payloadBytes);
      expect(sends.reduce((sum, line) => sum + line.frameBytes, 0)).toBe(frameBytes);
    }
    // The engine counts the rounds of a step when the step is over.
    const counted = lines.reduce((sum, line) => sum + line.rounds, 0);
    if (party !== 'P2' && complete) expect(counted).toBe(rounds);
    else expect(counted).toBeGreaterThanOrEqual(rounds);
  }
  expect(summary.protocols.reduce((sum, { frameBytes }) => sum + frameBytes, 0)).toBe(summary.traffic.frameBytes);
}

describe('train and infer', () => {
  const profile = join(folder, 'profile');
  let said: string;
  let json: {
    secondsPerStep: { median: number };
    steps: number;
    bytesSentPerStep: { total: number };
    onlineRoundsPerStep: number;
  };

  beforeAll(async () => {
    const words = ['local', 'train', ...common, '--epochs', '2', '--out', model, '--json', '-', '--profile', profile];
    const { code, stdout, stderr } = await run(words, folder);
    expect(stderr).toMatch(/profile: .*report\.html: .*(GPU|link)/);
    expect(code).toBe(0);
    json = JSON.parse(stdout) as typeof json;
    said = stderr;
  });

  it('leaves a report, a trace and a file for programs, and nothing else', () => {
    expect(readdirSync(profile).sort()).toEqual(FILES);
    const { traceEvents } = JSON.parse(readFileSync(join(profile, 'trace.json'), 'utf8')) as { traceEvents: object[] };
    expect(traceEvents.length).toBeGreaterThan(1000);
    expect(readFileSync(join(profile, 'report.html'), 'utf8')).toMatch(/^<!doctype html>/);
  });

  it("counts what the channel counts, and what the run's own report says", () => {
    const summary = summaryIn(profile);
    checkCounts(summary);
    expect(summary).toMatchObject({ unit: 'step', units: json.steps, missing: [], cut: false });
    // The rest belongs to the two evaluations.
    expect(summary.traffic.frameBytes).toBeGreaterThan(json.steps * json.bytesSentPerStep.total);
    expect(summary.rounds).toBeGreaterThan(json.steps * json.onlineRoundsPerStep);
    expect(summary.parties.every(({ complete }) => complete)).toBe(true);
    const shares = Object.values(summary.resolved).reduce((sum, ms) => sum + ms, 0) / summary.unitMs;
    expect(shares).toBeCloseTo(1, 2);
  });

  it('gives one figure for a step, the same in the report, on the terminal and in JSON', () => {
    const { unitMs, shares, headline } = summaryIn(profile);
    expect(unitMs).toBeCloseTo(1000 * json.secondsPerStep.median, 6);
    expect(shares.reduce((sum, { percent }) => sum + percent, 0)).toBe(100);
    expect(shares.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(unitMs, 3);
    expect(said).toContain(`profile: ${join(profile, 'report.html')}: ${headline}\n`);
    const html = readFileSync(join(profile, 'report.html'), 'utf8');
    expect(html.includes(headline.replaceAll('<', '&lt;'))).toBe(true);
  });

  it('tells of the whole run, phase by phase', () => {
    const { run } = summaryIn(profile);
    expect(run.map(({ name }) => name).join(' ')).toBe('start-up sharing training evaluation ending saving');
    expect(run.reduce((sum, { percent }) => sum + percent, 0)).toBe(100);
    expect(said).toMatch(/ {2}The whole run, [\d.]+ m?s: start-up \d+ %, sharing /);
  });

  it('knows how long the parties waited for a core, where the system says', () => {
    const { resolved, parties } = summaryIn(profile);
    const told = existsSync('/proc/self/schedstat');
    for (const ms of [resolved.core, ...parties.map(({ time }) => time.core)]) {
      expect(ms).toBeGreaterThanOrEqual(0);
      if (!told) expect(ms).toBe(0);
    }
  });

  it('puts the parties on one clock', () => {
    for (const { party, clock } of summaryIn(profile).parties) {
      expect(clock.uncertaintyMs).toBeLessThan(party === 'P0' ? 1e-9 : 1000);
    }
  });

  it('takes an inference too, into the same folder', async () => {
    const words = ['local', 'infer', ...common, '--model', model, '--count', '64', '--profile', profile];
    expect(await run(words, folder)).toMatchObject({ code: 0 });
    const summary = summaryIn(profile);
    expect(summary).toMatchObject({ unit: 'batch', units: 2 });
    expect(summary.run.map(({ name }) => name)).toEqual(['start-up', 'sharing', 'inference', 'ending']);
    checkCounts(summary);
    expect(readdirSync(profile).sort()).toEqual(FILES);
  });
});

describe('cut short', () => {
  const long = [...common, '--steps', '100000'];

  it('by Ctrl-C: reports on what was measured until then', async () => {
    const profile = join(folder, 'interrupted');
    const command = new Command(['local', 'train', ...long, '--profile', profile], folder);
    await command.shows(/\n\d+\/100000 /);
    process.kill(-command.pid, 'SIGINT');
    expect((await command.outcome).code).toBe(130);
    expect(readdirSync(profile).sort()).toEqual(FILES);
    const summary = summaryIn(profile);
    expect(summary.facts.ended).toBe('interrupted by SIGINT');
    expect(summary).toMatchObject({ unit: 'step', missing: [] });
    expect(summary.units).toBeGreaterThan(0);
    checkCounts(summary);
    expect(readFileSync(join(profile, 'report.html'), 'utf8')).toContain('The run ended early: interrupted by SIGINT');
  });

  it('by a party that is killed: reports without it', async () => {
    const profile = join(folder, 'killed');
    const command = new Command(['local', 'train', ...long, '--profile', profile], folder);
    await command.shows(/training tiny/);
    const parties = command.parties();
    await command.shows(/\n\d+\/100000 /);
    process.kill(parties.get('P1')!, 'SIGKILL');
    const { code, stderr } = await command.outcome;
    expect(code).toBe(1);
    expect(stderr).toMatch(/party P1 was killed by SIGKILL/);
    const summary = summaryIn(profile);
    expect(summary.facts.ended).toMatch(/P1 was killed/);
    expect(summary.parties.map(({ party }) => party)).toEqual(expect.arrayContaining(['P0', 'P2']));
    await allGone([...parties.values()]);
    expect([...parties.values()].some(isAlive)).toBe(false);
  });
});

it('a run goes on with or without a profile', async () => {
  const [kept, profile] = [join(folder, 'kept'), join(folder, 'resumed')];
  const begun = await run(['local', 'train', ...common, '--steps', '2', '--out', model, '--checkpoint', kept], folder);
  expect(begun).toMatchObject({ code: 0 });
  const resumed = await run(
    ['local', 'train', '--resume', kept, '--resume-step', '0', '--data', data, '--out', model, '--profile', profile],
    folder,
  );
  expect(resumed).toMatchObject({ code: 0 });
  expect(summaryIn(profile)).toMatchObject({ unit: 'step', units: 2 });
});

describe('what cannot be', () => {
  it.each(['train', 'infer'])('%s: a folder that cannot be written is refused before the run', async (task) => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const words = ['local', task, ...common, '--model', model, '--profile', join(file, 'below')];
    const { code, stderr } = await run(
      task === 'train' ? words.filter((w) => w !== '--model' && w !== model) : words,
      folder,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^securenn: --profile: .*a-file\/below is no folder that can be written: .*\(fix: give another folder to --profile\)\n$/,
    );
  });

  it('plain training has no parties to profile', async () => {
    const { code, stderr } = await run(['plain', 'train', ...common, '--profile', folder], folder);
    expect(code).toBe(1);
    expect(stderr).toMatch(/--profile: .*\(fix: profile `local train`\)/);
  });

  it('a part left by an earlier run is not taken for one of this run', async () => {
    const profile = join(folder, 'stale');
    mkdirSync(profile);
    writeFileSync(join(profile, 'P0.part'), 'not a part');
    const words = ['local', 'infer', ...common, '--model', model, '--count', '8', '--profile', profile];
    const { code, stderr } = await run(words, folder);
    expect(code).toBe(0);
    expect(stderr).not.toMatch(/without P0/);
    expect(summaryIn(profile).missing).toEqual([]);
  });
});
