/** Measures what the tables need: one local session for each training, inference and list of single operations. */
import { randomBytes } from 'node:crypto';
import { ownInference, type BatchReport } from '../../client/inference.ts';
import { ownMicro, type MicroReport } from '../../client/micro.ts';
import { ownTraining } from '../../client/training.ts';
import type { StepReport } from '../../client/history.ts';
import { sumOf } from '../../client/spent.ts';
import type { Dataset } from '../../data/dataset.ts';
import { valueSource } from '../../data/encode.ts';
import { imageSize, samplesOf } from '../../data/dataset.ts';
import type { Model } from '../../data/model-file.ts';
import { initialValues } from '../../nn/initial.ts';
import type { MicroOperation } from '../../nn/micro.ts';
import { NETWORKS } from '../../nn/named.ts';
import { type Network, parameters } from '../../nn/network.ts';
import { toHex } from '../../server/ipc.ts';
import type { InferJob, MicroJob, TrainJob } from '../../server/job.ts';
import type { PartyNews } from '../party-news.ts';
import { readInferSettings } from '../options/inference.ts';
import { readTrainSettings } from '../options/training.ts';
import { spread, type Spread } from '../report.ts';
import { commonJob, runLocally } from '../session.ts';
import { trainingOf } from '../train.ts';
import type { Argv } from '../options/values.ts';
import type { NetworkName } from './published.ts';

export type LinkName = 'lan' | 'wan';

/** One session. */
export type Task =
  | { readonly kind: 'train'; readonly network: NetworkName; readonly link: LinkName; readonly steps: number }
  | {
      readonly kind: 'infer';
      readonly network: NetworkName;
      readonly link: LinkName;
      readonly batch: number;
      readonly batches: number;
    }
  | { readonly kind: 'micro'; readonly link: LinkName; readonly repetitions: number };

export interface Measured {
  /** Of one step, batch or operation, without the first. */
  readonly seconds: Spread;
  /** How many were timed. */
  readonly samples: number;
  /** Frames of all parties together, of one. */
  readonly bytes: number;
  readonly onlineRounds: number;
  /** Of an inference: the first batch of its session, which runs cold. */
  readonly first?: { readonly seconds: number; readonly bytes: number; readonly onlineRounds: number };
}

/** What a measurement is kept under. */
export const keyOf = {
  train: (network: string, link: LinkName): string => `train/${network}/${link}`,
  infer: (network: string, link: LinkName, batch: number): string => `infer/${network}/${link}/${batch}`,
  micro: (link: LinkName, row: number): string => `micro/${link}/${row}`,
} as const;

/** How sessions run: options that commands of a session understand. */
export interface Setting {
  readonly options: Argv;
  readonly data: Dataset;
  readonly operations: readonly MicroOperation[];
  readonly signal: AbortSignal;
  readonly news: PartyNews;
}

/** Told of each figure as soon as it is there. */
export type Keep = (key: string, measured: Measured) => void;

export function run(task: Task, setting: Setting, keep: Keep): Promise<void> {
  switch (task.kind) {
    case 'train':
      return train(task, setting, keep);
    case 'infer':
      return infer(task, setting, keep);
    case 'micro':
      return micro(task, setting, keep);
  }
}

type Counted = Pick<StepReport | BatchReport, 'seconds' | 'bytesSent' | 'onlineRounds'>;

/** Without the first, which finds everything cold; alone when there is no other. */
function measured(runs: readonly { seconds: number; bytes: number; onlineRounds: number }[]): Measured {
  const warm = runs.length > 1 ? runs.slice(1) : runs;
  return {
    seconds: spread(warm.map(({ seconds }) => seconds)),
    samples: warm.length,
    bytes: Math.round(warm.reduce((sum, { bytes }) => sum + bytes, 0) / warm.length),
    onlineRounds: spread(warm.map(({ onlineRounds }) => onlineRounds)).median,
  };
}

const counted = (report: Counted): { seconds: number; bytes: number; onlineRounds: number } => ({
  seconds: report.seconds,
  bytes: sumOf(report.bytesSent),
  onlineRounds: report.onlineRounds,
});

async function train(task: Extract<Task, { kind: 'train' }>, setting: Setting, keep: Keep): Promise<void> {
  const { network, link, steps } = task;
  const settings = readTrainSettings({ ...setting.options, network, link, steps, 'show-loss': false });
  const data = part(setting.data, steps * settings.batch, 0);
  const job: TrainJob = {
    kind: 'train',
    ...commonJob(settings),
    ...trainingOf(settings),
    ...samplesOf(data),
  };
  const reports: StepReport[] = [];
  try {
    const observer = {
      onResume: () => undefined,
      onSharing: () => undefined,
      onReady: () => undefined,
      onStep: (report: StepReport) => void reports.push(report),
      onTesting: () => undefined,
      onEvaluation: () => undefined,
    };
    await runLocally({ begin: () => ({ job }) }, settings, setting.signal, setting.news, (owner) =>
      ownTraining(owner, job, data, observer),
    );
  } finally {
    if (reports.length > 0) keep(keyOf.train(network, link), measured(reports.map(counted)));
  }
}

async function infer(task: Extract<Task, { kind: 'infer' }>, setting: Setting, keep: Keep): Promise<void> {
  const { network, link, batch, batches } = task;
  // The model is made here: the file that the option names is not read.
  const typed = readInferSettings({ ...setting.options, link, batch, model: 'none' });
  const settings = { ...typed, network: NETWORKS[network] };
  const images = batch * (batches + 1);
  const data = part(setting.data, 1, images);
  const job: InferJob = { kind: 'infer', ...commonJob(settings), images };
  const reports: BatchReport[] = [];
  try {
    const observer = {
      onSharing: () => undefined,
      onReady: () => undefined,
      onBatch: (report: BatchReport) => void reports.push(report),
    };
    await runLocally({ begin: () => ({ job }) }, settings, setting.signal, setting.news, (owner) =>
      ownInference(
        owner,
        job,
        untrained(settings.network, settings.fractionBits),
        valueSource(data.testImages, data.scaling, settings.fractionBits),
        observer,
      ),
    );
  } finally {
    reports.sort((a, b) => a.batch - b.batch);
    const runs = reports.map(counted);
    if (runs.length > 0) keep(keyOf.infer(network, link, batch), { ...measured(runs), first: runs[0] });
  }
}

async function micro(task: Extract<Task, { kind: 'micro' }>, setting: Setting, keep: Keep): Promise<void> {
  const { operations } = setting;
  const typed = readInferSettings({ ...setting.options, link: task.link, model: 'none' });
  const settings = { ...typed, network: NETWORKS.A };
  const { suite, truncation, fractionBits, compareBits } = settings;
  const repetitions = task.repetitions + 1;
  const sessionId = toHex(randomBytes(16));
  const job: MicroJob = {
    kind: 'micro',
    ...{ sessionId, suite, truncation, fractionBits, compareBits },
    operations,
    repetitions,
  };
  const reports: MicroReport[][] = operations.map(() => []);
  try {
    await runLocally({ begin: () => ({ job }) }, settings, setting.signal, setting.news, (owner) =>
      ownMicro(owner, repetitions, (report) => reports[report.operation].push(report)),
    );
  } finally {
    for (const [row, runs] of reports.entries()) {
      const inOrder = runs.toSorted((a, b) => a.repetition - b.repetition);
      if (inOrder.length === 0) continue;
      keep(
        keyOf.micro(task.link, row),
        measured(inOrder.map(({ seconds, bytesSent, onlineRounds }) => ({ seconds, bytes: bytesSent, onlineRounds }))),
      );
    }
  }
}

/** The first images of a data set: what a step costs does not depend on how many more there are. */
function part(data: Dataset, trainImages: number, testImages: number): Dataset {
  const size = imageSize(data);
  return {
    ...data,
    trainImages: data.trainImages.subarray(0, trainImages * size),
    trainLabels: data.trainLabels.subarray(0, trainImages),
    testImages: data.testImages.subarray(0, testImages * size),
    testLabels: data.testLabels.subarray(0, testImages),
  };
}

/** Costs what a trained one does. */
function untrained(network: Network, fractionBits: number): Model {
  const tensors = new Map(
    parameters(network).map((spec) => [spec.name, { shape: spec.shape, data: initialValues(spec, 1) }]),
  );
  return { network, fractionBits, tensors };
}
