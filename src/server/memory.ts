/**
 * Peak memory of each party, from counts:
 *
 *     bytes = BASE + DROPPED + what it holds for the whole session + the most over layers of
 *             (what they and the layers before them leave for the way back + factor · bytes that the layer makes)
 *     bytes = BASE + what it holds for the whole session + factor · bytes that one batch of an inference makes
 *
 * A worker holds the opened data set and the state of the training, or the model, at 8 bytes an element; the helper holds masks of weights. The
 * way back needs operands of products and bits of comparisons; those of later layers are not there yet, or no more. What a layer, or a batch,
 * makes are values, openings with their masks, and those bits (`engine/countedMemory.ts`).
 *
 * BASE and the factors are measured, on two cores with Node 20, as the largest resident set (`bench/limits.ts`): docs/links.md.
 */
import type { CountingOptions } from '../engine/countedValues.ts';
import { countInference, type CountedStep, countTraining } from '../nn/count.ts';
import { classCount, inputSize, parameters, type Network } from '../nn/network.ts';
import { evaluationBatch, type Samples, type TrainOptions } from '../nn/train.ts';
import { sizeOf } from '../ring/shape.ts';

/** Bytes of one party's process. */
export interface PartyMemory {
  readonly P0: number;
  readonly P1: number;
  readonly P2: number;
}

export interface Memory {
  readonly training: PartyMemory;
  /** Of one batch. */
  readonly inference: PartyMemory;
}

const ELEMENT_BYTES = 8;
const MIB = 2 ** 20;

/** Node and its kernels: who trains one dense layer of 7850 weights on 8 images a step for 320 steps takes 171 to 197 MiB beside the data. */
const BASE = 185 * MIB;
/** Tensors that were dropped and are not collected yet, where a step makes as much. */
const DROPPED = 60 * MIB;
/**
 * What the peak is beyond that and what the way back needs, over the bytes that a layer makes: fitted. More than 1, for layers before and behind
 * it are under way. The helper has shares of masks, its parts of products and what it deals ahead.
 */
const STEP = { worker: 2, helper: 1.6 };
/** An inference has no way back: values of a layer are dropped with the next. */
const INFERENCE = { worker: 0.6, helper: 0.6 };

/** What of a task the estimate rests on. */
export type Task = CountingOptions & { readonly network: Network; readonly batch: number };

/** Of a whole training with its evaluations, and of predicting one batch. */
export async function memoryOf(settings: Task & TrainOptions, samples: Samples): Promise<Memory> {
  return { training: await trainingMemory(settings, samples), inference: await inferenceMemory(settings) };
}

export async function trainingMemory(
  settings: Task & TrainOptions,
  { trainImages, testImages }: Samples,
): Promise<PartyMemory> {
  const { network } = settings;
  const batch = Math.min(settings.batch, settings.microBatch ?? settings.batch);
  // One step, which opens the weights and may show its loss, and one batch of an evaluation.
  const { steps, evaluations, stateElements } = await countTraining(
    network,
    { ...settings, batch, microBatch: undefined, epochs: undefined, steps: 1 },
    { trainImages: batch, testImages: Math.min(testImages, evaluationBatch(network, testImages, settings)) },
  );
  const data = (trainImages + testImages) * (inputSize(network) + classCount(network));
  const weights = parameters(network).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const sums = batch < settings.batch ? weights : 0;
  // A worker has openings of the weights beside their state; updates of several layers are under way at once.
  const session = { worker: data + stateElements + 3 * weights + sums, helper: 3 * weights + sums };
  const training = [
    stepPeak(session, steps[0]),
    ...evaluations.map(({ held }) => peak(ELEMENT_BYTES * (data + stateElements), held.made, INFERENCE)),
  ];
  const largest = (party: keyof PartyMemory): number => Math.max(...training.map((memory) => memory[party]));
  return { P0: largest('P0'), P1: largest('P1'), P2: largest('P2') };
}

/** Of predicting one batch. */
export async function inferenceMemory(settings: Task): Promise<PartyMemory> {
  const { network, batch } = settings;
  const [{ held }] = await countInference(network, settings, batch, 1);
  const weights = parameters(network).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return peak(ELEMENT_BYTES * (weights + batch * inputSize(network)), held.made, INFERENCE);
}

/** @param session elements that a party holds all the time */
function stepPeak(
  session: { readonly worker: number; readonly helper: number },
  { layers, held }: CountedStep,
): PartyMemory {
  const bytes = (elements: number, bitBytes: number, factor: number): number => {
    let [kept, most] = [0, 0];
    for (const { operands, bits, made } of layers) {
      kept += ELEMENT_BYTES * operands + bitBytes * bits;
      most = Math.max(most, kept + factor * made);
    }
    return Math.round(BASE + Math.min(DROPPED, held.made) + ELEMENT_BYTES * elements + most);
  };
  const worker = bytes(session.worker, 1 + ELEMENT_BYTES, STEP.worker);
  return { P0: worker, P1: worker, P2: bytes(session.helper, 1, STEP.helper) };
}

/**
 * @param session bytes that a worker holds all the time
 * @param made bytes of what a step makes
 */
export function peak(session: number, made: number, factor: typeof INFERENCE): PartyMemory {
  const worker = Math.round(BASE + session + factor.worker * made);
  return { P0: worker, P1: worker, P2: Math.round(BASE + factor.helper * made) };
}
