/** Shaped links, and bytes as the operating system counts them, with the built program. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { MAIN, run, writeNetwork } from './command.ts';
import { temporaryFolder } from '../folder.ts';

interface TrainJson {
  readonly link: object | null;
  readonly secondsPerStep: { readonly median: number; readonly min: number };
  readonly onlineRoundsPerStep: number;
  readonly bytesSentPerStep: { readonly p0: number; readonly p1: number; readonly p2: number; readonly total: number };
}

const folder = temporaryFolder('e2e');
const data = writeDataset(smallDataset(256, 64));
const common = (network: string): string[] => [
  ...['local', 'train', '--network', network, '--data', data, '--batch', '64', '--workers', '1', '--no-show-loss'],
];

describe('--link', () => {
  const words = common(writeNetwork(folder));

  it('holds every round up by half a round trip', async () => {
    const { stdout, stderr, code } = await run([...words, '--steps', '4', '--link', '40:100', '--json', '-'], folder);
    expect(stderr).not.toMatch(/securenn: |Error/);
    expect(code).toBe(0);
    const json = JSON.parse(stdout) as TrainJson;
    expect(json.link).toEqual({ rttMs: 40, megabytesPerSecond: 100 });
    const latency = json.onlineRoundsPerStep * 0.02;
    expect(json.secondsPerStep.median).toBeGreaterThan(0.97 * latency);
    // Of the step in which the machine did nothing else.
    expect(json.secondsPerStep.min).toBeLessThan(1.5 * latency + 1);
  });

  it('that is unknown is refused before anything starts', async () => {
    const { stderr, code } = await run([...words, '--steps', '1', '--link', 'dsl'], folder);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^securenn: --link: expected lan \(.*\), wan \(.*\), or RTT_MS:MBPS.*found "dsl" \(fix: .*\)\n$/,
    );
  });
});

/** A network namespace has a loopback interface, and counters, of its own: nothing else on the machine is counted. */
const NAMESPACE = ['--map-root-user', '--net'];
const canUnshare = spawnSync('unshare', [...NAMESPACE, 'ip', 'link', 'set', 'lo', 'up']).status === 0;

describe.skipIf(!canUnshare)('bytes sent', () => {
  const words = common(writeNetwork(folder, 'wide', 1024));

  /** Bytes that the loopback interface carried during a training, and those that the parties say they sent. */
  function measure(steps: number): { carried: number; sent: number } {
    const json = join(folder, `${steps}.json`);
    const command = [
      process.execPath,
      MAIN,
      ...words,
      '--steps',
      `${steps}`,
      '--json',
      json,
      '--out',
      join(folder, 'm'),
    ];
    const script = 'ip link set lo up && "$@" >&2 && cat /proc/net/dev';
    const { stdout, stderr, status } = spawnSync('unshare', [...NAMESPACE, 'sh', '-c', script, 'sh', ...command], {
      encoding: 'utf8',
      cwd: folder,
    });
    if (status !== 0) throw new Error(stderr);
    const carried = Number(/lo:\s*(\d+)/.exec(stdout)![1]);
    return { carried, sent: steps * (JSON.parse(readFileSync(json, 'utf8')) as TrainJson).bytesSentPerStep.total };
  }

  it('are those that the loopback interface carries, but for the headers of WebSocket, TCP and IP', () => {
    // What both runs do alike (the warm-up, which takes 26 steps at most, sharing the data, the evaluation, the model) is no part of the difference.
    const [few, many] = [measure(30), measure(80)];
    const [carried, sent] = [many.carried - few.carried, many.sent - few.sent];
    expect(sent).toBeGreaterThan(50e6);
    expect(carried / sent).toBeGreaterThan(1);
    expect(carried / sent).toBeLessThan(1.02);
  });
});
