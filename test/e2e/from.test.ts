/** Training that begins with the weights of a model. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../src/data/read-model.ts';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { allGone, Command, run, writeNetwork, type Outcome } from './command.ts';
import { temporaryFolder } from '../folder.ts';

const folder = temporaryFolder('from');
const network = writeNetwork(folder);
const data = writeDataset(smallDataset(256, 64));
const options = ['--network', network, '--data', data, '--batch', '32', '--workers', '1'];
const keys = ['--insecure-keys', '5'];
/** So small a rate that weights stay where they are, to a few units. */
const still = ['--lr', '2^-20', '--momentum', '0', '--steps', '8'];

const train = (kind: string, ...words: string[]): Promise<Outcome> =>
  run([kind, 'train', ...options, ...(kind === 'local' ? keys : []), ...words], folder);

async function furthest(a: string, b: string): Promise<number> {
  const [x, y] = [await readModel(join(folder, a)), await readModel(join(folder, b))];
  return Math.max(
    ...[...x.tensors].flatMap(([name, { data }]) =>
      [...data].map((w, i) => Math.abs(w - y.tensors.get(name)!.data[i])),
    ),
  );
}

beforeAll(async () => {
  const outcome = await train('plain', '--epochs', '3', '--seed', '9', '--out', 'first');
  expect(outcome.code, outcome.stderr).toBe(0);
});

describe.each(['plain', 'local'])('%s train --from', (kind) => {
  it('begins with its weights, not with those of the seed', async () => {
    const warm = await train(kind, ...still, '--from', 'first', '--out', `${kind}-warm`);
    expect(warm.code, warm.stderr).toBe(0);
    expect(await furthest(`${kind}-warm`, 'first')).toBeLessThan(64 * 2 ** -16);
    const cold = await train(kind, ...still, '--out', `${kind}-cold`);
    expect(cold.code, cold.stderr).toBe(0);
    expect(await furthest(`${kind}-cold`, 'first')).toBeGreaterThan(0.05);
  });

  it('trains its network where none is named', async () => {
    const [, , ...rest] = options;
    const words = [kind, 'train', ...rest, ...(kind === 'local' ? keys : []), ...still];
    const model = ['--from', 'first', '--out', `${kind}-own`];
    const own = await run([...words, ...model], folder);
    expect(own.code, own.stderr).toBe(0);
    expect(await furthest(`${kind}-own`, 'first')).toBeLessThan(64 * 2 ** -16);
    const named = await run([...words, '--network', 'first', '--out', `${kind}-named`], folder);
    expect(named.code, named.stderr).toBe(0);
    expect(await furthest(`${kind}-named`, `${kind}-cold`)).toBeLessThan(64 * 2 ** -16);
  });

  it('refuses a file that is none, and a model of another network', async () => {
    const none = await train(kind, '--from', 'nothing');
    expect(none.stderr).toMatch(/^securenn: (warning.*\nsecurenn: )?model file nothing: cannot be read: .*--from\)\n$/);
    const wider = writeNetwork(folder, 'wider', 9);
    const other = await run([kind, 'train', '--network', wider, '--data', data, '--from', 'first'], folder);
    expect(other.stderr).toMatch(/first: holds network tiny \(16-8-4\), not the network wider \(16-9-4\) asked for/);
  });
});

describe('a run that began with a model', () => {
  const kept = ['--epochs', '2', '--from', 'first', '--checkpoint-every', '3'];

  it('goes on to the same weights, from its beginning with the same model alone', async () => {
    const undisturbed = await train('local', ...kept.slice(0, 4), '--out', 'undisturbed');
    expect(undisturbed.code, undisturbed.stderr).toBe(0);
    const whole = await train('local', ...kept, '--checkpoint', 'whole', '--out', 'whole-model');
    expect(whole.code, whole.stderr).toBe(0);
    expect(readFileSync(join(folder, 'whole-model')).equals(readFileSync(join(folder, 'undisturbed')))).toBe(true);

    // Over links so slow that it is in its first steps when it is killed, however late that is.
    const slow = ['--link', '200:100', '--checkpoint', 'cut', '--out', 'cut-model'];
    const command = new Command(['local', 'train', ...options, ...keys, ...kept, ...slow], folder);
    // The beginning is kept before anything is shared.
    await command.shows(/training tiny/);
    const parties = command.parties();
    process.kill(command.pid, 'SIGKILL');
    await command.outcome;
    await allGone(parties.values());
    const first = readFileSync(join(folder, 'first'));
    const changed = Buffer.from(first);
    changed[changed.length - 1] ^= 1;
    const resume = ['local', 'train', '--resume', 'cut', '--resume-step', '0'];
    writeFileSync(join(folder, 'first'), changed);
    const refused = await run(resume, folder);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/--resume: .*first is not the model that the run began with \(fix: put that model/);
    writeFileSync(join(folder, 'first'), first);
    expect((await run([...resume, '--from', 'undisturbed'], folder)).stderr).toMatch(
      /--from: the run to go on with began with .*first, found undisturbed \(fix: leave --from out\)/,
    );
    const resumed = await run([...resume, '--from', 'first'], folder);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(readFileSync(join(folder, 'cut-model')).equals(readFileSync(join(folder, 'undisturbed')))).toBe(true);
  });
});
