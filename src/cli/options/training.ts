/** The options of training. */
import { availableParallelism } from 'node:os';
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import { LOSSES, type LossName } from '../../nn/loss.ts';
import { classLimit } from '../../functions/softmax.ts';
import { classCount, misfit, type Network } from '../../nn/network.ts';
import { OPTIMIZERS, type OptimizerName } from '../../nn/optimizer.ts';
import type { TrainOptions } from '../../nn/train.ts';
import { augmentOptions, testShareOption } from './data.ts';
import { networkOfModel } from './task.ts';
import { MOST_RANKS, rankPart } from '../../nn/ranks.ts';
import { layerAcrossBatch } from '../../nn/trainStep.ts';
import { readSession, sessionOptions, type SessionSettings } from './session.ts';
import {
  integer,
  number,
  oneOf,
  optionalInteger,
  optionalText,
  real,
  MACHINE,
  RESULTS,
  TASK,
  text,
  type Argv,
} from './values.ts';

export interface TrainSettings extends SessionSettings, TrainOptions {
  /** GiB that a party may take at its peak: decides `microBatch` (`micro-batch.ts`). */
  readonly memory: number | undefined;
  /** Threads of each party that compute parts of a batch side by side; undefined: one. */
  readonly ranks: number | undefined;
  readonly out: string | undefined;
  /** A model file: training begins with its weights. */
  readonly from: string | undefined;
  /** How many images to take of the data set; undefined: all. */
  readonly trainImages: number | undefined;
  readonly testImages: number | undefined;
}

const DEFAULT_EPOCHS = 5;
const MAXIMUM_IMAGES = 10_000_000;

export const trainOptions: Readonly<Record<string, Options>> = {
  ...sessionOptions,
  epochs: {
    ...number,
    group: TASK,
    defaultDescription: String(DEFAULT_EPOCHS),
    describe: 'Passes over the training set',
  },
  steps: { ...number, group: TASK, defaultDescription: 'by --epochs', describe: 'Steps, in place of --epochs' },
  'micro-batch': {
    ...number,
    group: TASK,
    defaultDescription: '--batch; by --memory',
    describe: 'Images of a batch computed at a time: less memory, the same gradients (docs/memory.md)',
  },
  memory: {
    ...number,
    group: MACHINE,
    defaultDescription: 'as much as a whole batch takes',
    describe: 'GiB that a party may take at its peak: batches are computed in parts that fit',
  },
  ranks: {
    ...number,
    group: MACHINE,
    defaultDescription: '1',
    describe:
      'Ranks of a party, which compute parts of a batch side by side: 1 to 256; of local train also auto, a core for each (docs/ranks.md)',
  },
  loss: {
    ...text,
    group: TASK,
    default: 'softmax',
    describe: "softmax (cross-entropy) or asm (the paper's ReLU(x) / Σ ReLU(x); shown: squared error)",
  },
  optimizer: { ...text, group: TASK, default: 'sgd', describe: `Optimizer: ${OPTIMIZERS.join(', ')}` },
  lr: {
    ...number,
    group: TASK,
    defaultDescription: '2^-4 for A and D, else 2^-5; asm: 2^-7; adam, amsgrad: 2^-10',
    describe: 'Learning rate, above 0, at most 1; 2^-4 is understood',
  },
  'lr-decay': { ...number, group: TASK, default: 1, describe: 'Factor on the learning rate, above 0, at most 1' },
  'lr-decay-epochs': { ...number, group: TASK, default: 1, describe: 'Epochs between two such factors' },
  momentum: {
    ...number,
    group: TASK,
    defaultDescription: '0.9; asm: 0',
    describe: 'Momentum of sgd, from 0 (none) to below 1',
  },
  'train-images': {
    ...number,
    group: TASK,
    defaultDescription: 'all',
    describe: 'Train on so many images, the same in every run',
  },
  'test-images': {
    ...number,
    group: TASK,
    defaultDescription: 'all',
    describe: 'Test on so many images, the same in every run; 0: no test',
  },
  ...testShareOption,
  ...augmentOptions,
  from: {
    ...text,
    group: TASK,
    defaultDescription: 'initial weights by --seed',
    describe:
      "Begin with the weights (and without --network, the network) of this model file: a secret of the owner's, shared as the data is",
  },
  seed: { ...number, group: TASK, default: 1, describe: 'Fixes what is public: initial weights and batch order' },
  'show-loss': {
    type: 'boolean',
    group: RESULTS,
    default: true,
    describe: 'Reveal the mean loss of every tenth step to the owner. It is an output: --no-show-loss keeps it shared',
  },
  'per-class': {
    type: 'boolean',
    group: RESULTS,
    default: false,
    describe: 'Reveal to the owner how many test images of each class are right, not only how many of all',
  },
  out: {
    ...text,
    group: RESULTS,
    defaultDescription: 'models/NETWORK-DATE.safetensors',
    describe: 'Save the model here (overwrites)',
  },
};

/** What concerns parties alone; nothing of it acts in one process. */
const OF_PARTIES: ReadonlySet<string> = new Set([
  'security',
  'insecure-keys',
  'port',
  'timeout',
  'link',
  'memory',
  'ranks',
]);
/** The same; asked for, they are refused with words of their own. */
const REFUSED = ['profile', 'metrics'] as const;

export const plainTrainOptions: Readonly<Record<string, Options>> = {
  ...Object.fromEntries(Object.entries(trainOptions).filter(([name]) => !OF_PARTIES.has(name))),
  ...Object.fromEntries(REFUSED.map((name) => [name, { ...trainOptions[name], hidden: true }])),
  workers: { ...trainOptions.workers, describe: 'Threads: 1 to 256' },
};

/** Rates at which the networks of the paper train well (README). ASM diverges at the rates of softmax, and with momentum. */
function defaultRate(network: Network, optimizer: OptimizerName, loss: LossName): number {
  if (optimizer !== 'sgd') return 2 ** -10;
  if (loss === 'asm') return 2 ** -7;
  return network.name === 'A' || network.name === 'D' ? 2 ** -4 : 2 ** -5;
}

/** Softmax needs the reciprocal of a sum over all classes. */
function checkClasses(session: SessionSettings, loss: LossName): void {
  const { network, fractionBits } = session;
  const [classes, most] = [classCount(network), classLimit(session)];
  if (loss !== 'softmax' || (classes >= 2 && classes <= most)) return;
  throw new Problem(
    `--network: ${network.name} has ${classes} ${classes === 1 ? 'class' : 'classes'}: softmax with ${fractionBits} fractional bits takes 2 to ${most}`,
    classes < 2
      ? 'give the last layer one unit for each class'
      : 'give other --fraction-bits (16 take most), or --loss asm',
  );
}

function partSettings(
  argv: Argv,
  { batch, network, backend }: SessionSettings,
): Pick<TrainSettings, 'microBatch' | 'memory' | 'ranks'> {
  const microBatch = optionalInteger(argv, 'micro-batch', 1, batch);
  const memory =
    argv.memory === undefined
      ? undefined
      : real(argv, 'memory', 'GiB above 0, at most 4096', (x) => x > 0 && x <= 4096, 1);
  if (microBatch !== undefined && memory !== undefined)
    throw new Problem('--micro-batch and --memory: both say how a batch is cut', 'give one of them');
  const across = layerAcrossBatch(network);
  if (microBatch !== undefined && microBatch < batch && across !== undefined)
    throw new Problem(
      `--micro-batch: ${across} takes statistics over the whole batch, so all its parts are held at once: that saves no memory`,
      `leave it out, or give a smaller --batch`,
    );
  const ranks = severalRanks(argv);
  if (ranks === undefined) return { microBatch: microBatch === batch ? undefined : microBatch, memory, ranks };
  checkRanks(ranks, batch);
  checkRankBackend(backend);
  return { microBatch: rankPart(batch, ranks, microBatch), memory, ranks };
}

/** Undefined: one. */
export function severalRanks(argv: Argv): number | undefined {
  const ranks = optionalInteger(argv, 'ranks', 1, MOST_RANKS);
  return ranks === 1 ? undefined : ranks;
}

/** Of several ranks. */
export function checkRankBackend(backend: SessionSettings['backend']): void {
  if (backend === 'webgpu')
    throw new Problem('--ranks: a GPU serves the first rank of a party alone', 'leave --backend or --ranks out');
}

/** @param parts of a batch, or its images */
export function checkRanks(ranks: number, parts: number, what = 'images'): void {
  if (ranks <= parts) return;
  throw new Problem(
    `--ranks: a batch has ${parts} ${what}, too few for ${ranks} ranks: each needs one`,
    `give --ranks ${parts} at most, or more images a batch`,
  );
}

function checkLayers({ network, truncation, batch }: SessionSettings): void {
  const unfit = misfit(network, truncation, batch);
  if (unfit !== undefined) throw new Problem(`--network: ${network.name}: ${unfit.what}`, unfit.fix);
}

/**
 * `--ranks auto`, of a command whose three parties run on this machine: as many as it has cores for, one where a batch cannot be cut. A number decides
 * how a batch is cut, and so how values round: it stands in the job, and in what the command says, and is never chosen unasked.
 */
export function withRanks(argv: Argv, cores: number = availableParallelism()): Argv {
  if (argv.ranks !== 'auto') return argv;
  const { batch, backend } = readTrainSettings({ ...argv, ranks: undefined });
  const one = backend === 'webgpu';
  return { ...argv, ranks: one ? 1 : Math.max(1, Math.min(batch, Math.floor(cores / 3))) };
}

export function readTrainSettings(argv: Argv): TrainSettings {
  const epochs = optionalInteger(argv, 'epochs', 1, 10_000);
  const steps = optionalInteger(argv, 'steps', 1, 10_000_000);
  if (epochs !== undefined && steps !== undefined) {
    throw new Problem('--epochs and --steps: both say how long to train', 'give one of them');
  }
  const from = optionalText(argv, 'from');
  const network = argv.network === undefined && from !== undefined ? networkOfModel(from) : undefined;
  const session = { ...readSession(argv), ...(network && { network }) };
  const optimizer = oneOf(argv, 'optimizer', OPTIMIZERS);
  const loss = oneOf(argv, 'loss', LOSSES);
  if (optimizer !== 'sgd' && session.truncation === 'local') {
    throw new Problem(
      `--optimizer: ${optimizer} needs the dealt truncation: its squared gradients fill the ring`,
      'add --truncation dealt, or leave --optimizer out',
    );
  }
  checkClasses(session, loss);
  checkLayers(session);
  const rate = (name: string, fallback: number): number =>
    real(argv, name, 'a number above 0, at most 1', (x) => x > 0 && x <= 1, fallback);
  return {
    ...session,
    ...partSettings(argv, session),
    epochs: steps === undefined ? (epochs ?? DEFAULT_EPOCHS) : undefined,
    steps,
    loss,
    optimizer,
    learningRate: rate('lr', defaultRate(session.network, optimizer, loss)),
    lrDecay: rate('lr-decay', 1),
    lrDecayEpochs: integer(argv, 'lr-decay-epochs', 1, 10_000, 1),
    momentum: real(argv, 'momentum', 'a number from 0 to below 1', (x) => x >= 0 && x < 1, loss === 'asm' ? 0 : 0.9),
    seed: integer(argv, 'seed', 0, Number.MAX_SAFE_INTEGER, 1),
    showLoss: argv['show-loss'] !== false,
    perClass: argv['per-class'] === true ? true : undefined,
    trainImages: optionalInteger(argv, 'train-images', 1, MAXIMUM_IMAGES),
    testImages: optionalInteger(argv, 'test-images', 0, MAXIMUM_IMAGES),
    out: optionalText(argv, 'out'),
    from,
  };
}
