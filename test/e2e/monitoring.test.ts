/** Logs and metrics of a real run, from outside: what they hold, that they hold no secret, and what is refused. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { CheckpointStore } from '../../src/data/checkpoint-store.ts';
import { freePorts } from '../../src/service/free-ports.ts';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { samples, type Samples } from '../samples.ts';
import { allGone, Command, run, writeNetwork } from './command.ts';
import { temporaryFolder } from '../folder.ts';

const PARTIES = ['P0', 'P1', 'P2'] as const;
type Party = (typeof PARTIES)[number];

const folder = temporaryFolder('e2e');
const data = writeDataset(smallDataset(256, 64));
const common = ['--network', writeNetwork(folder), '--data', data, '--batch', '32', '--workers', '1'];
const model = join(folder, 'model.safetensors');

interface Line {
  readonly time: string;
  readonly level: string;
  readonly party: Party | 'owner';
  readonly msg: string;
  readonly [field: string]: unknown;
}
type Traffic = Readonly<Record<string, Readonly<Record<'sent' | 'received', { messages: number; bytes: number }>>>>;

function linesOf(text: string): Line[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

describe('a training with checkpoints, at level debug', () => {
  const SEED = 987_654_321;
  const log = join(folder, 'run.log');
  const checkpoints = join(folder, 'checkpoints');
  const scraped = new Map<Party, Samples[]>();
  let text: string;
  let lines: Line[];
  let stderr: string;

  beforeAll(async () => {
    writeFileSync(log, '');
    const words = ['local', 'train', ...common, '--epochs', '3', '--out', model, '--json', '-'];
    const keeping = ['--checkpoint', checkpoints, '--insecure-keys', `${SEED}`];
    const watching = ['--log-level', 'debug', '--log-file', log, '--metrics', '0'];
    const command = new Command([...words, ...keeping, ...watching], folder);
    await command.shows(/metrics: .*\(P2\)$/m);
    const urls = [...command.stderr.matchAll(/(http:\S+\/metrics) \((P\d)\)/g)];
    expect(urls.map(([, , party]) => party)).toEqual(PARTIES);
    while (command.process.exitCode === null) {
      for (const [, url, party] of urls) {
        // It may end at any moment.
        const text = await fetch(url).then((answer) => answer.text()).catch(() => undefined); // prettier-ignore
        if (text === undefined) continue;
        const list = scraped.get(party as Party) ?? [];
        list.push(samples(text));
        scraped.set(party as Party, list);
      }
      await sleep(30);
    }
    const outcome = await command.outcome;
    expect(outcome.code, outcome.stderr).toBe(0);
    JSON.parse(outcome.stdout);
    stderr = outcome.stderr;
    text = readFileSync(log, 'utf8');
    lines = linesOf(text);
  });

  it('every line is JSON with time, level, party and msg; none is on standard error', () => {
    for (const line of lines) {
      expect(line).toMatchObject({
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
        level: expect.stringMatching(/^(debug|info|warn|error)$/) as unknown,
        party: expect.stringMatching(/^(P[012]|owner)$/) as unknown,
        msg: expect.any(String) as unknown,
      });
    }
    expect(stderr).not.toContain('{');
  });

  it('tells of the whole session, party by party', () => {
    const count = (party: string, msg: string): number =>
      lines.filter((line) => line.party === party && line.msg === msg).length;
    for (const party of PARTIES) {
      for (const msg of ['listening', 'started', 'all peers are connected', 'all inputs are here', 'finished'])
        expect(count(party, msg), `${party}: ${msg}`).toBe(1);
      expect(count(party, 'connected')).toBe(3);
      expect(count(party, 'step done')).toBe(24);
      expect(count(party, 'epoch done')).toBe(3);
      expect(count(party, 'evaluation done')).toBe(3);
      expect(count(party, 'checkpoint complete')).toBe(4);
    }
    for (const msg of ['started', 'all parties are connected', 'training', 'finished'])
      expect(count('owner', msg)).toBe(1);
    expect(count('owner', 'evaluation done')).toBe(3);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('both ends of a link counted the same', () => {
    const totals = new Map(
      lines
        .filter(({ msg, party }) => msg === 'finished' && party !== 'owner')
        .map((line) => [line.party, line.traffic as Traffic]),
    );
    for (const from of PARTIES) {
      for (const to of PARTIES.filter((party) => party !== from))
        expect(totals.get(from)![to].sent, `${from} to ${to}`).toEqual(totals.get(to)![from].received);
    }
  });

  it('results are in the lines of the owner alone', () => {
    for (const line of lines.filter(({ party }) => party !== 'owner')) {
      expect(JSON.stringify(line)).not.toMatch(/"loss"|accuracy|correct/);
    }
  });

  it('no key, seed or share is in any line', async () => {
    const bytesOf = (array: ArrayBufferView): Buffer => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    let looked = 0;
    const absent = (bytes: Buffer): void => {
      looked++;
      for (const form of ['hex', 'base64', 'base64url', 'latin1'] as const)
        expect(text.includes(bytes.toString(form).replace(/=+$/, ''))).toBe(false);
      expect(text.toLowerCase().includes(bytes.toString('hex'))).toBe(false);
      if (bytes.length === 8) expect(text.includes(String(bytes.readBigUInt64LE()))).toBe(false);
      expect(text.includes(JSON.stringify([...bytes]).slice(1, -1))).toBe(false);
    };
    for (const keeper of [...PARTIES, 'owner'] as const) {
      const store = new CheckpointStore(join(checkpoints, keeper), keeper);
      const { keys, tensors } = await store.read((await store.survey()).whole.at(-1)!.step);
      for (const key of keys.values()) {
        absent(bytesOf(key));
        absent(bytesOf(key).subarray(0, 8));
        absent(bytesOf(key).subarray(8));
      }
      for (const { data: share } of tensors.values()) {
        // Small ones occur in any text.
        if (share !== null) for (const x of share) if (x > 2n ** 32n) absent(bytesOf(BigUint64Array.of(x)));
      }
    }
    expect(looked).toBeGreaterThan(300);
    expect(text).not.toContain(String(SEED));
  });

  it('metrics grow to what the log says at the end, and hold no result', () => {
    for (const party of PARTIES) {
      const list = scraped.get(party)!;
      const last = list.at(-1)!;
      expect([...last.names].join(' ')).not.toMatch(/loss|accuracy|correct/);
      const { traffic } = lines.find((line) => line.party === party && line.msg === 'finished') as Line & {
        traffic: Traffic;
      };
      for (const [peer, { sent, received }] of Object.entries(traffic)) {
        expect(last.value('securenn_sent_bytes_total', { party, peer })).toBeLessThanOrEqual(sent.bytes);
        expect(last.value('securenn_received_bytes_total', { party, peer })).toBeLessThanOrEqual(received.bytes);
        if (peer !== 'owner') expect(last.value('securenn_sent_bytes_total', { party, peer })).toBeGreaterThan(0);
      }
      const steps = list.map((found) => found.value('securenn_steps_total', { party }));
      expect(steps).toEqual(steps.toSorted((a, b) => a - b));
      expect(steps.at(-1)).toBeGreaterThan(0);
      expect(last.value('securenn_compute_seconds_total', { party })).toBeGreaterThan(0);
    }
  });
});

describe('what goes wrong', () => {
  it('by default nothing is logged', async () => {
    const outcome = await run(['local', 'infer', ...common, '--model', model, '--count', '32'], folder);
    expect(outcome.code).toBe(0);
    expect(outcome.stderr).not.toContain('{');
  });

  it('a metrics port in use is one line, and a line of the log', async () => {
    const [port] = await freePorts(3);
    const server = await new Promise<Server>((resolve) => {
      const listening = createServer().listen(port + 1, '127.0.0.1', () => resolve(listening));
    });
    try {
      const words = [
        'local',
        'infer',
        ...common,
        '--model',
        model,
        '--count',
        '32',
        '--metrics',
        `${port}`,
        '--log-level',
        'error',
      ];
      const outcome = await run(words, folder);
      expect(outcome.code).toBe(1);
      const what = `party P1: --metrics: cannot listen on 127.0.0.1:${port + 1}: the port is in use`;
      const fix = 'give another --metrics, or 0 for free ports';
      const printed = outcome.stderr.trimEnd().split('\n');
      expect(printed.at(-1)).toBe(`securenn: ${what} (fix: ${fix})`);
      const failed = { level: 'error', msg: 'failed' };
      // The others may have heard by then that the session is over.
      const own = linesOf(printed.slice(0, -1).join('\n')).filter(({ origin }) => origin !== 'link');
      expect(own.toSorted((x, y) => x.party.localeCompare(y.party))).toEqual([
        expect.objectContaining({ ...failed, party: 'owner', reason: what, fix }),
        expect.objectContaining({ ...failed, party: 'P1', origin: 'here', reason: what, fix }),
      ]);
    } finally {
      server.close();
    }
  });

  it('a party that dies is told of by the others; their endpoints keep nobody alive', async () => {
    const log = join(folder, 'dead.log');
    const words = [
      'local',
      'train',
      ...common,
      '--steps',
      '1000000',
      '--out',
      'never',
      '--log-file',
      log,
      '--metrics',
      '0',
    ];
    const command = new Command(words, folder);
    await command.shows(/training tiny/);
    const parties = command.parties();
    const url = /(http:\S+\/metrics) \(P0\)/.exec(command.stderr)![1];
    expect((await fetch(url)).status).toBe(200); // leaves its connection open
    process.kill(parties.get('P1')!, 'SIGKILL');
    expect((await command.outcome).code).toBe(1);
    await allGone(parties.values(), 0);
    const failed = linesOf(readFileSync(log, 'utf8')).filter(({ level }) => level === 'error');
    expect(failed.map(({ party }) => party).toSorted()).toEqual(['P0', 'P2', 'owner']);
    expect(failed.find(({ party }) => party === 'owner')!.reason).toMatch(/party P1 was killed by SIGKILL/);
    for (const party of ['P0', 'P2']) {
      expect(failed.find((line) => line.party === party)).toMatchObject({
        origin: 'link',
        reason: expect.stringMatching(/P1/) as unknown,
        traffic: expect.any(Object) as unknown,
      });
    }
  });

  it('no party outlives a killed command that reads its log', async () => {
    const words = ['local', 'train', ...common, '--steps', '1000000', '--out', 'never', '--log-level', 'debug'];
    const command = new Command(words, folder);
    await command.shows(/"step done"/);
    const parties = command.parties();
    command.process.kill('SIGKILL');
    await allGone(parties.values());
  });

  it('plain training has no parties to watch', async () => {
    const { code, stderr } = await run(['plain', 'train', ...common, '--metrics', '0'], folder);
    expect(code).toBe(1);
    expect(stderr).toMatch(/--metrics: .*\(fix: watch `local train`\)/);
  });

  it('a log file that cannot be written is refused before anything starts', async () => {
    const { code, stderr } = await run(['local', 'train', ...common, '--log-file', folder], folder);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^securenn: --log-file: .* is a folder .*\(fix: give another file to --log-file\)\n$/);
  });
});
