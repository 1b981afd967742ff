/**
 * Steps before the first of a training, on zeros: code is compiled and memory taken while the owner's inputs are still on their way, and the
 * first step takes about as long as any other. Nothing of the owner's enters them, nothing of them is revealed or kept.
 */
import type { Engine, Value } from '../engine/engine.ts';
import { type Shape, sizeOf } from '../ring/shape.ts';
import { classCount, inputSize, misfit, type Network, parameters, productLayers } from './network.ts';
import type { State } from './optimizer.ts';
import { Pieces } from './pieces.ts';
import { totalSteps, type TrainOptions } from './train.ts';
import { type Rows, trainStep } from './trainStep.ts';

/** Products of the way forward in all warm-up steps together: some dozen steps of a small network, some images of a large one. */
const PRODUCTS = 2 ** 26;
/** The last ones are of whole batches if products suffice, for which memory is taken then. Adam's first step differs from those that follow it. */
const WHOLE_STEPS = 2;
/**
 * Those before them are of few samples: V8 compiles what has run often, whatever was in it. On a quarter of the products, where there are
 * enough for any.
 */
const MOST_SMALL_STEPS = 24;
const SMALL_STEP = 8;
const SMALL_SHARE = 1 / 4;

/** Samples of the warm-up's steps, one a step. @param most no more of them: a training has as many itself */
export function warmUps(network: Network, batch: number, most: number = Infinity): number[] {
  const products = productLayers(network).reduce((sum, layer) => sum + layer.products, 0);
  const samples = Math.max(1, Math.floor(PRODUCTS / products));
  const wholes = Math.min(WHOLE_STEPS, most);
  const small = Math.min(MOST_SMALL_STEPS, most - wholes, Math.floor((samples * SMALL_SHARE) / SMALL_STEP));
  const whole = Math.max(1, Math.floor((samples - small * SMALL_STEP) / WHOLE_STEPS));
  const steps = (count: number, size: number): number[] => new Array<number>(count).fill(Math.min(batch, size));
  return [...steps(small, SMALL_STEP), ...steps(wholes, whole)];
}

/**
 * Also before a run goes on: it is at the addresses of the first time, of the same zeros, so its messages are those of the first time. A run that
 * has become longer may have more warm-up steps, at other addresses.
 * @param trainImages of the training, which is warmed by no more steps than it has
 */
export async function warmTraining(
  engine: Engine,
  network: Network,
  trainImages: number,
  options: TrainOptions,
): Promise<void> {
  const batches = warmUps(network, options.microBatch ?? options.batch, totalSteps(trainImages, options));
  await engine.scope('warm', async (warm) => {
    const pieces = new Pieces(network);
    const whole = new Map(
      parameters(network).map(({ name, shape, initial }) => [
        name,
        warm.constant(shape, new Float64Array(sizeOf(shape)).fill(typeof initial === 'number' ? initial : 0)),
      ]),
    );
    const state = pieces.split(warm, whole);
    for (const [i, batch] of batches.entries())
      if (misfit(network, engine.truncation, batch) === undefined)
        await warm.scope(`${batches.length}/${i}`, (fork) =>
          warmStep(fork, network, pieces, state, { ...options, step: i + 1 }, batch),
        );
  });
  await engine.settle();
}

function warmStep(
  engine: Engine,
  network: Network,
  pieces: Pieces,
  state: State,
  options: TrainOptions & { readonly step: number },
  batch: number,
): Promise<void> {
  const zeros = (fork: Engine, shape: Shape, bits?: number): Value =>
    fork.constant(shape, new Float64Array(sizeOf(shape)), bits);
  const rows: Rows = (fork, from, to) => ({
    images: zeros(fork, [to - from, inputSize(network)]),
    labels: zeros(fork, [to - from, classCount(network)], 0),
  });
  const { optimizer, showLoss } = options;
  // The same shift as in a step of the training.
  const learningRate = optimizer === 'sgd' ? (options.learningRate * batch) / options.batch : options.learningRate;
  const onLoss = showLoss ? (): Promise<void> => Promise.resolve() : undefined;
  return trainStep(engine, network, pieces, state, rows, {
    ...options,
    batch,
    microBatch: undefined,
    learningRate,
    onLoss,
  });
}
