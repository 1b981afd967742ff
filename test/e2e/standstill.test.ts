/** Ctrl-Z and `fg`: all processes stand still together for longer than any of them waits for another, and the run goes on. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { allGone, Command, writeNetwork } from './command.ts';
import { temporaryFolder } from '../folder.ts';

const folder = temporaryFolder('standstill');
const network = writeNetwork(folder);
const data = writeDataset(smallDataset(256, 64));
/** Waits for one message, in seconds, and more than a busy machine takes. A peer from which no byte comes counts as dead after ten. */
const TIMEOUT = 8;
const LIVENESS = 10;
const options = [
  ...['local', 'train', '--network', network, '--data', data, '--batch', '32', '--workers', '1'],
  ...['--timeout', String(TIMEOUT), '--log-level', 'debug', '--log-file', 'log', '--out', 'model'],
];

let command: Command;
afterEach(() => {
  try {
    process.kill(-command.pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
});

/** Steps that the owner has heard of. */
const steps = (): number => readFileSync(`${folder}/log`, 'utf8').split('"msg":"step done"').length - 1;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    if (command.process.exitCode !== null) throw new Error(`it ended:\n${command.stderr}`);
    await sleep(20);
  }
}

describe('a process group that is stopped and goes on', () => {
  it('trains on', async () => {
    command = new Command([...options, '--steps', '100000'], folder);
    await command.shows(/training tiny/);
    for (const seconds of [TIMEOUT + 2, LIVENESS + 4]) {
      const before = steps();
      await until(() => steps() > before + 5);
      process.kill(-command.pid, 'SIGSTOP');
      await sleep(1000 * seconds);
      const stopped = steps();
      process.kill(-command.pid, 'SIGCONT');
      await until(() => steps() > stopped + 20);
    }
    const parties = command.parties();
    expect(parties.size).toBe(3);
    // One that is dead is noticed as before.
    process.kill(parties.get('P1')!, 'SIGSTOP');
    const { code, stderr } = await command.outcome;
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(
      /securenn: party P1 does not respond: P[02] (waited 8 s for |lost P1: no sign of life for 10 s)/,
    );
    await allGone(parties.values(), 0);
  });
});
