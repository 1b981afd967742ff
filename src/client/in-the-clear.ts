/**
 * Whole models and data sets on the plain engine, in one process and without shares: the reference for what three parties compute. It needs
 * nothing of Node, so that a page can do the same.
 */
import type { Compute } from '../../runtime/compute.ts';
import { materialize, oneHotSource, valueSource } from '../data/encode.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Elements } from '../data/elements.ts';
import { keptOf, type Model } from '../data/model-file.ts';
import type { Value } from '../engine/engine.ts';
import { createPlainEngine, type PlainEngine } from '../engine/plain.ts';
import { type Range, Ranges } from '../engine/ranges.ts';
import { prepared } from '../nn/forward.ts';
import { inferScores } from '../nn/infer.ts';
import { classCount, inputSize, type Network, parameters } from '../nn/network.ts';
import {
  type Checkpointing,
  REVEALED,
  train,
  type TrainEvent,
  type TrainingData,
  type TrainOptions,
} from '../nn/train.ts';
import { decode, encode } from '../ring/fixed.ts';

/** How the plain engine computes. */
export interface ClearFormat {
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  readonly fractionBits: number;
}

interface ClearJob {
  readonly network: Network;
  readonly fractionBits: number;
}

/** So many samples at once: memory stays small. */
const MOST_AT_ONCE = 64;

/** A data set in the clear, as values of a plain engine. */
export function inTheClear(engine: PlainEngine, data: Dataset, { network, fractionBits }: ClearJob): TrainingData {
  const [inputs, classes] = [inputSize(network), classCount(network)];
  const images = (from: Elements, count: number): ReturnType<PlainEngine['input']> =>
    engine.input([count, inputs], fractionBits, materialize(valueSource(from, data.scaling, fractionBits)));
  const labels = (from: Uint8Array): ReturnType<PlainEngine['input']> =>
    engine.input([from.length, classes], 0, materialize(oneHotSource(from, classes)));
  return {
    images: images(data.trainImages, data.trainLabels.length),
    labels: labels(data.trainLabels),
    ...(data.testLabels.length > 0 && {
      testImages: images(data.testImages, data.testLabels.length),
      testLabels: labels(data.testLabels),
    }),
  };
}

/** Given weights, to begin with. */
export function weightsInTheClear(
  engine: PlainEngine,
  initial: Model | undefined,
  fractionBits: number,
): Checkpointing['from'] {
  if (initial === undefined) return undefined;
  return { step: 0, state: modelInTheClear(engine, initial, fractionBits) };
}

/** A model's tensors as values of a plain engine, under their names. */
export function modelInTheClear(engine: PlainEngine, { tensors }: Model, fractionBits: number): Map<string, Value> {
  return new Map(
    [...tensors].map(([name, { shape, data }]) => [
      name,
      engine.input(shape, fractionBits, encode(data, fractionBits)),
    ]),
  );
}

export interface ClearScores {
  /** A row of classes for each sample. */
  readonly scores: Float64Array;
  readonly ranges: readonly Range[];
}

/** @param samples a row of the network's inputs for each, scaled */
export async function scoresInTheClear(
  compute: Compute,
  model: Model,
  samples: Float64Array,
  settings: ClearFormat,
): Promise<ClearScores> {
  const { network } = model;
  const { fractionBits } = settings;
  const [width, classes] = [inputSize(network), classCount(network)];
  const count = samples.length / width;
  const scores = new Float64Array(count * classes);
  const ranges = new Ranges();
  const revealed = new Map<string, BigUint64Array>();
  const reveal = (name: string, value: BigUint64Array): Promise<void> => {
    revealed.set(name, value);
    return Promise.resolve();
  };
  const engine = createPlainEngine({ ...settings, seed: 0, compute, ranges, reveal });
  const weights = await prepared(engine, network, modelInTheClear(engine, model, fractionBits));
  for (let from = 0; from < count; from += MOST_AT_ONCE) {
    const rows = Math.min(MOST_AT_ONCE, count - from);
    const ring = encode(samples.subarray(from * width, (from + rows) * width), fractionBits);
    await engine.scope(`batch/${from}`, async (scope) => {
      const y = await inferScores(scope, network, weights, engine.input([rows, width], fractionBits, ring));
      await scope.reveal('scores', y);
    });
    scores.set(decode(revealed.get('scores')!, fractionBits), from * classes);
  }
  return { scores, ranges: ranges.list() };
}

/** What a training revealed under a name, once; undefined when nothing was. */
export type Taken = (name: string, fractionBits: number) => Float64Array | undefined;

export interface ClearTraining extends ClearFormat, TrainOptions {
  readonly network: Network;
}

export interface ClearTrainingOptions {
  readonly compute: Compute;
  /** Notes the largest values that are compared and truncated. */
  readonly ranges?: Ranges | undefined;
  /** Training begins with its weights. */
  readonly initial?: Model | undefined;
  readonly onReady?: (() => void) | undefined;
  readonly onEvent: (event: TrainEvent, take: Taken) => void | Promise<void>;
}

/** The training loop of three parties, in the clear; returns the model. */
export async function trainInTheClear(
  settings: ClearTraining,
  data: Dataset,
  { compute, ranges, initial, onReady, onEvent }: ClearTrainingOptions,
): Promise<Model> {
  const { network, fractionBits } = settings;
  const revealed = new Map<string, BigUint64Array>();
  const take: Taken = (name, bits) => {
    const value = revealed.get(name);
    revealed.delete(name);
    return value && decode(value, bits);
  };
  const engine = createPlainEngine({
    ...settings,
    compute,
    ...(ranges && { ranges }),
    reveal: (name, value) => {
      revealed.set(name, value);
      return Promise.resolve();
    },
  });
  const values = inTheClear(engine, data, settings);
  onReady?.();
  const from = weightsInTheClear(engine, initial, fractionBits);
  await train(engine, network, values, settings, (event) => onEvent(event, take), { from });
  const tensors = parameters(network).map(
    ({ name, shape }) => [name, { shape, data: take(REVEALED.parameter(name), fractionBits)! }] as const,
  );
  return { network, fractionBits, tensors: new Map(tensors), ...keptOf(data) };
}
