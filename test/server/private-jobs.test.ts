/**
 * Private trainings of all kinds, from end to end: graphs with residual branches, pooling and batch normalisation, batches in parts, both suites.
 * Each reaches the very model that a semi-honest one does under the same keys, draws from no address twice, and P2 is told no challenge twice.
 */
import { describe, expect, it } from 'vitest';
import type { RecordedMessage } from '../../src/channel/memory.ts';
import { ownTraining } from '../../src/client/training.ts';
import type { Model } from '../../src/data/model-file.ts';
import { countTraining } from '../../src/nn/count.ts';
import type { Network } from '../../src/nn/network.ts';
import type { TrainJob } from '../../src/server/job.ts';
import { watchAddresses } from '../addresses.ts';
import { session } from '../session.ts';
import { DIRECT_SUITE, PAPER_SUITE, SOFTMAX_SGD } from '../training.ts';
import { dataOf, OBSERVER } from './tiny-training.ts';

/** Branches that meet again, by sum and side by side, both poolings, and masks of dropout. */
const GRAPH: Network = {
  name: 'graph',
  input: [4, 4, 1],
  layers: [
    { type: 'conv2d', filters: 2, kernel: 3, padding: 1 },
    { type: 'relu', name: 'shared' },
    { type: 'conv2d', filters: 2, kernel: 1, name: 'branch' },
    { type: 'add', from: ['shared', 'branch'], name: 'sum' },
    { type: 'relu', name: 'met' },
    { type: 'maxpool', window: 2, name: 'left' },
    { type: 'averagepool', window: 2, from: 'met', name: 'right' },
    { type: 'concat', from: ['left', 'right'] },
    { type: 'dropout', rate: 0.25 },
    { type: 'flatten' },
    { type: 'dense', units: 3 },
  ],
};

const NORMED: Network = {
  name: 'normed',
  input: [4, 4, 1],
  layers: [
    { type: 'conv2d', filters: 2, kernel: 3, padding: 1 },
    { type: 'batchnorm' },
    { type: 'relu', name: 'shared' },
    { type: 'conv2d', filters: 2, kernel: 3, padding: 1 },
    { type: 'batchnorm', name: 'branch' },
    { type: 'add', from: ['shared', 'branch'] },
    { type: 'relu' },
    { type: 'globalaveragepool' },
    { type: 'dense', units: 3 },
  ],
};

const BASE: TrainJob = {
  ...{ kind: 'train', sessionId: 's', network: GRAPH, ...DIRECT_SUITE, ...SOFTMAX_SGD, batch: 4, learningRate: 0.25 },
  ...{ trainImages: 12, testImages: 12, steps: 2 },
};

interface Trained {
  readonly model: Model;
  readonly said: readonly RecordedMessage[];
  readonly repeated: readonly string[];
}

async function trained(job: TrainJob): Promise<Trained> {
  const said: RecordedMessage[] = [];
  let model: Model | undefined;
  const addresses = await watchAddresses(async () => {
    model = await session(job, (owner) => ownTraining(owner, job, dataOf(250), OBSERVER), {
      ...{ seed: 51, record: (message) => said.push(message) },
    });
  });
  return { model: model!, said, repeated: addresses.repeated() };
}

describe.each<[string, Partial<TrainJob>]>([
  ['a graph', {}],
  ['a graph, in parts of a batch', { microBatch: 1 }],
  ['a graph, paper suite', { ...PAPER_SUITE, steps: 1 }],
  ['a graph, in parts of a batch, paper suite', { ...PAPER_SUITE, steps: 1, microBatch: 3 }],
  ['a graph, by amsgrad', { optimizer: 'amsgrad', learningRate: 2 ** -6 }],
  ['batch normalisation and a residual branch', { network: NORMED }],
  ['a wide window', { compareBits: 61 }],
])('%s', (_, settings) => {
  it('trains in private as where parties are taken for honest', async () => {
    const job = { ...BASE, ...settings };
    const [open, closed] = [await trained(job), await trained({ ...job, security: 'private' })];
    expect(closed.model).toEqual(open.model);
    expect(closed.repeated).toEqual([]);
    const seeds = closed.said
      .filter(({ to, label }) => to === 'P2' && /\/proof\b.*:seed$/.test(label))
      .map(({ data }) => Buffer.from(data as Uint8Array).toString('hex'));
    expect(seeds.length).toBeGreaterThan(4);
    expect(new Set(seeds).size).toBe(seeds.length);
    // Every comparison of which P2 hears is proved.
    const heard = new Set(
      closed.said.filter(({ to, label }) => to === 'P2' && label.endsWith(':d')).map(({ label }) => label),
    );
    expect(heard.size).toBe(seeds.length);
  });
});

it('its messages, bytes and comparisons of digests are those that are counted beforehand', async () => {
  const job: TrainJob = { ...BASE, security: 'private' };
  const { said } = await trained(job);
  const between = said.filter(({ from, to }) => from !== 'owner' && to !== 'owner');
  const found = (pattern: RegExp): { messages: number; payloadBytes: number } => {
    const some = between.filter(({ label }) => pattern.test(label));
    return { messages: some.length, payloadBytes: some.reduce((sum, { data }) => sum + data.byteLength, 0) };
  };
  const { steps, evaluations } = await countTraining(GRAPH, job, { trainImages: 12, testImages: 12 });
  expect(steps.map(({ loss }) => loss)).toEqual([true, true]);
  const counted = [...steps, ...evaluations].map(({ messages, payloadBytes }) => ({ messages, payloadBytes }));
  expect([
    found(/^\/step\/1\/|^:openings\/0$/),
    found(/^\/step\/2\/|^:openings\/1$/),
    found(/^\/evaluation\/1\/|^:openings\/2$/),
  ]).toEqual(counted);
});
