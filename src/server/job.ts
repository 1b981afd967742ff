/**
 * A job: everything public that the three parties and the owner must agree on before they compute. Its fields are compared in the
 * handshake of every link, in this order, and a session whose ends differ is refused with the first differing field named.
 */
import * as z from 'zod';
import { Problem } from '../data/problem.ts';
import { digestOf } from '../federation/canonical.ts';
import { LOSSES } from '../nn/loss.ts';
import type { MicroOperation } from '../nn/micro.ts';
import type { Network } from '../nn/network.ts';
import { parseNetwork } from '../nn/networkFile.ts';
import { OPTIMIZERS } from '../nn/optimizer.ts';
import { MOST_RANKS } from '../nn/ranks.ts';
import { firstIdleStep, stepsPerEpoch, totalSteps, type TrainOptions } from '../nn/train.ts';

/** Changes whenever parties of two versions would misunderstand each other, or a resumed run would put other values under its masks. */
export const JOB_VERSION = 20;

interface CommonJob {
  readonly sessionId: string;
  /** Digest of the document by which it was approved (`federation/documents.ts`). Absent: the owner itself runs it. */
  readonly document?: string | undefined;
  readonly network: Network;
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  readonly fractionBits: number;
  readonly compareBits: number;
  readonly batch: number;
  /** Nobody learns anything by cheating (SECURITY.md). Absent: semi-honest. */
  readonly security?: 'private' | undefined;
  /** Seed of fixed session keys: such a session protects nothing. */
  readonly insecureKeys?: number | undefined;
  /** The parties measure where their time goes, and compare their clocks first. */
  readonly profile?: true | undefined;
}

/** Exactly one of epochs and steps is given. */
export interface TrainJob extends CommonJob, TrainOptions {
  readonly kind: 'train';
  readonly trainImages: number;
  readonly testImages: number;
  /** A checkpoint after every so many steps, besides those after each epoch and at the end. Absent: none are kept. */
  readonly checkpointEvery?: number | undefined;
  /** Training begins with weights that are shared, in place of public ones. */
  readonly warmStart?: true | undefined;
  /** What each party holds of the trained weights is kept by it. */
  readonly keepModel?: true | undefined;
  /** Threads of each party that compute parts of a batch side by side (docs/ranks.md). Absent: one. It changes no bit. */
  readonly ranks?: number | undefined;
  /** Goes on with the run that began in session `run`, after this step. */
  readonly resume?: { readonly run: string; readonly step: number } | undefined;
}

export interface InferJob extends CommonJob {
  readonly kind: 'infer';
  readonly images: number;
  /** Images of a batch computed at a time; all of them when absent. */
  readonly microBatch?: number | undefined;
  /** Of each party, which compute parts of a batch side by side. Absent: one. It changes no bit. */
  readonly ranks?: number | undefined;
  /** The scores of all classes are revealed, in place of the class alone. */
  readonly scores?: true | undefined;
}

/** A session that answers images as they come, with a model that stayed shared. */
export interface ServeJob extends Omit<CommonJob, 'batch'> {
  readonly kind: 'serve';
  /** Digest of the job that trained the model. */
  readonly model: string;
  /** The scores of all classes are revealed, in place of the class alone. */
  readonly scores?: true | undefined;
  /** Images that are computed together at the most; a single input may have more. */
  readonly maxBatch: number;
  /** How long an input waits for others while nothing is under way. */
  readonly maxWaitMs: number;
  /** Of each party, which answer batches in turn. Absent: one. */
  readonly ranks?: number | undefined;
}

/** Single operations, each measured so many times; nobody gives inputs or takes results. */
export interface MicroJob extends Omit<CommonJob, 'network' | 'batch'> {
  readonly kind: 'micro';
  readonly operations: readonly MicroOperation[];
  readonly repetitions: number;
}

export type Job = TrainJob | InferJob | ServeJob | MicroJob;

const count = z.int().min(1);
const rankCount = z.int().min(2).max(MOST_RANKS);
const digest = z.string().regex(/^[0-9a-f]{64}$/);

const common = {
  sessionId: z.string().min(1).max(128),
  document: digest.optional(),
  network: z.unknown().transform((json) => parseNetwork(json, 'job: network')),
  suite: z.enum(['direct', 'paper']),
  truncation: z.enum(['dealt', 'local']),
  fractionBits: z.int().min(1).max(30),
  compareBits: z.int().min(2).max(64),
  batch: count,
  security: z.literal('private').optional(),
  insecureKeys: z.int().min(0).optional(),
  profile: z.literal(true).optional(),
};

const extent = z.int().min(1).max(4096);
const microOperation: z.ZodType<MicroOperation> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('conv2d'), size: extent, kernel: extent, channels: extent, filters: extent }),
  z.strictObject({ kind: z.literal('matmul'), m: extent, n: extent, v: extent }),
  z.strictObject({
    kind: z.literal('maxpool'),
    ...{ height: extent, width: extent, channels: extent, window: extent },
    derivative: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal('relu'),
    count: z
      .int()
      .min(1)
      .max(2 ** 24),
    kept: z.boolean(),
  }),
]);

const anyJob: z.ZodType<Job> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('train'),
    ...common,
    trainImages: count,
    testImages: z.int().min(0),
    microBatch: count.optional(),
    epochs: count.optional(),
    steps: count.optional(),
    loss: z.enum(LOSSES),
    optimizer: z.enum(OPTIMIZERS),
    learningRate: z.number().positive(),
    lrDecay: z.number().positive().max(1),
    lrDecayEpochs: count,
    momentum: z.number().min(0).max(1),
    seed: z.int().min(0),
    showLoss: z.boolean(),
    perClass: z.literal(true).optional(),
    showModel: z.literal(false).optional(),
    keepModel: z.literal(true).optional(),
    ranks: rankCount.optional(),
    checkpointEvery: count.optional(),
    warmStart: z.literal(true).optional(),
    resume: z.strictObject({ run: z.string().min(1).max(128), step: z.int().min(0) }).optional(),
  }),
  z.strictObject({
    kind: z.literal('infer'),
    ...common,
    images: count,
    microBatch: count.optional(),
    ranks: rankCount.optional(),
    scores: z.literal(true).optional(),
  }),
  z
    .strictObject({
      kind: z.literal('serve'),
      ...common,
      model: digest,
      scores: z.literal(true).optional(),
      maxBatch: count,
      maxWaitMs: z.int().min(0),
      ranks: rankCount.optional(),
    })
    .omit({ batch: true }),
  z
    .strictObject({
      kind: z.literal('micro'),
      ...common,
      operations: z.array(microOperation).min(1).max(1000),
      repetitions: count,
    })
    .omit({ network: true, batch: true }),
]);

/** Whoever cheats in a private job is to learn nothing: not with keys that anybody can compute. */
export const jobSchema: z.ZodType<Job> = anyJob.refine(
  ({ security, insecureKeys }) => security === undefined || insecureKeys === undefined,
  'no private job: its keys are insecure',
);

/** Jobs that a party may do by several ranks. */
export type RankedJob = Exclude<Job, MicroJob>;

export function isRanked(job: Job): job is RankedJob {
  return job.kind !== 'micro';
}

/** Of each party. */
export function ranksOfJob(job: Job): number {
  return isRanked(job) ? (job.ranks ?? 1) : 1;
}

/** The run of a training: the session in which it began. */
export function runOf(job: TrainJob): string {
  return job.resume?.run ?? job.sessionId;
}

/** The job with which a run began; the same in every session of the run, profiled or not, by however many ranks. */
export function originalJob(job: TrainJob): TrainJob {
  return { ...job, sessionId: runOf(job), resume: undefined, profile: undefined, ranks: undefined };
}

/** Whether this session is given the weights to begin with: a run that goes on has them in its checkpoint. */
export function sharesWeights({ warmStart, resume }: TrainJob): boolean {
  return warmStart === true && (resume?.step ?? 0) === 0;
}

/** Whether a checkpoint is kept after this step. */
export function checkpointDue(step: number, job: TrainJob): boolean {
  if (job.checkpointEvery === undefined) return false;
  const epochEnds = step % stepsPerEpoch(job.trainImages, job.batch) === 0;
  return epochEnds || step % job.checkpointEvery === 0 || step === totalSteps(job.trainImages, job);
}

/** Refuses a training in which the rate falls so low that no weight moves any more. */
export function checkSchedule(
  job: Pick<TrainJob, keyof Parameters<typeof firstIdleStep>[0] | keyof Parameters<typeof firstIdleStep>[1]>,
  samples: number,
): void {
  const idle = firstIdleStep(job, job, samples);
  if (idle === undefined) return;
  const { step, epoch, learningRate } = idle;
  const shown = learningRate.toPrecision(3);
  const what = `epoch ${epoch}: at a learning rate of ${shown} no weight of ${job.fractionBits} fractional bits moves`;
  if (epoch === 1) throw new Problem(what, 'give a larger --lr');
  const shorter = job.steps === undefined ? `--epochs ${epoch - 1}` : `--steps ${step - 1}`;
  throw new Problem(what, `give a larger --lr, --lr-decay or --lr-decay-epochs, or train no longer than ${shorter}`);
}

function networkFields(network: Network): [string, string][] {
  return [
    ['network', network.name],
    ['network digest', digestOf(network)],
  ];
}

/** The public fields in the order in which ends compare them. */
export function configurationFields(job: Job): [name: string, value: string][] {
  const fields: [string, string | number | boolean | undefined][] = [
    ['job document', job.document],
    ['job version', JOB_VERSION],
    ['job', job.kind],
    ['suite', job.suite],
    ['truncation', job.truncation],
    ['fraction bits', job.fractionBits],
    ['compare bits', job.compareBits],
    ...(job.kind === 'micro' ? [] : networkFields(job.network)),
    ...(job.kind === 'micro' || job.kind === 'serve' ? [] : [['batch', job.batch] satisfies [string, number]]),
    ['insecure keys', job.insecureKeys],
  ];
  if (job.kind === 'train') {
    fields.push(
      ['training images', job.trainImages],
      ['test images', job.testImages],
      ['micro-batch', job.microBatch],
      ['ranks', job.ranks],
      ['epochs', job.epochs],
      ['steps', job.steps],
      ['loss', job.loss],
      ['optimizer', job.optimizer],
      ['learning rate', job.learningRate],
      ['learning rate decay', job.lrDecay],
      ['learning rate decay epochs', job.lrDecayEpochs],
      ['momentum', job.momentum],
      ['seed', job.seed],
      ['show loss', job.showLoss],
      ['counts per class', job.perClass],
      ['show model', job.showModel],
      ['keep model', job.keepModel],
      ['checkpoint every', job.checkpointEvery],
      ['initial weights', job.warmStart === true ? 'shared' : 'public'],
      ['run', job.resume?.run ?? 'new'],
      ['resume from step', job.resume?.step],
    );
  } else if (job.kind === 'infer') {
    fields.push(['images', job.images], ['micro-batch', job.microBatch], ['ranks', job.ranks], ['scores', job.scores]);
  } else if (job.kind === 'serve') {
    fields.push(
      ['model', job.model],
      ['scores', job.scores],
      ['images together', job.maxBatch],
      ['wait for others', job.maxWaitMs],
      ['ranks', job.ranks],
    );
  } else {
    fields.push(['operations', JSON.stringify(job.operations)], ['repetitions', job.repetitions]);
  }
  fields.push(['profile', job.profile]);
  // Last and only where it is asked for: a party that knows no such mode refuses it, and nothing else changes for any.
  if (job.security !== undefined) fields.push(['security', job.security]);
  return fields.map(([name, value]) => [name, value === undefined ? 'none' : String(value)]);
}
