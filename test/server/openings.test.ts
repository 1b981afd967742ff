/**
 * What the workers of a private session open they compare before anything is revealed: a message between them that was changed ends the session,
 * and what follows from it is not revealed. In a semi-honest session it ends in a wrong model, unnoticed.
 */
import { describe, expect, it } from 'vitest';
import type { PeerName } from '../../src/channel/channel.ts';
import type { MemoryOptions } from '../../src/channel/memory.ts';
import { ownInference } from '../../src/client/inference.ts';
import { ownTraining } from '../../src/client/training.ts';
import { pixelSource } from '../../src/data/encode.ts';
import type { Model } from '../../src/data/model-file.ts';
import type { TrainJob } from '../../src/server/job.ts';
import { type Flipped, flipping } from '../changed-message.ts';
import { session, type SessionOptions } from '../session.ts';
import { DIRECT_SUITE, PAPER_SUITE, SOFTMAX_SGD } from '../training.ts';
import { dataOf, DENSE, OBSERVER } from './tiny-training.ts';

interface Said {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

interface Outcome {
  readonly model: Model | undefined;
  readonly error: string;
  /** To the owner, by P0 and P1. */
  readonly revealed: readonly string[];
  readonly said: readonly Said[];
}

type Settings = Partial<TrainJob>;

const jobOf = (settings: Settings): TrainJob => ({
  ...{ kind: 'train', sessionId: 's', network: DENSE, ...DIRECT_SUITE, ...SOFTMAX_SGD, batch: 4 },
  ...{ trainImages: 12, testImages: 12, steps: 2, ...settings },
});

/** @param flipped the label of the message from one worker to the other of which a bit is changed on the way */
async function train(settings: Settings, flipped?: Flipped, received?: SessionOptions['received']): Promise<Outcome> {
  const job = jobOf(settings);
  const said: Said[] = [];
  let error = '';
  const tamper = (a: PeerName, b: PeerName): MemoryOptions['tamper'] =>
    flipped !== undefined && a === 'P0' && b === 'P1' ? flipping(flipped) : undefined;
  const record = ({ from, to, label }: Said): void => void said.push({ from, to, label });
  const model = await session(job, (owner) => ownTraining(owner, job, dataOf(250), OBSERVER), {
    ...{ seed: 31, record, tamper, ...(received && { received }) },
  }).catch((failure: unknown) => {
    error = (failure as Error).message;
    return undefined;
  });
  return { model, error, revealed: said.filter(({ label }) => label.startsWith('reveal/')).map((s) => s.label), said };
}

/** One message of each kind, by its protocol and what it holds: wherever it is, `…/truncateOperand/#:c`. */
function oneOfEach(said: readonly Said[]): Said[] {
  const kinds = new Map<string, Said>();
  for (const one of said) {
    const kind = one.label.replaceAll(/\d+/g, '#').split('/').slice(-2).join('/');
    if (!kinds.has(kind)) kinds.set(kind, one);
  }
  return [...kinds.values()];
}

/** Between the workers, in protocols; not of proofs, which say themselves that they were changed. */
function openingsOf(said: readonly Said[]): Said[] {
  return said.filter(
    ({ from, to, label }) => from !== 'P2' && to !== 'P2' && label.includes(':') && !/openings\/|\/proof\b/.test(label),
  );
}

describe.each([
  ['direct', DIRECT_SUITE],
  ['paper', PAPER_SUITE],
] as const)('%s suite', (_name, suite) => {
  it('a private training reveals all that one of honest parties does, after digests that agree', async () => {
    const { model, error, revealed, said } = await train({ ...suite, security: 'private' });
    expect(error).toBe('');
    expect(model).toBeDefined();
    // Both workers: two losses, a count, four tensors.
    expect(revealed.length).toBe(2 * 7);
    const agreements = new Set(said.map(({ label }) => label).filter((label) => label.includes('openings/')));
    expect([...agreements].sort()).toEqual([':openings/0', ':openings/1', ':openings/2', ':openings/3']);
    // A worker has the other's digest of all that a result follows from before its share of that result is out.
    const after = { 'loss/1': 0, 'loss/2': 1, 'correct/1': 2, 'model/layers.1.weight': 3, 'model/layers.3.bias': 3 };
    for (const [result, agreement] of Object.entries(after)) {
      for (const worker of ['P0', 'P1']) {
        const shared = said.findIndex(({ from, label }) => from === worker && label === `reveal/${result}`);
        const heard = said.findIndex(({ to, label }) => to === worker && label === `:openings/${agreement}`);
        expect(heard, `${worker} ${result}`).toBeGreaterThanOrEqual(0);
        expect(shared, `${worker} ${result}`).toBeGreaterThan(heard);
      }
    }
  });

  it('a changed opening ends a private training before anything that follows from it is revealed', async () => {
    const honest = await train({ ...suite, security: 'private' });
    const openings = openingsOf(honest.said);
    expect(openings.length).toBeGreaterThan(40);
    const some = [...openings.filter((_, i) => i % Math.ceil(openings.length / 8) === 0), ...oneOfEach(openings)];
    expect(some.map(({ from }) => from)).toEqual(expect.arrayContaining(['P0', 'P1']));
    for (const { from, label } of some) {
      const { model, error, revealed } = await train({ ...suite, security: 'private' }, { from, label });
      expect(model, `${from} ${label}`).toBeUndefined();
      expect(error, `${from} ${label}`).toMatch(/P0 and P1 have opened different values/);
      const losses = /^\/(step\/2\/update|evaluation)\//.test(label) ? 2 : label.startsWith('/step/2/') ? 1 : 0;
      const allowed = 2 * losses; // by both
      expect(revealed.length, `${from} ${label}: ${revealed.join()}`).toBeLessThanOrEqual(allowed);
    }
  });

  it('and goes unnoticed where parties are taken for honest', async () => {
    const [clean, again] = [await train({ ...suite, showLoss: false }), await train({ ...suite, showLoss: false })];
    expect(again.model!.tensors).toEqual(clean.model!.tensors);
    expect(clean.said.filter(({ label }) => label.includes('openings'))).toEqual([]);
    const label = openingsOf(clean.said).find(({ from, label }) => from === 'P0' && label.startsWith('/step/1/'))!;
    const changed = await train({ ...suite, showLoss: false }, label);
    expect(changed.error).toBe('');
    expect(changed.revealed.length).toBe(2 * 5);
    expect(changed.model!.tensors).not.toEqual(clean.model!.tensors);
  });
});

it('an input that reaches P0 otherwise than the owner has sent it ends the session, before a value is computed', async () => {
  const { error, revealed, said } = await train({ security: 'private' }, { from: 'P1', label: 'input/train/labels' });
  expect(error).toMatch(/P1 has passed on to P0 other values than the owner has sent/);
  expect(revealed).toEqual([]);
  expect(said.filter(({ label }) => label.startsWith('/step/'))).toEqual([]);
});

it('an input that one worker holds otherwise than the other is a difference of openings', async () => {
  for (const worker of ['P0', 'P1']) {
    const { error, revealed } = await train({ security: 'private' }, undefined, (party, name, input) => {
      if (party !== worker || name !== 'train/labels') return input;
      const opened = input.opened!.slice();
      opened[opened.length - 1] ^= 1n;
      return { ...input, opened };
    });
    expect(error).toMatch(/P0 and P1 have opened different values/);
    expect(revealed).toEqual([]);
  }
});

it('an input that was changed goes unnoticed where parties are taken for honest', async () => {
  const { error, said } = await train({}, { from: 'P1', label: 'input/train/labels' });
  expect(error).toBe('');
  expect(said.filter(({ label }) => label.endsWith('/digest'))).toEqual([]);
});

it('a changed digest is a difference', async () => {
  const { error, revealed } = await train({ security: 'private' }, { from: 'P1', label: ':openings/0' });
  expect(error).toMatch(/P0 and P1 have opened different values/);
  // P1 had P0's, which is right.
  expect(revealed.length).toBeLessThanOrEqual(1);
});

it('an inference answers batch after batch, each behind its own digests', async () => {
  const trained = await train({});
  const { batch, network } = { network: DENSE, batch: 5 };
  const job = {
    kind: 'infer',
    sessionId: 'i',
    network,
    ...DIRECT_SUITE,
    batch,
    images: 12,
    security: 'private',
  } as const;
  const said: Said[] = [];
  const source = pixelSource(Uint8Array.from(dataOf(250).testImages), DIRECT_SUITE.fractionBits);
  await session(job, (owner) => ownInference(owner, { ...job, batch }, trained.model!, source, OBSERVER), {
    seed: 32,
    record: ({ from, to, label }) => said.push({ from, to, label }),
  });
  for (const n of [0, 1, 2]) {
    for (const worker of ['P0', 'P1']) {
      const shared = said.findIndex(({ from, label }) => from === worker && label === `reveal/prediction/${n}`);
      const heard = said.findIndex(({ to, label }) => to === worker && label === `:openings/${n}`);
      expect(heard, `${worker} ${n}`).toBeGreaterThanOrEqual(0);
      expect(shared, `${worker} ${n}`).toBeGreaterThan(heard);
    }
  }
});
