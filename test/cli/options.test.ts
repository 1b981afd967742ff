import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import yargs, { type Options } from 'yargs';
import { describe, expect, it } from 'vitest';
import { inferOptions, readInferSettings, type InferSettings } from '../../src/cli/options/inference.ts';
import { readTrainSettings, trainOptions, type TrainSettings, withRanks } from '../../src/cli/options/training.ts';
import { Problem } from '../../src/data/problem.ts';
import type { Argv } from '../../src/cli/options/values.ts';
import { temporaryFolder } from '../folder.ts';

function parse(options: Readonly<Record<string, Options>>, words: string): Argv {
  return yargs(words)
    .options(options)
    .parserConfiguration({ 'camel-case-expansion': false, 'dot-notation': false, 'parse-numbers': false })
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new Error(message);
    })
    .parseSync();
}

const train = (words: string): TrainSettings => readTrainSettings(parse(trainOptions, words));
const infer = (words: string): InferSettings => readInferSettings(parse(inferOptions, words));

describe('--ranks auto', () => {
  const ranks = (words: string, cores: number): number | undefined =>
    readTrainSettings(withRanks(parse(trainOptions, words), cores)).ranks;

  it('is a core for each rank of three parties, no more than images in a batch, and one with a GPU', () => {
    expect([2, 5, 6, 16, 36].map((cores) => ranks('--ranks auto', cores))).toEqual([undefined, undefined, 2, 5, 12]);
    expect(ranks('--ranks auto --batch 4', 36)).toBe(4);
    expect(ranks('--ranks auto --network resnet20', 36)).toBe(12);
    expect(ranks('--ranks auto --backend webgpu', 36)).toBeUndefined();
    expect(ranks('--ranks 3', 36)).toBe(3);
    expect(ranks('', 36)).toBeUndefined();
  });

  it('is of local train alone', () => {
    expect(() => train('--ranks auto')).toThrow('--ranks: expected a whole number from 1 to 256, found "auto"');
  });
});

describe('defaults', () => {
  it('are those of the direct suite', () => {
    expect(train('')).toMatchObject({
      network: { name: 'A' },
      data: 'mnist',
      suite: 'direct',
      truncation: 'dealt',
      fractionBits: 16,
      compareBits: 33,
      backend: 'auto',
      fallbackAdapter: false,
      batch: 128,
      epochs: 5,
      steps: undefined,
      loss: 'softmax',
      optimizer: 'sgd',
      learningRate: 2 ** -4,
      lrDecay: 1,
      lrDecayEpochs: 1,
      momentum: 0.9,
      showLoss: true,
      insecureKeys: undefined,
      port: undefined,
      link: undefined,
      json: undefined,
      out: undefined,
    });
  });

  it('take the parties for honest unless asked not to', () => {
    expect(train('').security).toBeUndefined();
    expect(train('--security semi-honest').security).toBeUndefined();
    expect(train('--security private').security).toBe('private');
    expect(infer('--model m --security private').security).toBe('private');
    expect(() => train('--security malicious')).toThrow(/--security/);
  });

  it('follow the suite', () => {
    const paper = { suite: 'paper', truncation: 'local', fractionBits: 13, compareBits: 64 };
    expect(train('--suite paper')).toMatchObject(paper);
    expect(train('--suite paper --truncation dealt --fraction-bits 16')).toMatchObject({
      ...paper,
      truncation: 'dealt',
      fractionBits: 16,
    });
  });

  it('follow network, loss and optimizer', () => {
    expect(train('--network C').learningRate).toBe(2 ** -5);
    expect(train('--network D').learningRate).toBe(2 ** -4);
    expect(train('--loss asm')).toMatchObject({ learningRate: 2 ** -7, momentum: 0 });
    expect(train('--optimizer adam').learningRate).toBe(2 ** -10);
    expect(train('--loss asm --lr 2^-4 --momentum 0.5')).toMatchObject({ learningRate: 2 ** -4, momentum: 0.5 });
  });

  it('give way to --steps', () => {
    expect(train('--steps 50')).toMatchObject({ steps: 50, epochs: undefined });
  });
});

describe('values', () => {
  it('are read', () => {
    expect(
      train(
        '--batch 4096 --lr 2^-5 --momentum 0 --seed 0 --fraction-bits 24 --compare-bits 61 --no-show-loss --json -',
      ),
    ).toMatchObject({
      batch: 4096,
      learningRate: 2 ** -5,
      momentum: 0,
      seed: 0,
      fractionBits: 24,
      compareBits: 61,
      showLoss: false,
      json: '-',
    });
    expect(train('--lr 1e-3 --insecure-keys 7 --timeout 5 --port 9000')).toMatchObject({
      learningRate: 1e-3,
      insecureKeys: 7,
      timeoutMs: 5000,
      port: 9000,
    });
    expect(train('--link 20:12.5').link).toEqual({ rttMs: 20, megabytesPerSecond: 12.5 });
    expect(infer('--model m.safetensors --count 3')).toMatchObject({ model: 'm.safetensors', count: 3 });
  });

  it('may be a network in a file', () => {
    const path = join(temporaryFolder('net'), 'net.json');
    writeFileSync(path, JSON.stringify({ name: 'small', input: [16], layers: [{ type: 'dense', units: 4 }] }));
    expect(train(`--network ${path}`).network).toMatchObject({ name: 'small', input: [16] });
  });

  it('may have as many classes as the loss takes', () => {
    const path = join(temporaryFolder('net'), 'net.json');
    const classes = (units: number): void =>
      writeFileSync(path, JSON.stringify({ name: 'many', input: [16], layers: [{ type: 'dense', units }] }));
    classes(8191);
    expect(train(`--network ${path}`).network.layers).toEqual([{ type: 'dense', units: 8191 }]);
    expect(() => train(`--network ${path} --fraction-bits 18`)).toThrow(
      '--network: many has 8191 classes: softmax with 18 fractional bits takes 2 to 511',
    );
    classes(8192);
    expect(() => train(`--network ${path}`)).toThrow(Problem);
    expect(train(`--network ${path} --loss asm`).network.layers).toEqual([{ type: 'dense', units: 8192 }]);
    classes(1);
    expect(() => train(`--network ${path}`)).toThrow('many has 1 class: softmax');
  });
});

describe('inference', () => {
  it('takes network and images from the model and MNIST unless told', () => {
    expect(infer('--model m')).toMatchObject({
      ...{ model: 'm', network: undefined, data: 'mnist', images: undefined, labels: undefined },
      ...{ count: undefined, scores: true, out: undefined },
    });
    expect(infer('--model m --network D --images x --labels y --count 3 --no-scores --out z.csv')).toMatchObject({
      ...{ network: { name: 'D' }, images: 'x', labels: 'y', count: 3, scores: false, out: 'z.csv' },
    });
  });

  it.each([
    ['--images x --data mnist', '--images and --data: both say what to classify'],
    ['--labels y', '--labels: goes with --images'],
    ['--out z.txt', '--out: expected FILE.csv or FILE.json, found "z.txt"'],
    ['--count 0', '--count: expected a whole number of at least 1, found 0'],
  ])('%s is refused', (words, message) => {
    expect(() => infer(`--model m ${words}`)).toThrow(message);
    expect(() => infer(`--model m ${words}`)).toThrow(Problem);
  });
});

describe('watching', () => {
  it.each([
    ['', { level: 'silent', file: undefined }],
    ['--log-level warn', { level: 'warn', file: undefined }],
    ['--log-file run.log', { level: 'info', file: 'run.log' }],
    ['--log-file run.log --log-level debug', { level: 'debug', file: 'run.log' }],
  ])('log %s', (words, log) => expect(infer(`--model m ${words}`).log).toEqual(log));

  it.each([
    ['', undefined],
    ['--metrics 0', { host: '127.0.0.1', port: 0 }],
    ['--metrics 9464', { host: '127.0.0.1', port: 9464 }],
    ['--metrics 0.0.0.0:9464', { host: '0.0.0.0', port: 9464 }],
    ['--metrics party.example:9464', { host: 'party.example', port: 9464 }],
    ['--metrics [::1]:9464', { host: '::1', port: 9464 }],
  ])('%s', (words, metrics) => expect(train(words).metrics).toEqual(metrics));
});

describe('wrong values', () => {
  const folder = temporaryFolder('net');
  writeFileSync(join(folder, 'text.json'), 'hello');
  const normed = [{ type: 'dense', units: 3 }, { type: 'batchnorm' }];
  writeFileSync(join(folder, 'norm.json'), JSON.stringify({ name: 'n', input: [784], layers: normed }));
  writeFileSync(join(folder, 'relu.json'), JSON.stringify({ name: 'x', input: [4], layers: [{ type: 'relu' }] }));

  it.each([
    ['--batch 0', /^--batch: expected a whole number from 1 to 4096, found 0$/],
    ['--batch 4097', /found 4097/],
    ['--batch 12.5', /found 12.5/],
    ['--batch many', /found "many"/],
    ['--batch 1 --batch 2', /^--batch: given 2 times$/],
    ['--epochs 3 --epochs 1', /^--epochs: given 2 times$/],
    ['--batch 0x10', /found "0x10"/],
    ['--loss hinge', /^--loss: expected softmax or asm, found "hinge"$/],
    ['--optimizer adam --truncation local', /^--optimizer: adam needs the dealt truncation/],
    ['--lr-decay 0', /^--lr-decay: expected a number above 0/],
    ['--lr-decay-epochs 0', /^--lr-decay-epochs: expected a whole number from 1/],
    ['--epochs 0', /^--epochs: expected a whole number from 1/],
    ['--steps -1', /^--steps: .*found -1/],
    ['--steps 5 --epochs 5', /^--epochs and --steps: both/],
    ['--lr 0', /^--lr: expected a number above 0, at most 1, found 0$/],
    ['--lr 1.5', /found 1.5/],
    ['--lr fast', /found "fast"/],
    ['--momentum 1', /^--momentum: expected a number from 0 to below 1, found 1$/],
    ['--suite fast', /^--suite: expected direct or paper, found "fast"$/],
    ['--truncation none', /^--truncation: expected dealt or local/],
    ['--fraction-bits 7', /^--fraction-bits: expected a whole number from 8 to 24/],
    ['--fraction-bits 25', /found 25/],
    ['--compare-bits 62', /^--compare-bits: expected a whole number from 2 to 61, found 62$/],
    [
      '--compare-bits 20',
      /^--compare-bits: 20 leave too few whole bits beside 16 fractional ones: expected at least 23$/,
    ],
    ['--fraction-bits 24 --compare-bits 30', /expected at least 31/],
    ['--suite paper --compare-bits 33', /^--compare-bits: the paper suite compares all 64 bits, found 33$/],
    ['--backend gpu', /^--backend: expected auto or wasm or webgpu/],
    ['--seed -1', /^--seed: expected a whole number of at least 0, found -1$/],
    ['--security private --insecure-keys 7', /^--insecure-keys: anybody can compute such keys/],
    ['--insecure-keys x', /^--insecure-keys: expected a whole number of at least 0, found "x"$/],
    ['--port 0', /^--port: /],
    ['--port 65534', /^--port: .*found 65534/],
    ['--timeout 0', /^--timeout: /],
    ['--workers 0', /^--workers: /],
    ['--link dsl', /^--link: expected lan \(0\.22 ms, 625 MB\/s\), wan .* or RTT_MS:MBPS, .*found "dsl"$/],
    ['--link 58:0', /^--link: expected 0\.01 to 100000 megabytes a second, found "0"$/],
    ['--log-level loud', /^--log-level: expected silent or error or warn or info or debug, found "loud"$/],
    ['--log-file x --log-level silent', /^--log-file: --log-level silent logs nothing$/],
    ['--metrics prometheus', /^--metrics: expected PORT or HOST:PORT, the port from 0 to 65533, found "prometheus"$/],
    ['--metrics 65534', /^--metrics: .*found "65534"$/],
    ['--metrics -1', /^--metrics: .*found "-1"$/],
    ['--metrics :9464', /^--metrics: .*found ":9464"$/],
    ['--metrics ::1:9464', /^--metrics: .*found "::1:9464"$/],
    ['--metrics 1 --metrics 2', /^--metrics: given 2 times$/],
    ['--link lan --link wan', /^--link: given 2 times$/],
    ['--network Z', /^--network: no network and no file is named Z$/],
    ['--network toString', /no network and no file is named toString/],
    [`--network ${join(folder, 'text.json')}`, /text\.json: not readable as JSON/],
    [`--network ${join(folder, 'relu.json')}`, /relu\.json: no layer has weights/],
    [`--network ${folder}`, /cannot be read: it is a folder$/],
    [
      `--network ${join(folder, 'norm.json')} --truncation local`,
      /^--network: n: layer 1 \(batchnorm\) needs the dealt truncation/,
    ],
    [
      `--network ${join(folder, 'norm.json')} --batch 1`,
      /^--network: n: layer 1 \(batchnorm\) needs 2 numbers a channel in each step, found 1$/,
    ],
  ])('%s', (words, message) => {
    expect(() => train(words)).toThrow(message);
    expect(() => train(words)).toThrow(Problem);
  });

  it('an option without its value', () => {
    expect(() => train('--batch')).toThrow('Not enough arguments following: batch');
  });
});
