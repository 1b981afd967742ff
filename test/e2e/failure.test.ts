/** What goes wrong, seen from outside: one clear line, an exit code, and no process left. */
import { connect, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { freePorts } from '../../src/service/free-ports.ts';
import { smallDataset, writeDataset, type FourFiles } from '../data/fixtures.ts';
import { allGone, Command, run, writeNetwork, type Outcome } from './command.ts';
import { temporaryFolder } from '../folder.ts';

const folder = temporaryFolder('e2e');
const network = writeNetwork(folder);
const files = smallDataset(256, 64);
const data = writeDataset(files);
const endless = [
  'local',
  'train',
  '--network',
  network,
  '--data',
  data,
  '--batch',
  '32',
  '--workers',
  '1',
  '--steps',
  '1000000',
];
const TRAINING = /training tiny/;

const started: Command[] = [];
/** A training that does not end by itself, under way. */
async function training(...words: string[]): Promise<{ command: Command; parties: Map<string, number> }> {
  const command = new Command([...endless, '--out', 'never.safetensors', ...words], folder);
  started.push(command);
  await command.shows(TRAINING);
  await sleep(100);
  const parties = command.parties();
  expect([...parties.keys()].sort()).toEqual(['P0', 'P1', 'P2']);
  return { command, parties };
}

afterEach(() => {
  for (const command of started.splice(0)) if (command.process.exitCode === null) command.process.kill('SIGKILL');
});

/** The one line that says what went wrong. */
function complaint({ stderr }: Outcome): string {
  const lines = stderr.split('\n').filter((line) => line.startsWith('securenn: '));
  expect(lines, stderr).toHaveLength(1);
  expect(stderr).not.toMatch(/^\s+at /m);
  return lines[0];
}

describe('a party that dies', () => {
  it.each(['P0', 'P1', 'P2'])('%s: the others stop, and the message names it', async (victim) => {
    // Not by waiting for it: an hour is more than this test may take.
    const { command, parties } = await training('--timeout', '3600');
    process.kill(parties.get(victim)!, 'SIGKILL');
    const outcome = await command.outcome;
    expect(outcome.code).toBe(1);
    expect(complaint(outcome)).toMatch(new RegExp(`^securenn: party ${victim} was killed by SIGKILL \\(fix: `));
    await allGone(parties.values(), 0);
  });

  it('one that hangs is named, whoever waited for whom', async () => {
    // Parties of a busy machine wait for seconds though all are well, and may notice first that no byte has come for ten.
    const { command, parties } = await training('--timeout', '8');
    process.kill(parties.get('P1')!, 'SIGSTOP');
    const outcome = await command.outcome;
    expect(outcome.code).toBe(1);
    expect(complaint(outcome)).toMatch(
      /^securenn: party P1 does not respond: P[02] (waited 8 s for .*|lost P1: no sign of life for 10 s) \(fix: /,
    );
    await allGone(parties.values(), 0);
  });
});

describe('the end of the command', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s stops all four processes', async (signal, code) => {
    const { command, parties } = await training();
    // As a terminal does: to the whole group.
    process.kill(-command.pid, signal);
    const outcome = await command.outcome;
    expect(outcome.code).toBe(code);
    expect(complaint(outcome)).toBe(`securenn: interrupted by ${signal}`);
    await allGone(parties.values(), 0);
  });

  it('Ctrl-C while the data set is being shared', async () => {
    const command = new Command(['local', 'train', '--out', 'never.safetensors'], folder);
    started.push(command);
    await command.shows(/sharing train\/images/);
    const parties = command.parties();
    process.kill(-command.pid, 'SIGINT');
    expect((await command.outcome).code).toBe(130);
    await allGone(parties.values(), 0);
  });

  it('no party outlives a killed command', async () => {
    const { command, parties } = await training();
    command.process.kill('SIGKILL');
    await allGone(parties.values());
  });
});

describe('ports', () => {
  it('one in use is named', async () => {
    const [port] = await freePorts(3);
    const server = await new Promise<Server>((resolve) => {
      const listening = createServer().listen(port + 1, '127.0.0.1', () => resolve(listening));
    });
    try {
      const outcome = await run([...endless, '--port', String(port)], folder);
      expect(outcome.code).toBe(1);
      expect(complaint(outcome)).toBe(
        `securenn: party P1: cannot listen on 127.0.0.1:${port + 1}: the port is in use (fix: give another --port, or leave it out for free ports)`,
      );
    } finally {
      server.close();
    }
  });

  it('strangers are turned away, before the session stands and after', async () => {
    const [port] = await freePorts(3);
    const command = new Command([...endless, '--out', 'never.safetensors', '--port', String(port)], folder);
    started.push(command);
    let strangers = 0;
    const knock = (): void => {
      const socket = new WebSocket(`ws://127.0.0.1:${port + 2}`).on('error', () => undefined);
      socket.on('open', () => {
        strangers++;
        socket.send(Buffer.from('hello'));
      });
      const raw = connect(port, '127.0.0.1', () => raw.end('GET / HTTP/1.0\r\n\r\n')).on('error', () => undefined);
    };
    while (!TRAINING.test(command.stderr) && command.process.exitCode === null) {
      knock();
      await sleep(50);
    }
    knock();
    await command.shows(/P2 turned a stranger away: /);
    expect(strangers).toBeGreaterThan(0);
    expect(command.stderr).toMatch(/P2 turned a stranger away: 127\.0\.0\.1:\d+: /);
    const parties = command.parties();
    expect(parties.size, command.stderr).toBe(3);
    process.kill(command.pid, 'SIGINT');
    expect((await command.outcome).code).toBe(130);
    await allGone(parties.values(), 0);
  });
});

describe('bad input', () => {
  const cut = (key: keyof FourFiles, bytes?: number): string =>
    writeDataset({ ...files, [key]: bytes === undefined ? undefined : files[key].subarray(0, bytes) });

  it.each<[string, string[], RegExp]>([
    ['no labels', ['--data', cut('trainLabels')], /train-labels-idx1-ubyte: no such file \(fix: /],
    [
      'a truncated file',
      ['--data', cut('trainImages', 100)],
      /train-images-idx3-ubyte: truncated: expected 4112 bytes.*found 100 \(fix: /,
    ],
    ['another size of image', ['--network', 'A'], /network A takes \[784\], images of .* are 4 x 4 \(fix: /],
    [
      'a batch beyond the data',
      ['--batch', '300'],
      /--batch: 300 images a step, but .* has 256 training images \(fix: /,
    ],
    ['an option out of range', ['--lr', '3'], /--lr: expected a number above 0, at most 1, found 3 \(fix: /],
    ['a file that cannot be written', ['--out', folder], /--out: .* is a folder \(fix: /],
    ['an unknown option', ['--fast'], /Unknown argument: fast \(fix: /],
  ])('%s', async (_, words, message) => {
    const usual = ['--network', network, '--data', data].filter((_word, i, all) => !words.includes(all[i - (i % 2)]));
    const outcome = await run(['local', 'train', ...usual, ...words], folder);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toBe('');
    expect(complaint(outcome)).toMatch(message);
  });

  it('a model file that is none', async () => {
    const path = join(folder, 'text.safetensors');
    writeFileSync(path, 'not a model at all, but long enough');
    const outcome = await run(['local', 'infer', '--model', path, '--network', network, '--data', data], folder);
    expect(outcome.code).toBe(1);
    expect(complaint(outcome)).toMatch(/text\.safetensors: header length: expected at most/);
  });
});
