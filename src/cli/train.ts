/**
 * `securenn local train`: the owner shares the data set, the parties train, the owner saves the model. With `--checkpoint` all four keep
 * what they need to go on; `--resume` goes on.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ownTraining } from '../client/training.ts';
import { type Dataset, samplesOf } from '../data/dataset.ts';
import { lockFolder } from '../data/folder-lock.ts';
import type { Model } from '../data/model-file.ts';
import { Problem } from '../data/problem.ts';
import { partsOf } from '../nn/trainStep.ts';
import type { TrainJob } from '../server/job.ts';
import { fittingPart } from '../server/micro-batch.ts';
import { Interrupted } from './errors.ts';
import { finishedStep, giveFinishedModel } from './finished-run.ts';
import { dataOfRun, trainWithCheckpoints } from './kept-run.ts';
import { checkSameOptions, readCheckpointSettings, type CheckpointSettings } from './options/checkpoints.ts';
import { dataOptions } from './options/data.ts';
import { checkRanks, readTrainSettings, type TrainSettings, withRanks } from './options/training.ts';
import type { PartyNews } from './party-news.ts';
import { firstBatchWarnings } from './range-check.ts';
import { readRun, type BegunRun } from './resume.ts';
import { commonJob, runLocally } from './session.ts';
import { placeOf, runTraining, type Training } from './training-run.ts';
import type { Argv } from './options/values.ts';

type Given = (option: string) => boolean;

export async function localTrain(argv: Argv, signal: AbortSignal, given: Given): Promise<void> {
  const typed = readTrainSettings(withRanks(argv));
  const checkpointing = readCheckpointSettings(argv);
  if (checkpointing === undefined) return trainOnce(typed, signal);
  const { folder, kind } = checkpointing;
  // A run that is not there is told of below.
  const release = kind === 'new' || existsSync(folder) ? await lockFolder(folder) : undefined;
  try {
    await trainInFolder(typed, checkpointing, signal, given);
  } finally {
    release?.();
  }
}

/** Keeps nothing. */
async function trainOnce(settings: TrainSettings, signal: AbortSignal): Promise<void> {
  try {
    await runTraining('local train', settings, async (data, observer, news, { initial }) => {
      await tellBefore(data, settings, initial, news);
      const job = newJob(await cutToFit(settings, data, news), data, initial);
      const model = await runLocally({ ranks: job.ranks, begin: () => ({ job }) }, settings, signal, news, (owner) =>
        ownTraining(owner, job, data, observer, { initial }),
      );
      return { model, computing: news.computing };
    });
  } catch (error) {
    if (error instanceof Interrupted) console.error('nothing of this run is kept; --checkpoint DIR would keep it');
    throw error;
  }
}

async function trainInFolder(
  typed: TrainSettings,
  checkpointing: CheckpointSettings,
  signal: AbortSignal,
  given: Given,
): Promise<void> {
  const { folder } = checkpointing;
  let begun: BegunRun | undefined;
  let settings = typed;
  if (checkpointing.kind === 'resume') {
    begun = await readRun(folder);
    settings = resumedSettings(typed, begun, given);
    if (given('data')) await dataOfRun(begun, settings);
    const finished = await finishedStep(folder, begun, settings, checkpointing.step);
    if (finished.model !== undefined) return giveFinishedModel(finished.model, folder, begun, settings, given);
    if (finished.step > 0 || begun.job.warmStart === undefined) settings = { ...settings, from: undefined };
  }
  const place = begun === undefined || given('out') ? placeOf(settings) : (begun.notes.out ?? placeOf(settings));
  const train: Training = async (data, observer, news, own) => {
    await tellBefore(data, settings, own.initial, news);
    const cut = begun === undefined ? await cutToFit(settings, data, news) : settings;
    const kept = { checkpointing, begun, settings: cut, job: newJob(cut, data, own.initial), signal };
    const model = await trainWithCheckpoints(kept, data, observer, news, own);
    const lost = `make room, then: securenn checkpoint export ${folder} --out FILE`;
    return { model, computing: news.computing, lost };
  };
  try {
    await runTraining('local train', settings, train, place);
  } catch (error) {
    // Before there was a session, what was kept before is still there.
    if (error instanceof Interrupted && begun === undefined && !existsSync(resolve(folder, 'owner')))
      console.error('nothing of this run is kept yet: it had not begun');
    throw error;
  }
}

async function tellBefore(
  data: Dataset,
  settings: TrainSettings,
  initial: Model | undefined,
  news: PartyNews,
): Promise<void> {
  for (const warning of await firstBatchWarnings(data, settings, initial)) news.line(warning);
  const { ranks = 1, batch, microBatch } = settings;
  if (ranks > 1) news.line(`${ranks} ranks a party: each batch of ${batch} is computed in parts of ${microBatch}`);
  if (ranks > 1 && settings.profile !== undefined)
    news.line("the profile tells of each party's first rank where time goes, of the others what they spend");
  if (settings.showLoss)
    news.line("every tenth step's loss is revealed to the owner: it is an output (--no-show-loss keeps it shared)");
}

/** With batches in parts that fit into the memory that a party may take. */
async function cutToFit(settings: TrainSettings, data: Dataset, news: PartyNews): Promise<TrainSettings> {
  const { memory, batch } = settings;
  if (memory === undefined) return settings;
  const microBatch = await fittingPart(settings, samplesOf(data), memory);
  if (microBatch !== undefined)
    news.line(`each batch of ${batch} is computed ${microBatch} images at a time, to fit into ${memory} GiB a party`);
  return { ...settings, microBatch: microBatch ?? settings.microBatch };
}

function newJob(settings: TrainSettings, data: Dataset, initial: Model | undefined): TrainJob {
  return {
    kind: 'train',
    ...commonJob(settings),
    ...trainingOf(settings),
    ...samplesOf(data),
    ranks: settings.ranks,
    warmStart: initial === undefined ? undefined : true,
  };
}

/** What settings and job say alike of a training. */
export function trainingOf(
  source: TrainSettings | TrainJob,
): Pick<
  TrainJob & TrainSettings,
  | 'microBatch'
  | 'epochs'
  | 'steps'
  | 'loss'
  | 'optimizer'
  | 'learningRate'
  | 'lrDecay'
  | 'lrDecayEpochs'
  | 'momentum'
  | 'seed'
  | 'showLoss'
  | 'perClass'
> {
  const { microBatch, epochs, steps, loss, optimizer, learningRate, lrDecay, lrDecayEpochs } = source;
  const { momentum, seed, showLoss, perClass } = source;
  return {
    ...{ microBatch, epochs, steps, loss, optimizer, learningRate, lrDecay, lrDecayEpochs },
    ...{ momentum, seed, showLoss, perClass },
  };
}

/** A run goes on as it began, or for more epochs; each session has its own ports, threads and files. */
function resumedSettings(typed: TrainSettings, { job, notes }: BegunRun, given: Given): TrainSettings {
  const { network, suite, truncation, fractionBits, compareBits, batch, security, insecureKeys } = job;
  const common = { network, suite, truncation, fractionBits, compareBits, batch, security, insecureKeys };
  const { trainImages, testImages } = job;
  const reading = Object.keys(dataOptions).some(given) ? typed.reading : (notes.reading ?? {});
  const samples = { trainImages, testImages, data: given('data') ? typed.data : notes.data, reading };
  const settings = { ...typed, ...common, ...trainingOf(job), ...samples, from: notes.from?.path };
  if (given('from') && (notes.from === undefined || resolve(typed.from!) !== notes.from.path)) {
    const began = notes.from === undefined ? 'public weights' : notes.from.path;
    throw new Problem(`--from: the run to go on with began with ${began}, found ${typed.from}`, 'leave --from out');
  }
  if (given('memory')) {
    const parts = `${job.microBatch ?? job.batch} of ${job.batch} images at a time`;
    throw new Problem(`--memory: the run to go on with computes ${parts}, and goes on so`, 'leave --memory out');
  }
  const epochs = given('epochs') && job.epochs !== undefined ? typed.epochs! : job.epochs;
  if (epochs !== undefined && epochs < job.epochs!) {
    throw new Problem(
      `--epochs: the run to go on with has ${job.epochs} epochs, found ${epochs}`,
      `give more than ${job.epochs} to train on, or leave --epochs out`,
    );
  }
  checkSameOptions(given, typed, { ...settings, epochs });
  checkRanks(typed.ranks ?? 1, partsOf(batch, job.microBatch).length, 'parts that the run began with');
  return { ...settings, epochs };
}
