/** A training whose checkpoints are kept in a folder: begun there, gone on with, interrupted. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { checkSameData, digestOf, OwnerCheckpoints } from '../client/checkpoints.ts';
import { readNotes, type OwnerNotes } from '../client/history.ts';
import { ownTraining, type TrainingObserver } from '../client/training.ts';
import { CheckpointStore } from '../data/checkpoint-store.ts';
import type { Dataset } from '../data/dataset.ts';
import { loadDataset, NAMED } from '../data/load.ts';
import { formatModel, keptOf, type Model } from '../data/model-file.ts';
import { Problem } from '../data/problem.ts';
import { stepsPerEpoch } from '../nn/train.ts';
import { storedJob } from '../server/checkpoints.ts';
import { checkpointDue, runOf, sharesWeights, type TrainJob } from '../server/job.ts';
import { partOf } from './checks.ts';
import type { CheckpointSettings } from './options/checkpoints.ts';
import { messageOf } from './errors.ts';
import type { TrainSettings } from './options/training.ts';
import type { PartyNews } from './party-news.ts';
import { checkFolderIsFree, chooseStep, folderOf, resumeCommand, type BegunRun } from './resume.ts';
import { runLocally, type SessionPlan } from './session.ts';
import type { Own } from './training-run.ts';

export interface Kept {
  readonly checkpointing: CheckpointSettings;
  readonly begun: BegunRun | undefined;
  readonly settings: TrainSettings;
  /** Of a new run. */
  readonly job: TrainJob;
  readonly signal: AbortSignal;
}

/** The data set named, which must be that of the run. */
export async function dataOfRun({ notes, job }: BegunRun, settings: TrainSettings): Promise<Dataset> {
  const whole = await loadDataset(settings.data, settings.reading);
  // A smaller one has no such part.
  const enough = whole.trainLabels.length >= job.trainImages && whole.testLabels.length >= job.testImages;
  const data = enough ? partOf(whole, settings) : whole;
  checkSameData(data, notes.digest);
  return data;
}

function checkSameInputs({ notes }: BegunRun, data: Dataset, noted: OwnerNotes): void {
  checkSameData(data, notes.digest);
  if (noted.from !== undefined && noted.from.digest !== notes.from?.digest) {
    throw new Problem(
      `--resume: ${noted.from.path} is not the model that the run began with`,
      'put that model file back there',
    );
  }
}

export async function trainWithCheckpoints(
  { checkpointing, begun, settings, job, signal }: Kept,
  data: Dataset,
  observer: TrainingObserver,
  news: PartyNews,
  { place, initial }: Own,
): Promise<Model> {
  const { folder } = checkpointing;
  const store = begun?.store ?? new CheckpointStore(folderOf(folder, 'owner'), 'owner');
  let notes: OwnerNotes = {
    data: NAMED.includes(settings.data) ? settings.data : resolve(settings.data),
    ...(Object.keys(settings.reading).length > 0 && { reading: settings.reading }),
    ...keptOf(data),
    digest: digestOf(data),
    out: place,
    from: initial && { path: resolve(settings.from!), digest: digestOfModel(initial) },
    history: { steps: [], evaluations: [], seconds: 0 },
  };
  if (begun !== undefined) checkSameInputs(begun, data, notes);
  let checkpoints: OwnerCheckpoints | undefined;

  const plan: SessionPlan = {
    ranks: job.ranks,
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
      notes = { ...readNotes(checkpoint), data: notes.data, out: place };
      news.line(`going on with run ${run.slice(0, 8)} from step ${step}`);
      observer.onResume(notes.history);
      const { sessionId, profile, ranks } = job;
      return {
        job: { ...original, epochs: settings.epochs, sessionId, profile, ranks, resume: { run, step } },
        streamKeys: checkpoint.keys,
      };
    },
    beforeLeaving: async () => {
      if (checkpoints?.isUnderWay !== true) return;
      news.line('keeping a checkpoint of the present step; Ctrl-C once more ends at once');
      await checkpoints.stop();
    },
  };
  try {
    return await runLocally(plan, settings, signal, news, (owner, session) => {
      const agreed = session.job as TrainJob;
      const kept = { run: runOf(agreed), job: storedJob(agreed) };
      const isDue = (step: number): boolean => checkpointDue(step, agreed);
      checkpoints = new OwnerCheckpoints(store, owner, kept, isDue, notes, agreed.resume?.step);
      const weights = sharesWeights(agreed) ? initial : undefined;
      return ownTraining(owner, agreed, data, observer, { checkpoints, initial: weights });
    });
  } catch (error) {
    const step = checkpoints?.complete;
    if (step === undefined) throw error;
    const how = `to go on from step ${step}: ${resumeCommand(folder)}`;
    if (error instanceof Problem) throw new Problem(error.message, `${error.fix}; ${how}`, { cause: error });
    if (!signal.aborted) throw new Problem(messageOf(error), how, { cause: error });
    news.line(how);
    throw error;
  }
}

function digestOfModel(model: Model): string {
  return createHash('sha256').update(formatModel(model)).digest('hex');
}
