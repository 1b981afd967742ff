import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/data/problem.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import type { Network } from '../../src/nn/network.ts';
import { noticeSchema, orderSchema } from '../../src/server/ipc.ts';
import {
  checkpointDue,
  checkSchedule,
  configurationFields,
  jobSchema,
  originalJob,
  type InferJob,
  type Job,
  type MicroJob,
  type TrainJob,
} from '../../src/server/job.ts';
import { DIRECT_SUITE, SOFTMAX_SGD } from '../training.ts';

const common = {
  sessionId: 'abc',
  network: NETWORKS.A,
  ...DIRECT_SUITE,
  batch: 128,
} as const;

const training: TrainJob = {
  kind: 'train',
  ...common,
  trainImages: 60_000,
  testImages: 10_000,
  epochs: 5,
  ...SOFTMAX_SGD,
};

const inference: InferJob = { kind: 'infer', ...common, images: 128 };

const micro: MicroJob = {
  kind: 'micro',
  sessionId: 'abc',
  ...DIRECT_SUITE,
  operations: [{ kind: 'relu', count: 10, kept: false }],
  repetitions: 3,
};

/** The name of the first field that differs. */
function firstDifference(a: Job, b: Job): string | undefined {
  const [x, y] = [configurationFields(a), configurationFields(b)];
  const place = [...x, ...y].findIndex((_, i) => x[i]?.[0] !== y[i]?.[0] || x[i]?.[1] !== y[i]?.[1]);
  return (x[place] ?? y[place])?.[0];
}

describe('configuration fields', () => {
  it.each(Object.values(NETWORKS))('know $name by its content, in whatever order a layer has its fields', (network) => {
    const layers = network.layers.map((layer) => Object.fromEntries(Object.entries(layer).toReversed()));
    const reversed = jobSchema.parse({ ...training, network: { layers, input: network.input, name: network.name } });
    expect(firstDifference({ ...training, network }, reversed)).toBeUndefined();
    const written = { ...training, network: { ...network, layers: layers as unknown as Network['layers'] } };
    expect(firstDifference({ ...training, network }, written)).toBeUndefined();
  });

  const wider = { ...NETWORKS.A, layers: [...NETWORKS.A.layers.slice(0, -1), { type: 'dense', units: 11 } as const] };

  it.each<[string, Partial<TrainJob>]>([
    ['suite', { suite: 'paper' }],
    ['truncation', { truncation: 'local' }],
    ['fraction bits', { fractionBits: 13 }],
    ['compare bits', { compareBits: 61 }],
    ['network', { network: { ...NETWORKS.A, name: 'a' } }],
    ['network digest', { network: wider }],
    ['batch', { batch: 64 }],
    ['profile', { profile: true }],
    ['security', { security: 'private' }],
    ['insecure keys', { insecureKeys: 0 }],
    ['training images', { trainImages: 59_999 }],
    ['test images', { testImages: 1 }],
    ['test images', { testImages: 0 }],
    ['counts per class', { perClass: true }],
    ['epochs', { epochs: 4 }],
    ['epochs', { epochs: undefined, steps: 5 }],
    ['loss', { loss: 'asm' }],
    ['optimizer', { optimizer: 'adam' }],
    ['learning rate', { learningRate: 2 ** -5 }],
    ['learning rate decay', { lrDecay: 0.5 }],
    ['learning rate decay epochs', { lrDecayEpochs: 2 }],
    ['momentum', { momentum: 0 }],
    ['seed', { seed: 2 }],
    ['ranks', { ranks: 2 }],
    ['show loss', { showLoss: false }],
    ['checkpoint every', { checkpointEvery: 10 }],
    ['run', { resume: { run: 'xyz', step: 5 } }],
  ])('%s is compared', (name, change) => {
    expect(firstDifference(training, { ...training, ...change })).toBe(name);
  });

  it('tell apart the runs that sessions go on with, and their steps', () => {
    const resumed = (run: string, step: number): TrainJob => ({ ...training, resume: { run, step } });
    expect(firstDifference(resumed('x', 5), resumed('y', 5))).toBe('run');
    expect(firstDifference(resumed('x', 5), resumed('x', 6))).toBe('resume from step');
    expect(originalJob(resumed('x', 5))).toEqual({ ...training, sessionId: 'x', resume: undefined });
    // By how many ranks a session computes a run says nothing about it.
    expect(originalJob({ ...resumed('x', 5), ranks: 4 })).toEqual({ ...training, sessionId: 'x', resume: undefined });
  });

  it('tell the kinds of job apart', () => {
    expect(firstDifference(training, inference)).toBe('job');
    expect(firstDifference(inference, { ...inference, images: 127 })).toBe('images');
    expect(firstDifference(inference, { ...inference, scores: true })).toBe('scores');
  });

  it('cover every field of a job but its session, which the handshake compares', () => {
    const uncovered = new Set<string>();
    for (const job of [training, inference, micro]) {
      for (const [key, value] of Object.entries(job)) {
        if (key === 'kind') continue; // the test before
        const other = typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : 'another';
        const changed = { ...job, [key]: key === 'network' ? wider : other };
        if (firstDifference(job, changed) === undefined) uncovered.add(key);
      }
    }
    expect([...uncovered]).toEqual(['sessionId']);
  });
});

describe('checkpoints', () => {
  const due = (job: Partial<TrainJob>, steps: number): number[] =>
    Array.from({ length: steps }, (_, i) => i + 1).filter((step) => checkpointDue(step, { ...training, ...job }));

  it('are kept after each epoch, every so many steps, and at the end', () => {
    const small = { trainImages: 40, batch: 10 };
    expect(due({ ...small, checkpointEvery: 3 }, 12)).toEqual([3, 4, 6, 8, 9, 12]);
    expect(due({ ...small, epochs: undefined, steps: 11, checkpointEvery: 4 }, 11)).toEqual([4, 8, 11]);
    expect(due(small, 12)).toEqual([]);
  });
});

describe('messages between processes', () => {
  const address = { host: '127.0.0.1', port: 9000, publicKey: 'ab'.repeat(32) };
  const start = {
    type: 'start',
    job: training,
    parties: { P0: address, P1: address, P2: address },
    ends: { kind: 'owner', publicKey: 'cd'.repeat(32) },
    timeoutMs: 1000,
    compute: { backend: 'auto', fallbackAdapter: false, workers: 1 },
  };

  it('survive the trip through JSON', () => {
    const trip = (job: Job): unknown => jobSchema.parse(JSON.parse(JSON.stringify(job)));
    expect(trip(training)).toEqual(training);
    const byClass = { ...training, perClass: true, testImages: 0 } as const;
    expect(trip(byClass)).toEqual(byClass);
    expect(trip(inference)).toEqual(inference);
    expect(trip(micro)).toEqual(micro);
    expect(() => trip({ ...micro, network: NETWORKS.A } as unknown as Job)).toThrow(/network/);
    expect(trip({ ...training, security: 'private' })).toEqual({ ...training, security: 'private' });
    for (const job of [training, inference, micro])
      expect(() => trip({ ...job, security: 'private', insecureKeys: 0 })).toThrow(/its keys are insecure/);
    expect(orderSchema.parse(JSON.parse(JSON.stringify(start)))).toEqual(start);
  });

  it.each<[string, object]>([
    ['a key that is too short', { ...start, ends: { kind: 'owner', publicKey: 'cd' } }],
    ['a missing party', { ...start, parties: { P0: address, P1: address } }],
    ['an unknown field', { ...start, secret: 1 }],
    ['a job of no kind', { ...start, job: { ...training, kind: 'fly' } }],
    ['a network that is none', { ...start, job: { ...training, network: { name: 'x' } } }],
    ['a negative batch', { ...start, job: { ...training, batch: -1 } }],
    ['no type', {}],
  ])('are refused with %s', (_, order) => {
    expect(() => orderSchema.parse(order)).toThrow();
  });

  it('carry no more than is meant', () => {
    const listening = { type: 'listening', port: 1, publicKey: 'ab'.repeat(32), holdings: { whole: [], damaged: [] } };
    expect(noticeSchema.parse(listening)).toEqual(listening);
    expect(() => noticeSchema.parse({ ...listening, secret: 'x' })).toThrow();
    expect(() => noticeSchema.parse({ type: 'error', message: 'x', origin: 'elsewhere' })).toThrow();
  });
});

describe('a schedule', () => {
  const check = (change: Partial<TrainJob>): void => checkSchedule({ ...training, ...change }, 60_000);
  const falling = { batch: 128, learningRate: 0.01, lrDecay: 0.5, epochs: 30, steps: undefined };

  it('whose rate stays large enough is taken', () => {
    expect(() => check({})).not.toThrow();
    expect(() => check({ ...falling, epochs: 22 })).not.toThrow();
  });

  it.each<[Partial<TrainJob>, RegExp, string]>([
    [
      falling,
      /^epoch 23: at a learning rate of 2\.38e-9 no weight of 16 fractional bits moves$/,
      'give a larger --lr, --lr-decay or --lr-decay-epochs, or train no longer than --epochs 22',
    ],
    [
      { ...falling, epochs: undefined, steps: 20_000 },
      /^epoch 23: /,
      'give a larger --lr, --lr-decay or --lr-decay-epochs, or train no longer than --steps 10296',
    ],
    [{ ...falling, learningRate: 1e-12 }, /^epoch 1: at a learning rate of 1\.00e-12 /, 'give a larger --lr'],
    [
      { ...falling, optimizer: 'adam', learningRate: 2 ** -10 },
      /^epoch 13: at a learning rate of 2\.38e-7 /,
      'give a larger --lr, --lr-decay or --lr-decay-epochs, or train no longer than --epochs 12',
    ],
  ])('%j is refused', (change, what, fix) => {
    const problem = ((): unknown => {
      try {
        return check(change);
      } catch (error) {
        return error;
      }
    })();
    expect(problem).toBeInstanceOf(Problem);
    expect((problem as Problem).message).toMatch(what);
    expect((problem as Problem).fix).toBe(fix);
  });
});
