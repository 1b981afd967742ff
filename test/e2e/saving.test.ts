/** The result of a training is tried for room before, and not lost after. */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModel } from '../../src/data/read-model.ts';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { Command, run, writeNetwork } from './command.ts';
import { temporaryFolder } from '../folder.ts';

const folder = temporaryFolder('saving');
const network = writeNetwork(folder);
const data = writeDataset(smallDataset(256, 64));
const options = ['--network', network, '--data', data, '--batch', '32', '--workers', '1'];
/** So long that it is under way when a test does something to it, even if that comes late. */
const LONG = { plain: ['--steps', '2000'], local: ['--steps', '30', '--link', '20:100'] };

describe.each(['plain', 'local'] as const)('%s train', (kind) => {
  it('finds out before it trains that the model has no place', async () => {
    const place = temporaryFolder('place');
    writeFileSync(join(place, 'models'), 'a file');
    const outcome = await run([kind, 'train', ...options], place);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(
      /^securenn: --out: models.tiny-[\d-]+\.safetensors cannot be written: a part of the path is a file.* \(fix: give another file to --out\)\n$/,
    );
  });

  it('leaves no folder for a model that it did not train', async () => {
    const place = temporaryFolder('place');
    const outcome = await run([kind, 'train', ...options, '--batch', '300'], place);
    expect(outcome.code).toBe(1);
    expect(readdirSync(place)).toEqual([]);
  });

  it('saves the model elsewhere when its place has vanished', async () => {
    const [place, home] = [temporaryFolder('place'), temporaryFolder('home')];
    mkdirSync(join(place, 'mine'));
    const command = new Command([kind, 'train', ...options, ...LONG[kind], '--out', 'mine/model'], place, {
      HOME: home,
    });
    await command.shows(/training tiny/);
    rmSync(join(place, 'mine'), { recursive: true });
    writeFileSync(join(place, 'mine'), 'a file');
    const { code, stdout, stderr } = await command.outcome;
    expect(code, stderr).toBe(1);
    const [, path] = /; it is saved as (\S+) \(fix: move it from there\)\n$/.exec(stderr)!;
    expect(path.startsWith(join(home, 'securenn-'))).toBe(true);
    expect(stdout).toContain(`model saved: ${path}\n`);
    expect((await readModel(path)).network.name).toBe('tiny');
  });

  it('saves it under its name when the working folder was moved away', async () => {
    const place = temporaryFolder('place');
    mkdirSync(join(place, 'work'));
    const command = new Command([kind, 'train', ...options, ...LONG[kind], '--out', 'model'], join(place, 'work'));
    await command.shows(/training tiny/);
    renameSync(join(place, 'work'), join(place, 'moved'));
    const { code, stderr } = await command.outcome;
    expect(code, stderr).toBe(0);
    expect((await readModel(join(place, 'work', 'model'))).network.name).toBe('tiny');
  });
});
