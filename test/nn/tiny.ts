/** A training small enough to run hundreds of times: 6-5-3 on 12 samples, in three parties or in the clear. */
import { createPlainEngine } from '../../src/engine/plain.ts';
import type { Party, PartyId } from '../../src/party/party.ts';
import { createSecureEngine, type SecureEngine } from '../../src/engine/secure.ts';
import type { Network } from '../../src/nn/network.ts';
import { REVEALED, train, type TrainingData, type TrainOptions } from '../../src/nn/train.ts';
import { decode, encode } from '../../src/ring/fixed.ts';
import * as z64 from '../../src/ring/z64.ts';
import { type OwnedParts, ownedParts } from '../owned.ts';
import { testRandom } from '../reference.ts';
import { simulate, type SimulationOptions, testCompute } from '../simulate.ts';

export const TINY: Network = {
  name: 'tiny',
  input: [6],
  layers: [{ type: 'dense', units: 5 }, { type: 'relu' }, { type: 'dense', units: 3 }],
};

/** The same samples as images, with running statistics and public masks. */
export const NORMED: Network = {
  name: 'normed',
  input: [2, 3, 1],
  layers: [
    { type: 'conv2d', filters: 4, kernel: 2 },
    { type: 'batchnorm' },
    { type: 'leakyrelu', slope: 0.25 },
    { type: 'flatten' },
    { type: 'dropout', rate: 0.25 },
    { type: 'dense', units: 3 },
  ],
};

export interface TinySetting {
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  readonly fractionBits: number;
  readonly compareBits: number;
  readonly security?: 'private';
}

export const DIRECT: TinySetting = { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33 };
export const PAPER: TinySetting = { suite: 'paper', truncation: 'local', fractionBits: 13, compareBits: 64 };

export const OPTIONS: TrainOptions = {
  batch: 4,
  steps: 2,
  loss: 'softmax',
  optimizer: 'sgd',
  learningRate: 2 ** -2,
  lrDecay: 1,
  lrDecayEpochs: 1,
  momentum: 0.9,
  seed: 3,
  showLoss: true,
};

const SAMPLES = 12;
const random = testRandom(7);
const labels = Array.from({ length: SAMPLES }, (_, i) => i % 3);
const pixels = Array.from(
  { length: SAMPLES * 6 },
  (_, i) => (i % 6 < 2 * labels[Math.floor(i / 6)] ? 0.8 : 0.1) + 0.1 * random(),
);
const oneHot = labels.flatMap((label) => [0, 1, 2].map((c) => (c === label ? 1 : 0)));

/** Everything revealed: loss of each step, correct count, parameters. */
export interface TinyResult {
  readonly losses: number[];
  readonly correct: number;
  /** As revealed: the count of all, or one of each class. */
  readonly counts: number[];
  readonly parameters: Map<string, BigUint64Array>;
  readonly bytes: number;
  readonly rounds: number;
}

function result(
  revealed: Map<string, BigUint64Array>,
  f: number,
  options: TrainOptions,
  traffic: { bytes: number; rounds: number },
): TinyResult {
  const losses: number[] = [];
  for (let step = 1; step <= options.steps!; step++) {
    const sum = revealed.get(REVEALED.loss(step));
    if (sum !== undefined) losses.push(decode(sum, f)[0] / options.batch);
  }
  const parameters = new Map([...revealed].filter(([name]) => name.startsWith('model/')));
  const counts = Array.from(revealed.get(REVEALED.correct(1))!, Number);
  return { losses, correct: counts.reduce((sum, count) => sum + count, 0), counts, parameters, ...traffic };
}

export interface TinyShares {
  readonly samples: number;
  /** Of all samples, one behind the other. */
  readonly images: OwnedParts;
  /** One-hot. */
  readonly classes: OwnedParts;
  /** Numbers of a sample. */
  readonly inputs: number;
  readonly outputs: number;
}

/** The owner's inputs. */
export function tinyShares(f: number): TinyShares {
  return dataShares(f, SAMPLES, pixels, oneHot);
}

/** Inputs of so many samples. @param values one sample behind the other  @param codes one-hot */
export function dataShares(
  f: number,
  samples: number,
  values: readonly number[],
  codes: readonly number[],
): TinyShares {
  return {
    ...{ samples, images: ownedParts(encode(values, f)), classes: ownedParts(encode(codes, 0)) },
    ...{ inputs: values.length / samples, outputs: codes.length / samples },
  };
}

/** One party's part of the data set, which serves as test set, too. */
export function tinyData(engine: SecureEngine, id: PartyId, dealt: TinyShares): TrainingData {
  const f = engine.fractionBits;
  const { samples, images, classes, inputs, outputs } = dealt;
  return {
    images: engine.dataset('images', [samples, inputs], f, images[id]),
    labels: engine.dataset('labels', [samples, outputs], 0, classes[id]),
    testImages: engine.dataset('testImages', [samples, inputs], f, images[id]),
    testLabels: engine.dataset('testLabels', [samples, outputs], 0, classes[id]),
  };
}

export async function trainSecure(
  setting: TinySetting,
  options: TrainOptions,
  simulation: SimulationOptions = {},
  dealt: TinyShares = tinyShares(setting.fractionBits),
  network: Network = TINY,
): Promise<TinyResult> {
  const f = setting.fractionBits;
  const revealed = [new Map<string, BigUint64Array>(), new Map<string, BigUint64Array>()];
  const { bytes, rounds } = await simulate(async (party: Party) => {
    const engine = createSecureEngine(party, {
      ...setting,
      reveal: (name, share) => {
        revealed[party.id].set(name, share);
        return Promise.resolve();
      },
    });
    await train(engine, network, tinyData(engine, party.id, dealt), options, () => undefined);
  }, simulation);
  const names = [...revealed[0].keys()];
  const sums = new Map(names.map((name) => [name, z64.add(revealed[0].get(name)!, revealed[1].get(name)!)]));
  return result(sums, f, options, { bytes, rounds });
}

export async function trainPlain(
  setting: TinySetting,
  options: TrainOptions,
  seed = 1,
  network: Network = TINY,
): Promise<TinyResult> {
  const f = setting.fractionBits;
  const revealed = new Map<string, BigUint64Array>();
  const engine = createPlainEngine({
    ...setting,
    seed,
    compute: await testCompute(),
    reveal: (name, value) => {
      revealed.set(name, value.slice());
      return Promise.resolve();
    },
  });
  const images = engine.input([SAMPLES, 6], f, encode(pixels, f));
  const classes = engine.input([SAMPLES, 3], 0, encode(oneHot, 0));
  await train(
    engine,
    network,
    { images, labels: classes, testImages: images, testLabels: classes },
    options,
    () => undefined,
  );
  return result(revealed, f, options, { bytes: 0, rounds: 0 });
}
