/**
 * `securenn local train`: the owner shares the data set, the parties train, the owner saves the model. With `--checkpoint` all four keep
 * what they need to go on; `--resume` goes on.
 */
import { resolve } from 'node:path';
import { checkSameData, digestOf, OwnerCheckpoints } from '../client/checkpoints.ts';
import { readNotes, type OwnerNotes } from '../client/history.ts';
import { ownTraining } from '../client/training.ts';
import { CheckpointStore } from '../data/checkpoint-store.ts';
import { type Dataset, samplesOf } from '../data/dataset.ts';
import type { Model } from '../data/model-file.ts';
import { Problem } from '../data/problem.ts';
import { stepsPerEpoch } from '../nn/train.ts';
import { storedJob } from '../server/checkpoints.ts';
import { checkpointDue, runOf, type TrainJob } from '../server/job.ts';
import { checkSameOptions, readCheckpointSettings, type CheckpointSettings } from './options/checkpoints.ts';
import { messageOf } from './errors.ts';
import { readTrainSettings, type TrainSettings } from './options/training.ts';
import type { PartyNews } from './party-news.ts';
import { firstBatchWarnings } from './range-check.ts';
import { checkFolderIsFree, chooseStep, folderOf, readRun, type BegunRun } from './resume.ts';
import { commonJob, runLocally, type SessionPlan } from './session.ts';
import { runTraining, type Training } from './training-run.ts';
import type { Argv } from './options/values.ts';

export async function localTrain(argv: Argv, signal: AbortSignal, given: (option: string) => boolean): Promise<void> {
  const typed = readTrainSettings(argv);
  const checkpointing = readCheckpointSettings(argv);
  const begun = checkpointing?.kind === 'resume' ? await readRun(checkpointing.folder) : undefined;
  const settings = begun === undefined ? typed : resumedSettings(typed, begun, given);
  await runTraining('local train', settings, async (data, observer, news) => {
    for (const warning of await firstBatchWarnings(data, settings)) news.line(warning);
    if (settings.showLoss)
      news.line("every tenth step's loss is revealed to the owner: it is an output (--no-show-loss keeps it shared)");
    const job: TrainJob = {
      kind: 'train',
      ...commonJob(settings),
      ...trainingOf(settings),
      ...samplesOf(data),
    };
    if (checkpointing === undefined) {
      const plan = { begin: () => ({ job }) };
      const model = await runLocally(plan, settings, signal, news, (owner) => ownTraining(owner, job, data, observer));
      return { model, computing: news.computing };
    }
    const kept = { checkpointing, begun, settings, job, signal };
    return { model: await trainWithCheckpoints(kept, data, observer, news), computing: news.computing };
  });
}

/** What settings and job say alike of a training. */
export function trainingOf(
  source: TrainSettings | TrainJob,
): Pick<
  TrainJob & TrainSettings,
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
  const { epochs, steps, loss, optimizer, learningRate, lrDecay, lrDecayEpochs } = source;
  const { momentum, seed, showLoss, perClass } = source;
  return {
    ...{ epochs, steps, loss, optimizer, learningRate, lrDecay, lrDecayEpochs },
    ...{ momentum, seed, showLoss, perClass },
  };
}

/** A run goes on as it began; each session has its own ports, threads and files. */
function resumedSettings(
  typed: TrainSettings,
  { job, notes }: BegunRun,
  given: (option: string) => boolean,
): TrainSettings {
  const { network, suite, truncation, fractionBits, compareBits, batch, insecureKeys } = job;
  const common = { network, suite, truncation, fractionBits, compareBits, batch, insecureKeys };
  const { trainImages, testImages } = job;
  const samples = { trainImages, testImages, data: given('data') ? typed.data : notes.data };
  const settings = { ...typed, ...common, ...trainingOf(job), ...samples };
  checkSameOptions(given, typed, settings);
  return settings;
}

interface Kept {
  readonly checkpointing: CheckpointSettings;
  readonly begun: BegunRun | undefined;
  readonly settings: TrainSettings;
  /** Of a new run. */
  readonly job: TrainJob;
  readonly signal: AbortSignal;
}

async function trainWithCheckpoints(
  { checkpointing, begun, settings, job, signal }: Kept,
  data: Dataset,
  observer: Parameters<Training>[1],
  news: PartyNews,
): Promise<Model> {
  const { folder } = checkpointing;
  const digest = digestOf(data);
  if (begun !== undefined) checkSameData(data, begun.notes.digest);
  const store = begun?.store ?? new CheckpointStore(folderOf(folder, 'owner'), 'owner');
  let notes: OwnerNotes = {
    data: settings.data === 'mnist' ? 'mnist' : resolve(settings.data),
    digest,
    history: { steps: [], evaluations: [], seconds: 0 },
  };
  let checkpoints: OwnerCheckpoints | undefined;

  const plan: SessionPlan = {
    folderOf: (party) => resolve(folderOf(folder, party)),
    begin: async (holdings) => {
      if (checkpointing.kind === 'new') {
        checkFolderIsFree(folder, { ...holdings, owner: await store.survey() });
        const checkpointEvery = checkpointing.every ?? stepsPerEpoch(job.trainImages, job.batch);
        return { job: { ...job, checkpointEvery } };
      }
      const { run, job: original, holdings: owner } = begun!;
      const step = chooseStep(folder, run, { ...holdings, owner }, checkpointing.step);
      const checkpoint = await store.read(step);
      notes = { ...readNotes(checkpoint), data: notes.data };
      news.line(`going on with run ${run.slice(0, 8)} from step ${step}`);
      observer.onResume(notes.history);
      return {
        job: { ...original, sessionId: job.sessionId, profile: job.profile, resume: { run, step } },
        streamKeys: checkpoint.keys,
      };
    },
  };
  try {
    return await runLocally(plan, settings, signal, news, (owner, session) => {
      const agreed = session.job as TrainJob;
      const kept = { run: runOf(agreed), job: storedJob(agreed) };
      const isDue = (step: number): boolean => checkpointDue(step, agreed);
      checkpoints = new OwnerCheckpoints(store, owner, kept, isDue, notes, agreed.resume?.step);
      return ownTraining(owner, agreed, data, observer, checkpoints);
    });
  } catch (error) {
    const step = checkpoints?.complete;
    if (step === undefined) throw error;
    const how = `to go on from step ${step}: securenn local train --resume ${folder}`;
    if (error instanceof Problem) throw new Problem(error.message, `${error.fix}; ${how}`, { cause: error });
    if (!signal.aborted) throw new Problem(messageOf(error), how, { cause: error });
    news.line(how);
    throw error;
  }
}
