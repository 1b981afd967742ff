/**
 * The training loop: batches, forward, loss, backward, update, evaluation. Written against Engine only; every party and the plain
 * reference run this same code.
 */
import type { Engine, Value } from '../engine/engine.ts';
import { sizeOf } from '../ring/shape.ts';
import { argmax } from '../functions/argmax.ts';
import { batchOrder, initialValues } from './initial.ts';
import { classScores, type Parameters, prepared } from './forward.ts';
import type { LossName } from './loss.ts';
import { layerShapes, type Network, parameters as parameterSpecs } from './network.ts';
import { Pieces } from './pieces.ts';
import { preparedTensors } from './modelTensors.ts';
import { droppedBits, MOST_BITS, type OptimizerName, type State } from './optimizer.ts';
import type { Gathered, Team } from './ranks.ts';
import { partsOf, type Rows, trainStep } from './trainStep.ts';
import { WholeState } from './wholeState.ts';

export interface TrainingData {
  /** (samples, inputs) at the engine's fractional bits. */
  readonly images: Value;
  /** One-hot (samples, classes), integers (0 fractional bits). */
  readonly labels: Value;
  /** Absent: nothing is evaluated. */
  readonly testImages?: Value | undefined;
  readonly testLabels?: Value | undefined;
}

/** How many of each a training has; without test images nothing is evaluated. */
export interface Samples {
  readonly trainImages: number;
  readonly testImages: number;
}

export interface TrainOptions {
  readonly batch: number;
  /** Samples of a batch computed at a time, their gradients added up before the update; all of them when absent. */
  readonly microBatch?: number | undefined;
  /** Either whole epochs or a number of steps (evaluated once, at the end). */
  readonly epochs?: number | undefined;
  readonly steps?: number | undefined;
  readonly loss: LossName;
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  /** The rate is multiplied by `lrDecay` after every `lrDecayEpochs` epochs. */
  readonly lrDecay: number;
  readonly lrDecayEpochs: number;
  readonly momentum: number;
  /** Public: initial weights and batch order. */
  readonly seed: number;
  /** Reveal the summed loss of every tenth batch, the first and the last to the owner. */
  readonly showLoss: boolean;
  /** An evaluation reveals how many images of each class are classified correctly, in place of how many of all. */
  readonly perClass?: true | undefined;
  /** The trained model is not revealed. */
  readonly showModel?: false | undefined;
}

/** Whole tensors, each taken when the one before is cut and handed on. */
export type Values = Iterable<readonly [name: string, x: Value]> | AsyncIterable<readonly [name: string, x: Value]>;

/** How a run is kept, and gone on with. */
export interface Checkpointing {
  /** The state at the end of an earlier run's step, or weights to begin with at step 0. Absent: training starts from the public initial weights. */
  readonly from?: { readonly step: number; readonly state: Values } | undefined;
  /** After every step and the evaluation that follows it: all that a later run needs to go on from here. */
  readonly onState?: ((step: number, state: () => Promise<WholeState>) => Promise<void>) | undefined;
  /** When all is trained and, if it is, revealed. */
  readonly onTrained?: ((parameters: () => Promise<WholeState>) => Promise<void>) | undefined;
  /** The ranks of this party, of which this is the one that leads. */
  readonly team?: Team | undefined;
}

/** What the loop reports as it goes; the same in every party. */
export type TrainEvent =
  /** `loss`: this step's loss is revealed. */
  | { readonly kind: 'step'; readonly step: number; readonly epoch: number; readonly loss: boolean }
  /** An evaluation is under way and has done so many images. */
  | { readonly kind: 'testing'; readonly evaluation: number; readonly images: number }
  | { readonly kind: 'evaluated'; readonly evaluation: number; readonly images: number };

/** Names under which results are revealed to the owner. */
export const REVEALED = {
  /** Sum of the batch's losses, one element at the engine's fractional bits. `step` counts from 1. */
  loss: (step: number): string => `loss/${step}`,
  /** How many test images are classified correctly: one integer or, with `perClass`, one of each class. `evaluation` counts from 1. */
  correct: (evaluation: number): string => `correct/${evaluation}`,
  /** A trained tensor at the engine's fractional bits. */
  parameter: (name: string): string => `model/${name}`,
} as const;

/** Steps between two losses shown: each costs a logarithm under MPC, and every one tells something of its batch. */
export const LOSS_EVERY = 10;
/** Test images evaluated at a time, and elements of a layer's output that they may make up. */
const EVALUATION_BATCH = 1000;
const EVALUATION_ELEMENTS = 2 ** 21;

/** Steps of one epoch: whole batches; the remainder of the shuffled set is left to other epochs. */
export function stepsPerEpoch(samples: number, batch: number): number {
  return Math.floor(samples / batch);
}

export function totalSteps(samples: number, options: Pick<TrainOptions, 'batch' | 'epochs' | 'steps'>): number {
  return options.steps ?? (options.epochs ?? 0) * stepsPerEpoch(samples, options.batch);
}

/** Which evaluation follows a step (both count from 1): after every epoch or, of a number of steps, at their end; none without test images. */
export function evaluationAfter(
  step: number,
  { trainImages, testImages }: Samples,
  options: Pick<TrainOptions, 'batch' | 'epochs' | 'steps'>,
): number | undefined {
  if (testImages === 0) return undefined;
  if (options.steps !== undefined) return step === options.steps ? 1 : undefined;
  const perEpoch = stepsPerEpoch(trainImages, options.batch);
  return step % perEpoch === 0 ? step / perEpoch : undefined;
}

/**
 * How many of so many test images are evaluated at a time, at most. A test set is cut as finely as batches are, so that it takes as much less
 * memory, and each rank has as much of it.
 */
export function evaluationBatch(
  network: Network,
  images: number,
  { batch, microBatch }: Pick<TrainOptions, 'batch' | 'microBatch'>,
): number {
  const widest = Math.max(...layerShapes(network).map(sizeOf));
  const most = Math.min(EVALUATION_BATCH, Math.max(1, Math.floor(EVALUATION_ELEMENTS / widest)));
  const parts = partsOf(batch, microBatch).length;
  return parts === 1 ? most : Math.ceil(Math.min(most, images) / parts);
}

/** The learning rate of an epoch (counts from 1). */
export function learningRateAt(
  epoch: number,
  { learningRate, lrDecay, lrDecayEpochs }: Pick<TrainOptions, 'learningRate' | 'lrDecay' | 'lrDecayEpochs'>,
): number {
  return learningRate * lrDecay ** Math.floor((epoch - 1) / lrDecayEpochs);
}

/** From here on Adam's corrections are 1 in double precision. */
const CORRECTED_STEPS = 40_000;

export interface IdleStep {
  readonly step: number;
  readonly epoch: number;
  readonly learningRate: number;
}

/** The first step whose rate is too small for any weight to move: the rate of every step is public before the first. */
export function firstIdleStep(
  format: Pick<Engine, 'fractionBits' | 'truncation'>,
  options: Omit<TrainOptions, 'loss' | 'momentum' | 'seed' | 'showLoss'>,
  samples: number,
): IdleStep | undefined {
  const perEpoch = stepsPerEpoch(samples, options.batch);
  const steps = totalSteps(samples, options);
  const corrected = options.optimizer === 'sgd' ? 0 : CORRECTED_STEPS;
  let step = 1;
  while (step <= steps) {
    const epoch = Math.floor((step - 1) / perEpoch) + 1;
    const learningRate = learningRateAt(epoch, options);
    if (droppedBits(format, { ...options, learningRate, step }) > MOST_BITS) return { step, epoch, learningRate };
    step = step < corrected ? step + 1 : epoch * perEpoch + 1;
  }
  return undefined;
}

/** Trains from the public initial weights, from given ones, or on from where an earlier run was, and reveals the model, unless it stays shared. */
export async function train(
  engine: Engine,
  network: Network,
  data: TrainingData,
  options: TrainOptions,
  onEvent: (event: TrainEvent) => void | Promise<void>,
  { from, onState, onTrained, team }: Checkpointing = {},
): Promise<void> {
  const samples = data.images.shape[0];
  const testImages = data.testImages?.shape[0] ?? 0;
  checkTraining(engine, samples, options, team);
  const training = new Training(engine, network, data, options, team);
  const { pieces } = training;
  const state = await begun(engine, pieces, from?.state ?? initial(engine, network, options.seed), team);
  const whole = async (what: Gathered): Promise<WholeState> => {
    await team?.begin({ kind: 'gather', what });
    const mine = what === 'state' ? state : pieces.parametersOf(state);
    return new WholeState(engine, pieces, mine, await team?.gather(engine, what, pieces, state));
  };
  const steps = totalSteps(samples, options);
  for (let step = (from?.step ?? 0) + 1; step <= steps; step++) {
    await team?.begin({ kind: 'step', step });
    await onEvent({ kind: 'step', step, ...(await training.step(step, state)) });
    const evaluation = evaluationAfter(step, { trainImages: samples, testImages }, options);
    if (evaluation !== undefined) {
      await team?.begin({ kind: 'evaluation', evaluation });
      const testing = (images: number): void | Promise<void> => onEvent({ kind: 'testing', evaluation, images });
      await training.evaluate(evaluation, state, testing);
      await onEvent({ kind: 'evaluated', evaluation, images: testImages });
    }
    await onState?.(step, () => whole('state'));
  }
  if (options.showModel !== false)
    for await (const [name, x] of (await whole('parameters')).values())
      await engine.reveal(REVEALED.parameter(name), x);
  await engine.settle();
  await onTrained?.(() => whole('parameters'));
}

/** The public initial weights. */
function* initial(engine: Engine, network: Network, seed: number): Generator<readonly [string, Value], void> {
  for (const spec of parameterSpecs(network)) yield [spec.name, engine.constant(spec.shape, initialValues(spec, seed))];
}

/** The state at the beginning, in pieces; of several ranks this one's. */
async function begun(engine: Engine, pieces: Pieces, whole: Values, team: Team | undefined): Promise<State> {
  async function* cut(): AsyncGenerator<State, void> {
    for await (const [name, x] of whole) yield pieces.split(engine, new Map([[name, x]]));
  }
  if (team !== undefined) return team.deal(engine, pieces, cut());
  const state: State = new Map();
  for await (const some of cut()) for (const [key, x] of some) state.set(key, x);
  return state;
}

/** What a rank that does not lead does of a training, until rank 0 says that it is over. */
export async function trainAlong(
  engine: Engine,
  network: Network,
  data: TrainingData,
  options: TrainOptions,
  team: Team,
): Promise<void> {
  checkTraining(engine, data.images.shape[0], options, team);
  const training = new Training(engine, network, data, options, team);
  const { pieces } = training;
  const state = await team.deal(engine, pieces, undefined);
  for (let order = await team.next(); order !== undefined; order = await team.next()) {
    if (order.kind === 'step') await training.step(order.step, state);
    else if (order.kind === 'evaluation') await training.evaluate(order.evaluation, state, () => undefined);
    else if (order.kind === 'gather') await team.gather(engine, order.what, pieces, state);
    else throw new Error(`${order.kind}: not of a training`);
  }
  await engine.settle();
}

function checkTraining(engine: Engine, samples: number, options: TrainOptions, team: Team | undefined): void {
  const { batch, microBatch } = options;
  if (stepsPerEpoch(samples, batch) === 0)
    throw new RangeError(`batch ${batch}: the data set has only ${samples} samples`);
  const parts = partsOf(batch, microBatch).length;
  if (team !== undefined && parts < team.size)
    throw new RangeError(`${team.size} ranks: a batch has only ${parts} parts, and each rank needs one`);
  const idle = firstIdleStep(engine, options, samples);
  if (idle !== undefined)
    throw new RangeError(`epoch ${idle.epoch}: at a rate of ${idle.learningRate} no weight moves`);
}

/** The steps and evaluations of a training, as every rank computes them. */
class Training {
  /** How the state is cut. */
  readonly pieces: Pieces;
  readonly #engine: Engine;
  readonly #network: Network;
  readonly #data: TrainingData;
  readonly #options: TrainOptions;
  readonly #team: Team | undefined;
  readonly #samples: number;
  #order: { readonly epoch: number; readonly indices: Uint32Array } | undefined;

  constructor(engine: Engine, network: Network, data: TrainingData, options: TrainOptions, team: Team | undefined) {
    this.#engine = engine;
    this.#network = network;
    this.#data = data;
    this.#options = options;
    this.#team = team;
    this.pieces = new Pieces(network);
    this.#samples = data.images.shape[0];
  }

  async step(step: number, state: State): Promise<{ readonly epoch: number; readonly loss: boolean }> {
    const options = this.#options;
    const perEpoch = stepsPerEpoch(this.#samples, options.batch);
    const epoch = Math.floor((step - 1) / perEpoch) + 1;
    const position = (step - 1) % perEpoch;
    const indices = Array.from(this.#indices(epoch).subarray(position * options.batch, (position + 1) * options.batch));
    const learningRate = learningRateAt(epoch, options);
    const steps = totalSteps(this.#samples, options);
    const loss = options.showLoss && (step === 1 || step % LOSS_EVERY === 0 || step === steps);
    const onLoss = loss
      ? (fork: Engine, sum: Value): Promise<void> => fork.reveal(REVEALED.loss(step), sum)
      : undefined;
    const rows: Rows = (fork, start, end) => ({
      images: fork.rows(this.#data.images, indices.slice(start, end)),
      labels: fork.rows(this.#data.labels, indices.slice(start, end)),
    });
    await this.#engine.scope(`step/${step}`, (fork) =>
      trainStep(fork, this.#network, this.pieces, state, rows, {
        ...options,
        step,
        learningRate,
        onLoss,
        team: this.#team,
      }),
    );
    // The helper runs ahead. All its ranks catch up before an evaluation, so that what each step sends is counted with it.
    if (this.#team !== undefined && step % (options.steps ?? perEpoch) === 0) await this.#engine.settle();
    await this.#team?.over(`step/${step}`);
    return { epoch, loss };
  }

  async evaluate(evaluation: number, state: State, testing: (images: number) => void | Promise<void>): Promise<void> {
    await this.#engine.scope(`evaluation/${evaluation}`, async (fork) => {
      const correct = await this.#countCorrect(fork, `evaluation/${evaluation}`, state, testing);
      if (correct !== undefined) await fork.reveal(REVEALED.correct(evaluation), correct);
    });
  }

  /** Parameters as an evaluation takes them. What layers prepare, one rank does, at the address that it has there if it is alone. */
  async #prepared(engine: Engine, label: string, parameters: Parameters): Promise<Parameters> {
    const team = this.#team;
    const all = new Map(parameters);
    const made = team === undefined || team.rank === 0 ? await prepared(engine, this.#network, parameters) : undefined;
    if (partsOf(this.#options.batch, this.#options.microBatch).length === 1) return made!;
    for (const { name, ...handed } of preparedTensors(this.#network, engine.fractionBits)) {
      // In two shares, of whatever number of ranks: what follows would round otherwise.
      const own = made && (await engine.carry(name, made.get(name)!));
      all.set(name, team === undefined ? own! : await team.handOn(engine, `${label}/${name}`, handed, own));
    }
    return all;
  }

  #indices(epoch: number): Uint32Array {
    if (this.#order?.epoch !== epoch)
      this.#order = { epoch, indices: batchOrder(this.#samples, this.#options.seed, epoch) };
    return this.#order.indices;
  }

  /**
   * How many images of the test set are classified correctly: (1,1), or (1,n) by class. The product of a prediction's unit vector and the
   * one-hot label is 1 in the label's column if the two agree, and 0 elsewhere. Of a rank that does not lead: nothing, it hands on its part.
   */
  async #countCorrect(
    engine: Engine,
    label: string,
    state: State,
    testing: (images: number) => void | Promise<void>,
  ): Promise<Value | undefined> {
    const [testImages, testLabels] = [this.#data.testImages!, this.#data.testLabels!];
    const network = this.#network;
    const perClass = this.#options.perClass === true;
    const { rank, size } = this.#team ?? { rank: 0, size: 1 };
    const images = testImages.shape[0];
    const batch = evaluationBatch(network, images, this.#options);
    const given = await this.#team?.parameters(engine, label, this.pieces, state);
    const model = await this.#prepared(engine, label, given ?? this.pieces.parameters(engine, state));
    const stride = size * batch;
    let correct: Value | undefined;
    for (let from = rank * batch; from < images; from += stride) {
      const indices = Array.from({ length: Math.min(batch, images - from) }, (_, i) => from + i);
      const hits = await engine.scope(`images/${from}`, async (fork) => {
        const scores = await classScores(fork, network, model, fork.rows(testImages, indices));
        const right = await fork.mul(await argmax(fork, scores), fork.rows(testLabels, indices));
        return fork.sumRows(perClass ? right : fork.sumColumns(right));
      });
      if (this.#team !== undefined && from + stride >= images) {
        const among = Math.min(size, Math.ceil(images / batch));
        correct = await this.#team.sum(engine, label, correct, hits, among);
      } else correct = correct === undefined ? hits : engine.add(correct, hits);
      // The others are about as far.
      await testing(Math.min(images, from + stride));
    }
    return correct;
  }
}
