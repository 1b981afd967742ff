/** `estimate` against `local train` and `local infer`: bytes and rounds exactly, time within a factor of two. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Memory, memoryOf } from '../../src/server/memory.ts';
import { readTrainSettings } from '../../src/cli/options/training.ts';
import { countInference, countTraining } from '../../src/nn/count.ts';
import { parseNetwork } from '../../src/nn/networkFile.ts';
import { readFileSync } from 'node:fs';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { DIRECT_SUITE, SOFTMAX_SGD } from '../training.ts';
import { run, writeNetwork } from './command.ts';
import { temporaryFolder } from '../folder.ts';

interface Json {
  readonly secondsPerStep: { readonly min: number };
  readonly onlineRoundsPerStep: number;
  readonly bytesSentPerStep: { readonly total: number };
  readonly onlineRounds: number;
  readonly bytesSentPerBatch: { readonly total: number };
}

interface Estimate {
  readonly lines: readonly {
    readonly what: string;
    readonly counted: { readonly bytes: number; readonly rounds: number };
    readonly seconds: { readonly total: number };
  }[];
  readonly memory: Memory;
}

const folder = temporaryFolder('e2e');
const path = writeNetwork(folder);
const network = parseNetwork(JSON.parse(readFileSync(path, 'utf8')), path);
const data = writeDataset(smallDataset(256, 64));
const model = join(folder, 'model');
const link = ['--link', '40:100'];
const STEPS = 12; // past step 9, where labels grow
const options = { ...SOFTMAX_SGD, ...DIRECT_SUITE, learningRate: 2 ** -5, batch: 32, steps: STEPS };

const DEFAULTS = { suite: 'direct', backend: 'auto', loss: 'softmax', optimizer: 'sgd' };
const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

describe('estimate', () => {
  let trained: Json;
  beforeAll(async () => {
    const words = ['--network', path, '--data', data, '--batch', '32', '--workers', '1', ...link, '--json', '-'];
    const { stdout, stderr, code } = await run(
      ['local', 'train', ...words, '--steps', `${STEPS}`, '--out', model],
      folder,
    );
    if (code !== 0) throw new Error(stderr);
    trained = JSON.parse(stdout) as Json;
  });

  it('counts the bytes and rounds of a training, frames and labels included', async () => {
    const { steps } = await countTraining(network, options, { trainImages: 256, testImages: 64 });
    expect(steps).toHaveLength(STEPS);
    // Each party's mean is rounded.
    expect(Math.abs(trained.bytesSentPerStep.total - mean(steps.map(({ bytes }) => bytes)))).toBeLessThanOrEqual(1.5);
    const sorted = steps.map(({ rounds }) => rounds).toSorted((a, b) => a - b);
    expect(trained.onlineRoundsPerStep).toBe((sorted[5] + sorted[6]) / 2);
  });

  it('counts those of an inference', async () => {
    const words = ['local', 'infer', '--network', path, '--data', data, '--model', model, '--workers', '1'];
    const { stdout, stderr, code } = await run(
      [...words, '--no-scores', '--batch', '8', '--count', '24', '--json', '-'],
      folder,
    );
    if (code !== 0) throw new Error(stderr);
    const json = JSON.parse(stdout) as Json;
    const batches = await countInference(network, DIRECT_SUITE, 8, 3);
    expect(Math.abs(json.bytesSentPerBatch.total - mean(batches.map(({ bytes }) => bytes)))).toBeLessThanOrEqual(1.5);
    expect(json.onlineRounds).toBe(batches.reduce((sum, { rounds }) => sum + rounds, 0));
  });

  it('says how long a step takes on a link, within a factor of two', async () => {
    const words = [
      'estimate',
      path,
      '--batch',
      '32',
      '--images',
      '256',
      '--test-images',
      '64',
      '--workers',
      '1',
      ...link,
    ];
    const { stdout, stderr, code } = await run([...words, '--json', '-'], folder);
    if (code !== 0) throw new Error(stderr);
    const { lines, memory } = JSON.parse(stdout) as Estimate;
    const step = lines.find(({ what }) => what === 'a training step')!;
    expect(step.counted.rounds).toBeGreaterThan(10);
    // The step in which the machine did nothing else.
    const ratio = step.seconds.total / trained.secondsPerStep.min;
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
    expect(lines.map(({ what }) => what)).toContain('an epoch');
    const settings = readTrainSettings({ ...DEFAULTS, network: path, batch: 32 });
    expect(memory).toEqual(await memoryOf(settings, { trainImages: 256, testImages: 64 }));
  });

  it('refuses what it cannot estimate', async () => {
    for (const [words, message] of [
      [['estimate', 'nowhere.json'], /^securenn: --network: no network and no file is named nowhere\.json/],
      [['estimate', path, '--link', '1'], /^securenn: --link: expected lan/],
      [['estimate', path, '--images', '10'], /^securenn: --batch: 128 of only 10 images/],
      [['estimate'], /^securenn: /],
    ] as const) {
      const { code, stderr } = await run(words, folder);
      expect(stderr).toMatch(message);
      expect(code).toBe(1);
    }
  });
});
