/** `--resume` of a run that has done all its steps: nothing is shared or computed again, its model is in the checkpoints of P0 and P1. */
import { readFile } from 'node:fs/promises';
import { PARTIES } from '../client/parties.ts';
import { readNotes } from '../client/history.ts';
import { CheckpointStore } from '../data/checkpoint-store.ts';
import { countLabels } from '../data/dataset.ts';
import { formatModel, type Model } from '../data/model-file.ts';
import { classCount } from '../nn/network.ts';
import { totalSteps } from '../nn/train.ts';
import { dataOfRun } from './kept-run.ts';
import { modelOf } from './export.ts';
import { checkWritable, saveResult, say, writeReport } from './output.ts';
import type { TrainSettings } from './options/training.ts';
import { classTable, trainReport, trainSummary } from './report.ts';
import { chooseStep, folderOf, type AllHoldings, type BegunRun } from './resume.ts';
import { asNamed, fileOf, placeOf } from './training-run.ts';

/** The step that a run goes on from and, if that is its last, its model. */
export async function finishedStep(
  folder: string,
  { run, job, holdings: owner }: BegunRun,
  { epochs }: TrainSettings,
  asked: number | undefined,
): Promise<{ readonly step: number; readonly model: Model | undefined }> {
  const [P0, P1, P2] = await Promise.all(
    PARTIES.map((party) => new CheckpointStore(folderOf(folder, party), party).survey()),
  );
  const all: AllHoldings = { owner, P0, P1, P2 };
  const step = chooseStep(folder, run, all, asked);
  if (step < totalSteps(job.trainImages, { ...job, epochs })) return { step, model: undefined };
  return { step, model: (await modelOf(folder, step)).model };
}

/** Says where the model is; saves it if it is not where it should be. */
export async function giveFinishedModel(
  model: Model,
  folder: string,
  begun: BegunRun,
  settings: TrainSettings,
  given: (option: string) => boolean,
): Promise<void> {
  const { json } = settings;
  if (json !== undefined && json !== '-') await checkWritable('json', json);
  const imagesPerClass = await countedImages(begun, settings);
  const place = given('out') ? placeOf(settings) : (begun.notes.out ?? placeOf(settings));
  const bytes = formatModel(model);
  const there = await readFile(place.path).catch(() => undefined);
  const same = there !== undefined && Buffer.from(bytes).equals(there);
  const lost = `make room, then: securenn checkpoint export ${folder} --out FILE`;
  const saved = same
    ? { path: place.path, problem: undefined }
    : await saveResult('the model', fileOf(place, settings), bytes, lost);
  const { steps, evaluations, seconds } = readNotes(await begun.store.read(begun.holdings.whole.at(-1)!.step)).history;
  const figures = { steps, evaluations, imagesPerClass, seconds, resumedFrom: steps.length, ranges: undefined };
  const report = trainReport('local train', settings, undefined, figures);
  console.error(`the run is finished: all ${steps.length} steps are done (--epochs N trains on)`);
  if (saved.path !== undefined) say(json, `model ${same ? 'is there' : 'saved'}: ${asNamed(saved.path, settings)}`);
  for (const text of classTable(report)) say(json, text);
  say(json, trainSummary(report));
  await writeReport(json, report);
  if (saved.problem !== undefined) throw saved.problem;
}

/** Test images of each class, where they are reported. */
async function countedImages(begun: BegunRun, settings: TrainSettings): Promise<number[]> {
  if (settings.perClass === undefined) return [];
  const { testLabels } = await dataOfRun(begun, settings);
  return countLabels(testLabels, classCount(settings.network));
}
