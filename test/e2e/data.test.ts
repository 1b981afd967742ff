/** Data of one's own, from a table to answers with names: how values were scaled goes with the model, through checkpoints and back. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../src/data/read-model.ts';
import { run, type Outcome } from './command.ts';
import { temporaryFolder } from '../folder.ts';

const folder = temporaryFolder('data');

/** Three kinds of flower that differ in size, measured in micrometres. */
const KINDS = ['iris', 'lily', 'rose'];
const rows = Array.from({ length: 96 }, (_, i) => {
  const kind = i % 3;
  const noise = (k: number): number => ((i * 37 + k * 11) % 17) - 8;
  return [20_000 * kind + 500 * noise(1), 3000 + 40 * noise(2), KINDS[kind]].join(',');
});
const named = ['--label-column', 'kind', '--test-share', '0.25'];
const scaled = ['--mean', 'auto', '--std', 'auto'];
const training = ['--network', 'net.json', '--batch', '24', '--lr', '0.1', '--workers', '1'];

const fine = (outcome: Outcome): Outcome => {
  expect(outcome.code, outcome.stderr).toBe(0);
  return outcome;
};

beforeAll(() => {
  writeFileSync(join(folder, 'flowers.csv'), `length,width,kind\n${rows.join('\n')}\n`);
  writeFileSync(join(folder, 'new.csv'), 'length,width\n39000,3010\n-500,2950\n');
  const layers = [{ type: 'dense', units: 8 }, { type: 'relu' }, { type: 'dense', units: 3 }];
  writeFileSync(join(folder, 'net.json'), JSON.stringify({ name: 'flowers', input: [2], layers }));
});

describe('a table', () => {
  it('is shown before it is used, and what was measured serves another owner', async () => {
    const shown = fine(await run(['data', 'show', './flowers.csv', ...named.slice(0, 2), ...scaled, '--json', 'show.json'], folder)); // prettier-ignore
    expect(shown.stdout).toContain('0 iris: 32 · 1 lily: 32 · 2 rose: 32');
    const report = JSON.parse(readFileSync(join(folder, 'show.json'), 'utf8')) as { scaling: { mean: number[] } };
    expect(report.scaling.mean).toHaveLength(2);
    expect(report.scaling.mean[1]).toBeCloseTo(3000, -2);
    const plain = [
      ...training,
      '--data',
      'flowers.csv',
      ...named,
      '--scaling',
      'show.json',
      '--epochs',
      '20',
      '--out',
      'plain',
    ];
    const trained = fine(await run(['plain', 'train', ...plain], folder));
    expect(trained.stderr).toMatch(/after epoch 20: 100\.00 %/);
    const { scaling, classNames } = await readModel(join(folder, 'plain'));
    expect([scaling, classNames]).toEqual([report.scaling, KINDS]);
  });

  it('as it is trains nothing, and it is said why', async () => {
    const raw = ['--data', 'flowers.csv', ...named, '--divide-by', '10', '--steps', '1', '--out', 'raw'];
    const outcome = fine(await run(['plain', 'train', ...training, ...raw], folder));
    expect(outcome.stderr).toMatch(/warning: values of flowers\.csv go up to 44\d*00 and are divided by 10/);
  });

  it('goes on with the run it began, without its options', async () => {
    const began = [
      '--data',
      'flowers.csv',
      ...named,
      ...scaled,
      '--epochs',
      '2',
      '--checkpoint',
      'kept',
      '--out',
      'first',
    ];
    fine(await run(['local', 'train', ...training, ...began], folder));
    fine(
      await run(['local', 'train', '--resume', 'kept', '--epochs', '4', '--out', 'second', '--workers', '1'], folder),
    );
    fine(await run(['checkpoint', 'export', 'kept', '--out', 'exported'], folder));
    const models = await Promise.all(['first', 'second', 'exported'].map((name) => readModel(join(folder, name))));
    for (const { scaling, classNames } of models) {
      expect(classNames).toEqual(KINDS);
      expect(scaling).toEqual(models[0].scaling);
    }
    const other = await run(['local', 'train', '--resume', 'kept', '--epochs', '5', ...named, '--mean', '1'], folder);
    expect(other.stderr).toContain('is not the data set that the run began with');
  });

  it('is classified as the model was trained, by name; scaled otherwise it is refused', async () => {
    const infer = ['local', 'infer', '--model', 'plain', '--images', 'new.csv', '--workers', '1'];
    const answered = fine(await run([...infer, '--out', 'classes.json'], folder));
    expect(answered.stdout).toMatch(/2 rose/);
    const answers = JSON.parse(readFileSync(join(folder, 'classes.json'), 'utf8')) as { class: number; name: string }[];
    expect(answers.map(({ class: found, name }) => [found, name])).toEqual([[2, 'rose'], [0, 'iris']]); // prettier-ignore
    const otherwise = await run([...infer, '--divide-by', '255'], folder);
    expect(otherwise.stderr).toMatch(
      /the model was trained on values as they are, less the mean .*; these are to be divided by 255 \(fix: leave/,
    );
    const warm = await run(
      ['plain', 'train', ...training, '--data', 'flowers.csv', ...named, '--from', 'plain'],
      folder,
    );
    expect(warm.stderr).toMatch(/--from: plain was trained on values .* \(fix: add --scaling plain\)/);
  });
});
