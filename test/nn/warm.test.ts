/** A training that is warmed up is the same training, and its warm-up reveals nothing. */
import { describe, expect, it } from 'vitest';
import { createSecureEngine } from '../../src/engine/secure.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import type { Network } from '../../src/nn/network.ts';
import { train, type TrainOptions } from '../../src/nn/train.ts';
import { warmTraining, warmUps } from '../../src/nn/warm.ts';
import { pairKeys, simulate } from '../simulate.ts';
import {
  DIRECT,
  NORMED,
  OPTIONS,
  PAPER,
  TINY,
  tinyData,
  type TinySetting,
  tinyShares,
  type TinyShares,
} from './tiny.ts';

const KEYS = pairKeys(7, 8, 9);

interface Ran {
  /** Each worker's shares of what it revealed, in order. */
  readonly revealed: (readonly [string, BigUint64Array])[][];
  readonly labels: string[];
}

async function ran(
  setting: TinySetting,
  network: Network,
  options: TrainOptions,
  dealt: TinyShares,
  warmed: boolean,
): Promise<Ran> {
  const revealed: (readonly [string, BigUint64Array])[][] = [[], []];
  const labels: string[] = [];
  await simulate(
    async (party) => {
      const engine = createSecureEngine(party, {
        ...setting,
        reveal: (name, share) => {
          revealed[party.id].push([name, share]);
          return Promise.resolve();
        },
      });
      if (warmed) {
        await warmTraining(engine, network, dealt.samples, options);
        expect(revealed[party.id] ?? []).toEqual([]);
      }
      await train(engine, network, tinyData(engine, party.id, dealt), options, () => undefined);
    },
    { keys: KEYS, memory: () => ({ record: ({ label }) => labels.push(label) }) },
  );
  return { revealed, labels };
}

describe('a warm-up', () => {
  it.each([
    ['sgd', DIRECT, TINY, OPTIONS],
    [
      'adam, without a shown loss',
      DIRECT,
      TINY,
      { ...OPTIONS, optimizer: 'adam', learningRate: 2 ** -6, showLoss: false },
    ],
    ['parts of a batch', DIRECT, TINY, { ...OPTIONS, microBatch: 2, steps: 3 }],
    ['batch normalisation and dropout', DIRECT, NORMED, OPTIONS],
    ['the paper suite', PAPER, TINY, OPTIONS],
  ] as const)('leaves a training as it is: %s', async (_, setting, network, options) => {
    const dealt = tinyShares(setting.fractionBits);
    const cold = await ran(setting, network, options, dealt, false);
    const warm = await ran(setting, network, options, dealt, true);
    expect(warm.revealed).toEqual(cold.revealed);
    const own = warm.labels.filter((label) => label.startsWith('/warm/'));
    expect(own.length).toBeGreaterThan(cold.labels.length / 2);
    expect(warm.labels.filter((label) => !label.startsWith('/warm/')).toSorted()).toEqual(cold.labels.toSorted());
  });

  it('is a few steps of a small network, and some images of a large one', () => {
    expect(warmUps(NETWORKS['A'], 128)).toEqual([...new Array<number>(17).fill(8), 128, 128]);
    expect(warmUps(NETWORKS['A'], 4)).toEqual(new Array<number>(19).fill(4));
    expect(warmUps(NETWORKS['C'], 128)).toEqual([14, 14]);
    expect(warmUps(NETWORKS['vgg16'], 128)).toEqual([1, 1]);
  });

  it('is no longer than the training', () => {
    expect(warmUps(NETWORKS['A'], 128, 5)).toEqual([8, 8, 8, 128, 128]);
    expect(warmUps(NETWORKS['A'], 128, 1)).toEqual([128]);
    expect(warmUps(NETWORKS['C'], 128, 1)).toEqual([14]);
  });

  it('of a run that has become longer is at other addresses', async () => {
    const dealt = tinyShares(DIRECT.fractionBits);
    const labels = async (steps: number): Promise<string[]> =>
      (await ran(DIRECT, TINY, { ...OPTIONS, steps }, dealt, true)).labels.filter((label) =>
        label.startsWith('/warm/'),
      );
    const [short, long] = [await labels(1), await labels(3)];
    expect(short.length).toBeGreaterThan(0);
    expect(short.filter((label) => long.includes(label))).toEqual([]);
  });
});
