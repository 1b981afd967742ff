/** Any process killed at any moment; the run goes on to the same weights, bit for bit. And what may be wrong with a checkpoint. */
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { testRandom } from '../reference.ts';
import { allGone, Command, run, writeNetwork, type Outcome } from './command.ts';
import { temporaryFolder } from '../folder.ts';

const folder = temporaryFolder('e2e');
const network = writeNetwork(folder);
const data = writeDataset(smallDataset(256, 64));
// Three epochs of eight steps, and a checkpoint every third step besides.
const options = [
  ...['--network', network, '--data', data, '--batch', '32', '--epochs', '3', '--insecure-keys', '5'],
  ...['--workers', '1', '--timeout', '20'],
];
const kept = ['--checkpoint-every', '3'];

const train = (...words: string[]): Promise<Outcome> => run(['local', 'train', ...words], folder);
const bytesOf = (file: string): Buffer => readFileSync(join(folder, file));

interface Report {
  readonly steps: number;
  readonly loss: number;
  readonly testAccuracyPercent: number;
  readonly resumedFrom: number | null;
}

function complaint({ code, stderr }: Outcome): string {
  expect(code, stderr).toBe(1);
  const lines = stderr.split('\n').filter((line) => /^securenn: (?!warning)/.test(line));
  expect(lines, stderr).toHaveLength(1);
  return lines[0];
}

let undisturbed: Report;
/** How long a training took, from its first step on. */
let trainingMs: number;

beforeAll(async () => {
  const command = new Command(['local', 'train', ...options, '--out', 'undisturbed', '--json', '-'], folder);
  await command.shows(/training tiny/);
  const begun = performance.now();
  const outcome = await command.outcome;
  trainingMs = performance.now() - begun;
  expect(outcome.code, outcome.stderr).toBe(0);
  undisturbed = JSON.parse(outcome.stdout) as Report;
});

describe('a run that is killed again and again', () => {
  const seed = Number(process.env.RESUME_SEED ?? Date.now() % 2 ** 32);
  const random = testRandom(seed);
  /** Who is killed, and when: as a part of the time that a whole training takes. */
  const moments = Array.from({ length: 10 }, () => ({
    victim: ['P0', 'P1', 'P2', 'owner'][Math.floor(4 * random())],
    part: random() / 3,
  }));
  const inWords = (some: typeof moments): string =>
    some.map(({ victim, part }) => `${victim} at ${part.toFixed(3)}`).join(', ');

  it.each([
    ['first', moments.slice(0, 5)],
    ['second', moments.slice(5)],
  ])(`the %s run goes on to the same weights (RESUME_SEED=${seed})`, async (checkpoints, kills) => {
    let words = [...options, ...kept, '--checkpoint', checkpoints];
    for (const { victim, part } of kills) {
      const command = new Command(['local', 'train', ...words, '--out', `killed-${checkpoints}`], folder);
      // After a kill that came too late the run has done all its steps.
      await command.shows(/training tiny|the run is finished/);
      const parties = command.parties();
      await sleep(part * trainingMs);
      try {
        process.kill(victim === 'owner' ? command.pid : parties.get(victim)!, 'SIGKILL');
      } catch {
        // It has done its work already: `process.kill` finds nobody.
      }
      const { code, stderr } = await command.outcome;
      if (victim !== 'owner' && code !== 0)
        expect(stderr).toMatch(new RegExp(`to go on from step \\d+: securenn local train --resume ${checkpoints}\\)`));
      await allGone(parties.values());
      words = ['--resume', checkpoints, '--workers', '1'];
    }
    const outcome = await train(...words, '--out', `resumed-${checkpoints}`, '--json', '-');
    expect(outcome.code, `${inWords(kills)}\n${outcome.stderr}`).toBe(0);
    expect(bytesOf(`resumed-${checkpoints}`).equals(bytesOf('undisturbed')), inWords(kills)).toBe(true);
    const report = JSON.parse(outcome.stdout) as Report;
    const { steps, loss, testAccuracyPercent } = undisturbed;
    expect(report).toMatchObject({ steps, loss, testAccuracyPercent });
    expect(outcome.stderr).toMatch(
      report.resumedFrom === steps
        ? /the run is finished: all 24 steps are done/
        : new RegExp(`going on with run [0-9a-f]{8} from step ${report.resumedFrom}\n`),
    );
  });
});

describe('checkpoints', () => {
  /** Of a whole run: those of steps 21 and 24 are there. */
  const whole = join(folder, 'whole');
  const copy = (name: string): string => {
    cpSync(whole, join(folder, name), { recursive: true });
    return name;
  };
  const fileOf = (name: string, keeper: string, step: number): string =>
    join(folder, name, keeper, `step-${String(step).padStart(8, '0')}.checkpoint`);

  beforeAll(async () => {
    const outcome = await train(...options, ...kept, '--checkpoint', 'whole', '--out', 'kept');
    expect(outcome.code, outcome.stderr).toBe(0);
  });

  it('change nothing about the run, and two are kept in each place', () => {
    expect(bytesOf('kept').equals(bytesOf('undisturbed'))).toBe(true);
    for (const keeper of ['owner', 'P0', 'P1', 'P2'])
      expect(readdirSync(join(whole, keeper))).toEqual(['step-00000021.checkpoint', 'step-00000024.checkpoint']);
  });

  it('of a finished run: it says so, computes nothing and gives the model where it was to be saved', async () => {
    const name = copy('finished');
    const before = readdirSync(folder).length;
    const again = await train('--resume', name, '--json', '-');
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toMatch(
      /^the run is finished: all 24 steps are done \(--epochs N trains on\)\nmodel is there: kept\n/,
    );
    expect(again.stderr).not.toMatch(/sharing|training/);
    const { steps, loss, testAccuracyPercent } = undisturbed;
    expect(JSON.parse(again.stdout)).toMatchObject({ steps, loss, testAccuracyPercent, resumedFrom: 24 });
    expect(readdirSync(folder)).toHaveLength(before);
    rmSync(join(folder, 'kept'));
    const saved = await train('--resume', name);
    expect(saved.stdout).toMatch(/^model saved: kept\n/);
    expect(bytesOf('kept').equals(bytesOf('undisturbed'))).toBe(true);
    // From an older step it trains again, to the file that the run was begun with.
    rmSync(join(folder, 'kept'));
    expect((await train('--resume', name, '--resume-step', '21')).code).toBe(0);
    expect(bytesOf('kept').equals(bytesOf('undisturbed'))).toBe(true);
  });

  it('of a finished run: more epochs go on as if they had been asked for at once', async () => {
    const four = options.map((word, i) => (options[i - 1] === '--epochs' ? '4' : word));
    const once = await train(...four, '--out', 'four');
    expect(once.code, once.stderr).toBe(0);
    const name = copy('longer');
    expect(complaint(await train('--resume', name, '--epochs', '2'))).toMatch(
      /--epochs: the run to go on with has 3 epochs, found 2 \(fix: give more than 3 to train on, or leave --epochs out\)/,
    );
    const more = await train('--resume', name, '--epochs', '4', '--out', 'longer-model', '--json', '-');
    expect(more.code, more.stderr).toBe(0);
    expect(bytesOf('longer-model').equals(bytesOf('four'))).toBe(true);
    expect(JSON.parse(more.stdout)).toMatchObject({ steps: 32, resumedFrom: 24 });
    const finished = await train('--resume', name);
    expect(finished.stderr).toMatch(/all 32 steps are done/);
    expect(finished.stdout).toMatch(/^model is there: longer-model\n/);
  });

  it('are those of one run at a time', async () => {
    const endless = options.flatMap((word, i) => (options[i - 1] === '--epochs' ? ['10000'] : [word]));
    const command = new Command(['local', 'train', ...endless, '--checkpoint', 'busy', '--out', 'busy-model'], folder);
    await command.shows(/training tiny/);
    for (const words of [
      [...options, '--checkpoint', 'busy'],
      ['--resume', 'busy'],
    ]) {
      expect(complaint(await train(...words))).toMatch(
        new RegExp(`busy: a run that is under way \\(process ${command.pid}\\) keeps its checkpoints here \\(fix: `),
      );
    }
    expect(command.process.exitCode).toBeNull();
    // Two in a hurry: the second ends it at once.
    process.kill(-command.pid, 'SIGINT');
    await sleep(50);
    process.kill(-command.pid, 'SIGINT');
    expect((await command.outcome).code).toBe(130);
  });

  it('are kept of the present step at Ctrl-C, and the message says how to go on', async () => {
    const words = [...options, '--checkpoint', 'my runs', '--checkpoint-every', '1000', '--out', 'stopped'];
    // Over links so slow that it is far from its end when it is stopped.
    const command = new Command(['local', 'train', ...words, '--link', '20:100', '--log-level', 'debug'], folder);
    await command.shows(/"party":"owner","step":\d+,.*"msg":"step done"/);
    process.kill(-command.pid, 'SIGINT');
    const { code, stderr } = await command.outcome;
    expect(code, stderr).toBe(130);
    const [, step] = /to go on from step (\d+): securenn local train --resume 'my runs'\n/.exec(stderr)!;
    expect(stderr).toMatch(/keeping a checkpoint of the present step; Ctrl-C once more ends at once\n/);
    expect(Number(step)).toBeGreaterThan(0);
    const resumed = await train('--resume', 'my runs');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stderr).toMatch(new RegExp(`from step ${step}\n`));
    expect(resumed.stdout).toMatch(/^model saved: stopped\n/);
    expect(bytesOf('stopped').equals(bytesOf('undisturbed'))).toBe(true);
  });

  it('hold the model, which can be saved without going on', async () => {
    const newest = await run(['checkpoint', 'export', 'whole', '--out', 'exported'], folder);
    expect(newest.code, newest.stderr).toBe(0);
    expect(newest.stdout).toBe('model of step 24 saved: exported\n');
    expect(bytesOf('exported').equals(bytesOf('undisturbed'))).toBe(true);
    const older = await run(['checkpoint', 'export', 'whole', '--step', '21'], folder);
    const [, path] = /^model of step 21 saved: (models.tiny-[\d-]+\.safetensors)\n$/.exec(older.stdout)!;
    expect(bytesOf(path).equals(bytesOf('undisturbed'))).toBe(false);
    expect(bytesOf(path)).toHaveLength(bytesOf('undisturbed').length);
    expect(complaint(await run(['checkpoint', 'export', 'nowhere'], folder))).toMatch(
      /nowhere: no step of which P0 and P1 both hold a checkpoint: P0 none; P1 none \(fix: give the folder that/,
    );
  });

  it('a damaged one is named, and the older one is good to go on from', async () => {
    const name = copy('damaged');
    const file = fileOf(name, 'P1', 24);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(file, bytes);
    const outcome = await train('--resume', name, '--out', 'never');
    expect(complaint(outcome)).toMatch(
      /damaged.P1.step-00000024\.checkpoint: is damaged or cut off: .* \(fix: go on from step 21, which is whole: securenn local train --resume damaged --resume-step 21\)$/,
    );
    expect(existsSync(fileOf(name, 'P1', 21))).toBe(true);
    const resumed = await train('--resume', name, '--resume-step', '21', '--out', 'from-21');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(bytesOf('from-21').equals(bytesOf('undisturbed'))).toBe(true);
  });

  it('one of another run in one party is refused, and both runs are named', async () => {
    const shorter = options.map((word, i) => (options[i - 1] === '--epochs' ? '1' : word));
    expect((await train(...shorter, '--checkpoint', 'other', '--out', 'other-model')).code).toBe(0);
    const name = copy('mixed');
    rmSync(join(folder, name, 'P2'), { recursive: true });
    cpSync(join(folder, 'other', 'P2'), join(folder, name, 'P2'), { recursive: true });
    expect(complaint(await train('--resume', name))).toMatch(
      /mixed.P2: the checkpoint of step 0 is of run [0-9a-f]{32}, the owner's newest of run [0-9a-f]{32} \(fix: /,
    );
  });

  it('are never written over by a new run', async () => {
    expect(complaint(await train(...options, '--checkpoint', 'whole'))).toMatch(
      /--checkpoint: whole.owner holds checkpoints of another run \(fix: go on with it by --resume whole, or/,
    );
  });

  it('go on with the options and the data they began with', async () => {
    expect(complaint(await train('--resume', 'whole', '--lr', '0.5'))).toMatch(
      /--lr: the run to go on with began with 0\.03125, found 0\.5 \(fix: leave --lr out/,
    );
    const other = writeDataset(smallDataset(255, 64));
    expect(complaint(await train('--resume', 'whole', '--data', other))).toMatch(
      /--resume: .* is not the data set that the run began with \(fix: /,
    );
    // The command that was typed first, with --resume added to it.
    const outcome = await train(...options, ...kept, '--checkpoint', 'whole', '--resume', 'whole', '--out', 'again');
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(bytesOf('again').equals(bytesOf('undisturbed'))).toBe(true);
  });
});
