/** `local infer` of new images: no data set, no labels, no network but the model's own; and what is told when values leave their range. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatModel, type Model } from '../../src/data/model-file.ts';
import { readModel } from '../../src/data/read-model.ts';
import type { Prediction } from '../../src/cli/predictions.ts';
import { idxBytes, smallDataset, writeDataset } from '../data/fixtures.ts';
import { temporaryFolder } from '../folder.ts';
import { run, writeNetwork, type Outcome } from './command.ts';

const folder = temporaryFolder('infer');
const set = smallDataset(128, 32);
const data = writeDataset(set);
const model = join(folder, 'model.safetensors');
const images = join(folder, 'new.idx');
const infer = (...words: string[]): Promise<Outcome> =>
  run(['local', 'infer', '--model', model, '--workers', '1', ...words], folder);

beforeAll(async () => {
  const network = writeNetwork(folder);
  const words = ['--network', network, '--data', data, '--batch', '16', '--epochs', '10', '--out', model];
  expect(await run(['plain', 'train', ...words], folder)).toMatchObject({ code: 0 });
  writeFileSync(images, set.testImages);
});

describe('new images', () => {
  it('are classified without labels, with scores that give the same classes', async () => {
    const [csv, json] = [join(folder, 'x.csv'), join(folder, 'x.json')];
    const [sure, bare] = [
      await infer('--images', images, '--out', json),
      await infer('--images', images, '--no-scores', '--out', csv),
    ];
    for (const { code, stderr } of [sure, bare])
      expect({ code, warned: stderr.includes('warning') }).toEqual({ code: 0, warned: false });
    expect(sure.stdout).toMatch(/^image +class +probability +next\n0 +0 +[\d.]+ % +\d \([\d.]+ %\)\n/);
    expect(sure.stdout).toMatch(/^32 classified · /m);
    expect(bare.stdout).toMatch(/^image +class\n0 +0\n1 +1\n/);
    const found = JSON.parse(readFileSync(json, 'utf8')) as Prediction[];
    expect(found).toHaveLength(32);
    expect(found.every(({ scores, probability }) => scores!.length === 4 && probability! > 0.25)).toBe(true);
    expect(found.filter((each, i) => each.class === i % 4).length).toBeGreaterThan(28);
    const lines = readFileSync(csv, 'utf8').trimEnd().split('\n').slice(1);
    expect(lines).toEqual(found.map((each, i) => `${i},${each.class},,`));
  });

  it('with labels: how many are right', async () => {
    const labels = join(folder, 'labels.idx');
    writeFileSync(labels, set.testLabels);
    const { stdout } = await infer('--images', images, '--labels', labels, '--count', '8', '--json', '-');
    expect(JSON.parse(stdout)).toMatchObject({ count: 8, network: 'tiny', correct: 8 });
  });

  it('one raw image: shown, classified', async () => {
    const raw = join(folder, 'one.raw');
    writeFileSync(raw, Uint8Array.of(0, 0, 250, 250, 0, 0, 250, 250, 0, 0, 0, 0, 0, 0, 0, 0));
    const { stdout, code } = await infer('--images', raw);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {4}@@@@\n {4}@@@@\nimage /);
    expect(stdout).toMatch(/^0 +1 +/m);
  });

  it('of another size are refused', async () => {
    const wrong = join(folder, 'wrong.idx');
    writeFileSync(wrong, idxBytes([1, 3, 3], new Uint8Array(9)));
    expect((await infer('--images', wrong)).stderr).toBe(
      `securenn: network tiny takes [16], images of ${wrong} are 3 x 3 (fix: give images of that size to --images, or a model made for these to --model)\n`,
    );
  });
});

describe('values out of range', () => {
  async function scaled(factor: number): Promise<string> {
    const { network, fractionBits, tensors } = await readModel(model);
    const larger = [...tensors].map(
      ([name, { shape, data: x }]) => [name, { shape, data: x.map((w) => factor * w) }] as const,
    );
    const path = join(folder, `times-${factor}.safetensors`);
    const made: Model = { network, fractionBits, tensors: new Map(larger) };
    writeFileSync(path, formatModel(made));
    return path;
  }

  it('are told of before and after', async () => {
    const large = await scaled(1000);
    const words = ['local', 'infer', '--model', large, '--images', images, '--count', '4', '--workers', '1'];
    const { stderr } = await run(words, folder);
    expect(stderr).toMatch(/^warning: a score is [\d.e+]+, the comparison window holds 65536: .*--compare-bits/m);
    const classes = await run([...words, '--no-scores'], folder);
    expect(classes.stderr).toMatch(/^warning: layer network compares values up to .* the window holds 65536/m);
    const wide = await run([...words, '--compare-bits', '50'], folder);
    expect(wide.stderr).not.toContain('warning');
  });

  it('and local truncation that probably goes wrong', async () => {
    const words = ['local', 'infer', '--model', await scaled(4), '--data', data, '--count', '32', '--workers', '1'];
    const { stderr } = await run([...words, '--truncation', 'local', '--fraction-bits', '24'], folder);
    expect(stderr).toMatch(/^warning: a local truncation of this inference goes wrong with a probability of [\d.]+ %/m);
  });
});
