/** The options of the commands: what `--help` shows, and how argv becomes settings that are known to be sound. */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Options } from 'yargs';
import type { LinkModel } from '../channel/linkModel.ts';
import { Problem } from '../data/problem.ts';
import { LOSSES, type LossName } from '../nn/loss.ts';
import { NETWORKS, parseNetwork, type Network } from '../nn/network.ts';
import { OPTIMIZERS, type OptimizerName } from '../nn/optimizer.ts';
import type { TrainOptions } from '../nn/train.ts';
import { BACKENDS, type ComputeSettings } from '../server/compute.ts';
import type { HostPort } from '../server/ipc.ts';
import { linkOption, readLink } from './link-option.ts';
import { monitoringOptions, readMonitoring, type LogSettings } from './monitoring-options.ts';
import { profileOption } from './profile.ts';
import { integer, oneOf, optionalInteger, optionalText, real, type Argv } from './values.ts';

export interface SessionSettings extends ComputeSettings {
  readonly network: Network;
  /** `mnist` or a folder. */
  readonly data: string;
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  readonly fractionBits: number;
  readonly compareBits: number;
  readonly batch: number;
  readonly insecureKeys: number | undefined;
  /** P0 listens here, P1 and P2 on the next two. Undefined: any free ports. */
  readonly port: number | undefined;
  readonly timeoutMs: number;
  /** What every link is made to behave like; undefined: as fast as this machine. */
  readonly link: LinkModel | undefined;
  /** A file, `-` for standard output, or nothing. */
  readonly json: string | undefined;
  /** A folder for a profile, or nothing. */
  readonly profile: string | undefined;
  readonly log: LogSettings;
  /** Where P0 answers with figures, P1 and P2 at the next two ports; port 0: all at free ones. Or nothing. */
  readonly metrics: HostPort | undefined;
}

export interface TrainSettings extends SessionSettings, TrainOptions {
  readonly out: string | undefined;
}

export interface InferSettings extends SessionSettings {
  readonly model: string;
  readonly count: number;
}

const DEFAULT_EPOCHS = 5;
const DEFAULT_WORKERS = Math.max(1, Math.floor(availableParallelism() / 3));
const SUITES = {
  direct: { truncation: 'dealt', fractionBits: 16, compareBits: 33 },
  paper: { truncation: 'local', fractionBits: 13, compareBits: 64 },
} as const;
/** Fewer whole bits than this and ordinary activations leave the comparison window. */
const MINIMUM_WHOLE_BITS = 6;

const TASK = 'Task:';
const PROTOCOL = 'Protocol:';
const MACHINE = 'Machine:';
const RESULTS = 'Results:';

// Numbers carry no yargs type: it would turn what is not a number into NaN, and the error could not say what was typed (`values.ts`).
export const number: Options = { requiresArg: true };
export const text: Options = { requiresArg: true, type: 'string' };

const sessionOptions: Readonly<Record<string, Options>> = {
  network: {
    ...text,
    group: TASK,
    default: 'A',
    describe: `Network: ${Object.keys(NETWORKS).join(', ')}, or a JSON file`,
  },
  data: { ...text, group: TASK, default: 'mnist', describe: 'Data set: mnist, or a folder with four IDX files' },
  batch: { ...number, group: TASK, default: 128, describe: 'Images per step: 1 to 4096' },
  suite: {
    ...text,
    group: PROTOCOL,
    default: 'direct',
    describe: 'Comparison protocols: direct (3 rounds) or paper (as printed, 8 to 10 rounds)',
  },
  truncation: {
    ...text,
    group: PROTOCOL,
    defaultDescription: 'dealt; paper suite: local',
    describe: 'dealt (always right to one unit) or local (no message, fails rarely)',
  },
  'fraction-bits': {
    ...number,
    group: PROTOCOL,
    defaultDescription: '16; paper suite: 13',
    describe: 'Fractional bits of fixed-point numbers: 8 to 24',
  },
  'compare-bits': {
    ...number,
    group: PROTOCOL,
    defaultDescription: '33; paper suite: 64',
    describe: 'Bits compared, which bound the values: 2 to 61; paper suite: 64',
  },
  'insecure-keys': {
    ...number,
    group: PROTOCOL,
    defaultDescription: 'fresh keys',
    describe: 'Fix the session keys by this seed, to compare two runs bit for bit. Protects nothing',
  },
  backend: {
    ...text,
    group: MACHINE,
    default: 'auto',
    describe: 'Local products: webgpu, wasm, or auto (the GPU where there is one and it is faster)',
  },
  'fallback-adapter': {
    type: 'boolean',
    group: MACHINE,
    default: false,
    describe: 'Take a GPU adapter that computes on the CPU: to test, it is slower than wasm',
  },
  workers: { ...number, group: MACHINE, default: DEFAULT_WORKERS, describe: 'Threads per party: 1 to 256' },
  port: {
    ...number,
    group: MACHINE,
    defaultDescription: 'free ports',
    describe: 'P0 listens here, P1 and P2 on the next two: 1 to 65533',
  },
  timeout: {
    ...number,
    group: MACHINE,
    default: 120,
    describe: 'Longest wait for one message, in seconds: 1 to 86400',
  },
  link: linkOption,
  json: {
    ...text,
    group: RESULTS,
    defaultDescription: 'none',
    describe: 'Write one JSON object here; - for standard output',
  },
  profile: profileOption,
  ...monitoringOptions,
};

export const trainOptions: Readonly<Record<string, Options>> = {
  ...sessionOptions,
  epochs: {
    ...number,
    group: TASK,
    defaultDescription: String(DEFAULT_EPOCHS),
    describe: 'Passes over the training set',
  },
  steps: { ...number, group: TASK, defaultDescription: 'by --epochs', describe: 'Steps, in place of --epochs' },
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
  seed: { ...number, group: TASK, default: 1, describe: 'Fixes what is public: initial weights and batch order' },
  'show-loss': {
    type: 'boolean',
    group: RESULTS,
    default: true,
    describe: 'Reveal the mean loss of every tenth step to the owner. It is an output: --no-show-loss keeps it shared',
  },
  out: {
    ...text,
    group: RESULTS,
    defaultDescription: 'models/NETWORK-DATE.safetensors',
    describe: 'Save the model here (overwrites)',
  },
};

export const inferOptions: Readonly<Record<string, Options>> = {
  ...sessionOptions,
  model: { ...text, group: TASK, demandOption: true, describe: 'Model file, as train saves it' },
  count: { ...number, group: TASK, default: 128, describe: 'Test images to classify' },
};

function readNetwork(argv: Argv): Network {
  const name = optionalText(argv, 'network') ?? 'A';
  if (Object.hasOwn(NETWORKS, name)) return NETWORKS[name];
  if (!existsSync(name)) {
    const known = Object.keys(NETWORKS).join(', ');
    throw new Problem(
      `--network: no network and no file is named ${name}`,
      `use one of ${known}, or an existing JSON file`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(name, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem(`--network: ${name}: not readable as JSON: ${reason}`, 'write the network as README.md shows', {
      cause: error,
    });
  }
  try {
    return parseNetwork(json, name);
  } catch (error) {
    throw new Problem((error as Error).message, 'write the network as README.md shows', { cause: error });
  }
}

function readCompareBits(argv: Argv, suite: 'direct' | 'paper', fractionBits: number): number {
  const fallback = SUITES[suite].compareBits;
  if (suite === 'paper') {
    const bits = integer(argv, 'compare-bits', 2, 64, fallback);
    if (bits !== 64)
      throw new Problem(
        `--compare-bits: the paper suite compares all 64 bits, found ${bits}`,
        'leave --compare-bits out',
      );
    return bits;
  }
  const bits = integer(argv, 'compare-bits', 2, 61, fallback);
  if (bits - 1 - fractionBits < MINIMUM_WHOLE_BITS) {
    const least = fractionBits + 1 + MINIMUM_WHOLE_BITS;
    throw new Problem(
      `--compare-bits: ${bits} leave too few whole bits beside ${fractionBits} fractional ones: expected at least ${least}`,
      `give --compare-bits ${least} or more, or fewer --fraction-bits`,
    );
  }
  return bits;
}

function readSession(argv: Argv): SessionSettings {
  const suite = oneOf(argv, 'suite', ['direct', 'paper']);
  const fractionBits = integer(argv, 'fraction-bits', 8, 24, SUITES[suite].fractionBits);
  return {
    network: readNetwork(argv),
    data: optionalText(argv, 'data') ?? 'mnist',
    suite,
    truncation:
      argv.truncation === undefined ? SUITES[suite].truncation : oneOf(argv, 'truncation', ['dealt', 'local']),
    fractionBits,
    compareBits: readCompareBits(argv, suite, fractionBits),
    backend: oneOf(argv, 'backend', BACKENDS),
    fallbackAdapter: argv['fallback-adapter'] === true,
    batch: integer(argv, 'batch', 1, 4096, 128),
    insecureKeys: optionalInteger(argv, 'insecure-keys', 0, Number.MAX_SAFE_INTEGER),
    port: optionalInteger(argv, 'port', 1, 65533),
    timeoutMs: 1000 * integer(argv, 'timeout', 1, 86400, 120),
    workers: integer(argv, 'workers', 1, 256, DEFAULT_WORKERS),
    link: readLink(argv),
    json: optionalText(argv, 'json'),
    profile: optionalText(argv, 'profile'),
    ...readMonitoring(argv),
  };
}

/** Rates at which the networks of the paper train well (README). ASM diverges at the rates of softmax, and with momentum. */
function defaultRate(network: Network, optimizer: OptimizerName, loss: LossName): number {
  if (optimizer !== 'sgd') return 2 ** -10;
  if (loss === 'asm') return 2 ** -7;
  return network.name === 'A' || network.name === 'D' ? 2 ** -4 : 2 ** -5;
}

export function readTrainSettings(argv: Argv): TrainSettings {
  const epochs = optionalInteger(argv, 'epochs', 1, 10_000);
  const steps = optionalInteger(argv, 'steps', 1, 10_000_000);
  if (epochs !== undefined && steps !== undefined) {
    throw new Problem('--epochs and --steps: both say how long to train', 'give one of them');
  }
  const session = readSession(argv);
  const optimizer = oneOf(argv, 'optimizer', OPTIMIZERS);
  const loss = oneOf(argv, 'loss', LOSSES);
  if (optimizer !== 'sgd' && session.truncation === 'local') {
    throw new Problem(
      `--optimizer: ${optimizer} needs the dealt truncation: its squared gradients fill the ring`,
      'add --truncation dealt, or leave --optimizer out',
    );
  }
  const rate = (name: string, fallback: number): number =>
    real(argv, name, 'a number above 0, at most 1', (x) => x > 0 && x <= 1, fallback);
  return {
    ...session,
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
    out: optionalText(argv, 'out'),
  };
}

export function readInferSettings(argv: Argv): InferSettings {
  return {
    ...readSession(argv),
    model: optionalText(argv, 'model')!,
    count: integer(argv, 'count', 1, Number.MAX_SAFE_INTEGER, 128),
  };
}
