/**
 * The plain engine: the fixed-point arithmetic of three parties on clear values, in this process or page. It is what secure results are compared
 * with: they differ by the random rounding of each truncation, one unit of the last fractional bit.
 */
import { scoresInTheClear, trainInTheClear } from '../client/in-the-clear.ts';
import { givenValues, type Image } from '../client/given-values.ts';
import { predictedClasses } from '../client/predicted-classes.ts';
import { type Dataset, imageSize } from '../data/dataset.ts';
import { scaled } from '../data/encode.ts';
import { inCode } from '../data/in-code.ts';
import type { Model } from '../data/model-file.ts';
import { Problem } from '../data/problem.ts';
import { OF_BYTES } from '../data/scaling.ts';
import { digestOf, type Digest } from '../federation/canonical.ts';
import { forInference } from '../nn/foldBatchNorm.ts';
import type { LossName } from '../nn/loss.ts';
import { classCount, inputSize, misfit, type Network } from '../nn/network.ts';
import type { OptimizerName } from '../nn/optimizer.ts';
import { REVEALED, type TrainEvent, type TrainOptions } from '../nn/train.ts';
import { machine } from '#machine';
import type { ComputeChoice } from './machine.ts';

/** How the plain engine computes. */
export interface PlainOptions {
  /** Protocols whose rounding it follows: `direct` (the default) or `paper`. */
  readonly suite?: 'direct' | 'paper';
  /** Of products: `dealt` (the default) is always right to one unit, `local` fails rarely. */
  readonly truncation?: 'dealt' | 'local';
  /** Of fixed-point numbers, 8 to 24; 16 by default. */
  readonly fractionBits?: number;
  /** `wasm` (the default), `webgpu`, or `auto`: webgpu where there is an adapter. All give the same bits. */
  readonly backend?: ComputeChoice['backend'];
  /** Threads beside the calling one (Node alone); 0 by default. */
  readonly workers?: number;
  /** Take a WebGPU adapter that computes on the CPU, for tests. */
  readonly fallbackAdapter?: boolean;
}

/** What a model says of images: as `predict` of `securenn/client` says it. */
export interface PlainPrediction {
  /** The class of the (first) image, from 0. */
  readonly label: number;
  /** What that class is called, where classes have names. */
  readonly name: string | undefined;
  /** Classes of all images. */
  readonly labels: readonly number[];
  /** Of all classes, image after image: logits, not probabilities. */
  readonly scores: Float64Array;
}

/** A step of a training, as it is told of. */
export interface PlainStep {
  /** Counts from 1. */
  readonly step: number;
  /** Counts from 1. */
  readonly epoch: number;
  /** Mean over the batch, at every tenth step, the first and the last. */
  readonly loss?: number;
}

/** What a test on all test images came to. */
export interface PlainTest {
  /** Images that were classified correctly. */
  readonly correct: number;
  readonly images: number;
}

/** A training on clear values. */
export interface PlainTraining extends PlainOptions {
  /** Its last layer has a unit for each class of the data. */
  readonly network: Network;
  readonly data: Dataset;
  /** Begin with its weights, not with the initial ones of `seed`. */
  readonly from?: Model;
  /** Passes over the training images; 5 by default. */
  readonly epochs?: number;
  /** Steps, in place of epochs. */
  readonly steps?: number;
  /** Images a step; 128 by default. */
  readonly batch?: number;
  /** Above 0, at most 1; 2⁻⁵ by default, 2⁻¹⁰ for adam and amsgrad. */
  readonly learningRate?: number;
  /** `sgd` (the default), `adam` or `amsgrad`. */
  readonly optimizer?: OptimizerName;
  /** Of sgd, from 0 to below 1; 0.9 by default. */
  readonly momentum?: number;
  /** `softmax` (cross-entropy, the default) or `asm` (the paper's). */
  readonly loss?: LossName;
  /** Fixes initial weights and the order of images; 1 by default. */
  readonly seed?: number;
  readonly onStep?: (step: PlainStep) => void;
  /** After each epoch or, of a number of steps, at their end, where the data has test images. */
  readonly onTest?: (test: PlainTest) => void;
  /** Ends the training between two steps: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What a training gives. */
export interface PlainTrained {
  readonly model: Model;
  /** The last test; undefined where the data has no test images. */
  readonly test: PlainTest | undefined;
}

const DEFAULTS = { suite: 'direct', truncation: 'dealt', fractionBits: 16 } as const;

function formatOf({ suite, truncation, fractionBits }: PlainOptions): {
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  readonly fractionBits: number;
} {
  const format = {
    suite: suite ?? DEFAULTS.suite,
    truncation: truncation ?? DEFAULTS.truncation,
    fractionBits: fractionBits ?? DEFAULTS.fractionBits,
  };
  check('fractionBits', format.fractionBits, 8, 24);
  return format;
}

function computeOf({ backend = 'wasm', workers = 0, fallbackAdapter = false }: PlainOptions): ComputeChoice {
  check('workers', workers, 0, 256);
  return { backend, workers, fallbackAdapter };
}

function check(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new Problem(`${name}: ${value}`, `give a whole number from ${least} to ${most}`);
}

/**
 * Classifies images in the clear.
 *
 * @param model what {@link loadModel}, {@link parseModel} or {@link plainTraining} gave
 * @param image bytes and `ImageData` are pixels, 0 … 255, a Uint16Array has pixels of 16 bits; they are scaled as the model says, whatever the depth
 *   of the pictures that it was trained on. Numbers are values as the network takes them, between -2²⁰ and 2²⁰. One image after the other, each of
 *   the model's input shape, channels innermost
 * @returns the class of each image, and the scores of all classes
 * @throws {Problem} when the values are no whole number of images, or no numbers, or out of range
 * @example
 * ```ts
 * import { initialModel, namedNetwork, plainInference } from 'securenn';
 *
 * const model = initialModel(namedNetwork('A'));
 * const { labels, scores } = await plainInference(model, new Uint8Array(2 * 784)); // two black images
 * console.log(labels.length, scores.length); // 2 20
 * ```
 */
export function plainInference(model: Model, image: Image, options: PlainOptions = {}): Promise<PlainPrediction> {
  return inCode(() => infer(model, image, options));
}

async function infer(model: Model, image: Image, options: PlainOptions): Promise<PlainPrediction> {
  const format = formatOf(options);
  const { values, scaling } = givenValues(image, model.network.input, model.scaling ?? OF_BYTES);
  const samples = scaled(values, scaling, 0);
  const compute = await machine.openCompute(computeOf(options));
  try {
    const { scores } = await scoresInTheClear(compute, forInference(model, format.fractionBits), samples, format);
    const labels = predictedClasses(scores, classCount(model.network));
    return { label: labels[0], name: model.classNames?.[labels[0]], labels, scores };
  } finally {
    await compute.close();
  }
}

/**
 * Trains a network in the clear: the training loop of three parties, on the plain engine. In a page it takes the calling thread, but for a turn of
 * the event loop at each step; a worker (`new Worker`) keeps the page at ease.
 *
 * @throws {Problem} when network, data and options do not fit each other
 * @example
 * ```ts
 * import { makeDataset, parseNetwork, plainTraining } from 'securenn';
 *
 * const points = [0, 0, 0, 1, 1, 0, 1, 1];
 * const data = makeDataset({ shape: [2], images: points, labels: [0, 1, 1, 0], testImages: points, testLabels: [0, 1, 1, 0] });
 * const network = parseNetwork({
 *   name: 'xor',
 *   input: [2],
 *   layers: [{ type: 'dense', units: 16 }, { type: 'relu' }, { type: 'dense', units: 2 }],
 * });
 * const { test } = await plainTraining({ network, data, batch: 4, steps: 200, learningRate: 2 ** -3 });
 * console.log(test); // { correct: 4, images: 4 }
 * ```
 */
export function plainTraining(training: PlainTraining): Promise<PlainTrained> {
  return inCode(() => train(training));
}

async function train(training: PlainTraining): Promise<PlainTrained> {
  const { network, data, from, signal } = training;
  const options = trainOptions(training);
  checkFits(network, data, from);
  const settings = { ...formatOf(training), ...options, network };
  const unfit = misfit(network, settings.truncation, settings.batch);
  if (unfit !== undefined) throw new Problem(`network ${network.name}: ${unfit.what}`, unfit.fix);
  signal?.throwIfAborted();
  const compute = await machine.openCompute(computeOf(training));
  let test: PlainTest | undefined;
  const onEvent = async (event: TrainEvent, take: (name: string, bits: number) => Float64Array | undefined) => {
    if (event.kind === 'step') {
      const sum = take(REVEALED.loss(event.step), settings.fractionBits)?.[0];
      const { step, epoch } = event;
      training.onStep?.({ step, epoch, ...(sum !== undefined && { loss: sum / settings.batch }) });
    } else if (event.kind === 'evaluated') {
      test = { correct: take(REVEALED.correct(event.evaluation), 0)![0], images: event.images };
      training.onTest?.(test);
    }
    await machine.nextTurn();
    signal?.throwIfAborted();
  };
  try {
    return { model: await trainInTheClear(settings, data, { compute, initial: from, onEvent }), test };
  } finally {
    await compute.close();
  }
}

function trainOptions(training: PlainTraining): TrainOptions {
  const { epochs, steps, batch = 128, optimizer = 'sgd', loss = 'softmax', seed = 1, data } = training;
  if (epochs !== undefined && steps !== undefined)
    throw new Problem('epochs and steps: both say how long to train', 'give one of them');
  const { learningRate = optimizer === 'sgd' ? 2 ** -5 : 2 ** -10, momentum = 0.9 } = training;
  check('batch', batch, 1, data.trainLabels.length);
  check('seed', seed, 0, Number.MAX_SAFE_INTEGER);
  if (epochs !== undefined) check('epochs', epochs, 1, 10_000);
  if (steps !== undefined) check('steps', steps, 1, 10_000_000);
  if (!(learningRate > 0 && learningRate <= 1))
    throw new Problem(`learningRate: ${learningRate}`, 'give a number above 0, at most 1');
  if (!(momentum >= 0 && momentum < 1)) throw new Problem(`momentum: ${momentum}`, 'give a number from 0 to below 1');
  return {
    ...{ batch, optimizer, loss, seed, learningRate, momentum },
    ...(steps === undefined ? { epochs: epochs ?? 5 } : { steps }),
    ...{ lrDecay: 1, lrDecayEpochs: 1, showLoss: true },
  };
}

function checkFits(network: Network, data: Dataset, from: Model | undefined): void {
  if (inputSize(network) !== imageSize(data)) {
    const { rows, columns, channels } = data;
    throw new Problem(
      `network ${network.name} takes [${network.input.join(', ')}], images of ${data.name} are [${rows}, ${columns}, ${channels}]`,
      'give a network made for this data set',
    );
  }
  if (classCount(network) < data.classes) {
    throw new Problem(
      `network ${network.name} tells ${classCount(network)} classes apart, ${data.name} has ${data.classes}`,
      'give its last layer a unit for each class',
    );
  }
  if (from === undefined) return;
  const kind = ({ input, layers }: Network): Digest => digestOf({ input, layers });
  if (kind(from.network) !== kind(network))
    throw new Problem(`from: a model of another network than ${network.name}`, 'train the network of that model');
}
