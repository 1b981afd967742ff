/** The commands from end to end: built program, four processes, real sockets, a small data set. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../src/data/read-model.ts';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { run, writeNetwork, type Outcome } from './command.ts';
import { temporaryFolder } from '../folder.ts';

interface TrainJson {
  readonly testAccuracyPercent: number;
  readonly testAccuracyPercents: readonly number[];
  readonly loss: number | null;
  readonly secondsPerStep: { readonly median: number; readonly min: number; readonly max: number };
  readonly bytesSentPerStep: { readonly p0: number; readonly p1: number; readonly p2: number; readonly total: number };
  readonly onlineRoundsPerStep: number;
  readonly megabytesSentPerSecond: number;
  readonly waitPercent: Readonly<Record<'p0' | 'p1' | 'p2' | 'all', number>> | null;
  readonly machine: object;
  readonly ranges?: readonly { readonly part: string }[];
}

const folder = temporaryFolder('e2e');
const network = writeNetwork(folder);
const data = writeDataset(smallDataset(256, 64));
const common = ['--network', network, '--data', data, '--batch', '32', '--workers', '1'];
const TRAIN_KEYS = [
  ...['command', 'network', 'suite', 'truncation', 'fractionBits', 'compareBits', 'backend', 'batch', 'link', 'steps'],
  ...['seed', 'lossFunction', 'optimizer', 'learningRate', 'lrDecay', 'lrDecayEpochs', 'momentum'],
  ...['secondsPerStep', 'bytesSentPerStep', 'onlineRoundsPerStep', 'megabytesSentPerSecond', 'waitPercent', 'loss'],
  ...['testAccuracyPercents', 'testAccuracyPercent', 'seconds', 'resumedFrom'],
  'machine',
];

function clean(outcome: Outcome): void {
  expect(outcome.stderr).not.toMatch(/securenn: |Error|Warning/);
  expect(outcome.code).toBe(0);
}

describe('train and infer', () => {
  const model = join(folder, 'out', 'model.safetensors');
  let trained: Outcome;
  let json: TrainJson;

  beforeAll(async () => {
    trained = await run(['local', 'train', ...common, '--epochs', '8', '--out', model, '--json', '-'], folder);
    clean(trained);
    json = JSON.parse(trained.stdout) as TrainJson;
  });

  it('train: standard output is one JSON object and nothing else', () => {
    expect(Object.keys(json)).toEqual(TRAIN_KEYS);
    expect(json).toMatchObject({
      command: 'local train',
      network: 'tiny',
      suite: 'direct',
      truncation: 'dealt',
      fractionBits: 16,
      compareBits: 33,
      backend: 'wasm',
      batch: 32,
      steps: 64,
    });
    expect(Object.keys(json.machine)).toEqual(['cpu', 'cores', 'memoryGiB', 'node', 'adapter']);
  });

  it('train: figures make sense', () => {
    const { median, min, max } = json.secondsPerStep;
    expect(min).toBeGreaterThan(0);
    expect(min).toBeLessThanOrEqual(median);
    expect(median).toBeLessThanOrEqual(max);
    const { p0, p1, p2, total } = json.bytesSentPerStep;
    expect(Math.min(p0, p1, p2)).toBeGreaterThan(1000);
    expect(total).toBe(p0 + p1 + p2);
    expect(json.onlineRoundsPerStep).toBeGreaterThan(5);
    expect(json.megabytesSentPerSecond).toBeGreaterThan(0);
    for (const percent of Object.values(json.waitPercent!)) {
      expect(percent).toBeGreaterThan(0);
      expect(percent).toBeLessThan(100);
    }
    expect(json.loss).toBeLessThan(0.7);
    expect(json.testAccuracyPercent).toBeGreaterThan(90);
    expect(json.testAccuracyPercents).toHaveLength(8);
    expect(json.testAccuracyPercents.at(-1)).toBe(json.testAccuracyPercent);
  });

  it('train: progress and the accuracy of every epoch are on standard error', () => {
    for (let epoch = 1; epoch <= 8; epoch++)
      expect(trained.stderr).toMatch(new RegExp(`after epoch ${epoch}: [\\d.]+ %`));
    expect(trained.stderr).toContain(`model saved: ${model}`);
    expect(trained.stderr).toMatch(
      /^64\/64 · .* · loss \d\.\d{4} · accuracy [\d.]+ % · \d+\.\d{3} s\/step · .* MB\/s · compute \d+ % · wait \d+ %$/m,
    );
  });

  it('plain train: the same training, nothing sent', async () => {
    const out = join(folder, 'plain.safetensors');
    const outcome = await run(['plain', 'train', ...common, '--epochs', '8', '--out', out, '--json', '-'], folder);
    clean(outcome);
    const plain = JSON.parse(outcome.stdout) as TrainJson;
    expect(Object.keys(plain)).toEqual(TRAIN_KEYS.toSpliced(TRAIN_KEYS.indexOf('seconds'), 0, 'ranges'));
    expect(plain.ranges!.map(({ part }) => part)).toEqual(expect.arrayContaining(['1:relu', 'loss']));
    expect(outcome.stderr).toMatch(/largest values \(comparisons hold below 65536/);
    expect(plain).toMatchObject({
      command: 'plain train',
      onlineRoundsPerStep: 0,
      megabytesSentPerSecond: 0,
      waitPercent: null,
    });
    expect(plain.bytesSentPerStep).toEqual({ p0: 0, p1: 0, p2: 0, total: 0 });
    // Both round stochastically, in units of 2^-16; 64 steps apart they still agree in the second digit.
    expect(Math.abs(plain.loss! - json.loss!)).toBeLessThan(0.02);
    const [a, b] = [await readModel(model), await readModel(out)];
    for (const [name, { data: values }] of a.tensors) {
      values.forEach((value, i) => expect(Math.abs(value - b.tensors.get(name)!.data[i])).toBeLessThan(0.02));
    }
  });

  it('infer: classifies with the model that train saved', async () => {
    const file = join(folder, 'infer.json');
    const words = ['local', 'infer', ...common, '--model', model, '--count', '48', '--json', file];
    const outcome = await run(words, folder);
    clean(outcome);
    expect(outcome.stdout).toMatch(/^\d+ of 48 right · /m);
    const report = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    expect(report).toMatchObject({ command: 'local infer', network: 'tiny', batch: 32, count: 48 });
    for (const key of [
      'secondsPerBatch',
      'bytesSentPerBatch',
      'onlineRounds',
      'megabytesSentPerSecond',
      'waitPercent',
      'machine',
    ])
      expect(report).toHaveProperty(key);
    const predictions = report.predictions as number[];
    const labels = Array.from({ length: 48 }, (_, i) => i % 4);
    expect(predictions.length).toBe(48);
    expect(report.correct).toBe(predictions.filter((predicted, i) => predicted === labels[i]).length);
    expect(report.correct).toBeGreaterThan(40);
  });

  it('infer: refuses the model of another network', async () => {
    const other = writeNetwork(folder, 'other', 6);
    const outcome = await run(['local', 'infer', '--network', other, '--data', data, '--model', model], folder);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toBe(
      `securenn: ${model}: holds network tiny (16-8-4), not the network other (16-6-4) asked for: ` +
        'its layer 0 (dense 8) is not layer 0 (dense 6) (fix: leave --network out: the model file holds its network)\n',
    );
  });
});

describe('train', () => {
  it('the paper suite trains; a loss may stay shared; a model without a name gets one of its own', async () => {
    const words = ['--steps', '3', '--suite', 'paper', '--no-show-loss', '--json', '-'];
    const outcome = await run(['local', 'train', ...common, ...words], folder);
    clean(outcome);
    const paper = { suite: 'paper', truncation: 'local', fractionBits: 13, compareBits: 64 };
    expect(JSON.parse(outcome.stdout)).toMatchObject({ ...paper, loss: null });
    expect(readdirSync(join(folder, 'models'))).toEqual([expect.stringMatching(/^tiny-\d{8}-\d{6}\.safetensors$/)]);
  });

  it('--insecure-keys repeats a run bit for bit, and warns each time', async () => {
    const models = ['a.safetensors', 'b.safetensors'];
    for (const out of models) {
      const outcome = await run(
        ['local', 'train', ...common, '--steps', '3', '--insecure-keys', '5', '--out', out],
        folder,
      );
      expect(outcome.code).toBe(0);
      expect(outcome.stderr).toMatch(/securenn: warning: --insecure-keys 5: .*protects no data/);
    }
    const [a, b] = models.map((name) => readFileSync(join(folder, name)));
    expect(a.equals(b)).toBe(true);
    expect(existsSync(join(folder, 'a.safetensors'))).toBe(true);
  });
});
