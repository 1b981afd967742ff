/** What both training commands do around the training itself: read the data, show progress, save the model, report. */
import { existsSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import type { EvaluationReport, OwnerNotes, StepReport } from '../client/history.ts';
import type { TrainingObserver } from '../client/training.ts';
import { countLabels, type Dataset, samplesOf } from '../data/dataset.ts';
import { loadDataset } from '../data/load.ts';
import { formatModel, type Model } from '../data/model-file.ts';
import { checkModelNetwork } from '../data/model-network.ts';
import { readModel } from '../data/read-model.ts';
import { scalingWarning } from '../data/survey.ts';
import { classCount, parameters } from '../nn/network.ts';
import { evaluationAfter, type Samples, totalSteps } from '../nn/train.ts';
import { sizeOf } from '../ring/shape.ts';
import type { Range } from '../engine/ranges.ts';
import type { Computing } from '../server/compute.ts';
import { checkSchedule } from '../server/job.ts';
import type { Logger } from '../server/log.ts';
import { checkDataset, leftOver, partOf, warnOfInsecureKeys } from './checks.ts';
import { checkAppendable, checkWritable, freshModelPath, saveResult, say, writeReport } from './output.ts';
import type { TrainSettings } from './options/training.ts';
import { Logs } from './logs.ts';
import { PartyNews } from './party-news.ts';
import { messageOf } from './errors.ts';
import { Phases } from './phases.ts';
import { checkProfileFolder } from './profile.ts';
import { profiled } from './profiled-run.ts';
import { Progress, showSharing } from './progress.ts';
import { classTable, trainReport, trainSummary } from './report.ts';
import { checkSameScaling } from './scaling.ts';
import { countWarning, lossWarning, Warnings } from './result-check.ts';

/** Where the model goes; `fresh`: nobody asked for that file, so it is not written over. */
export type Place = NonNullable<OwnerNotes['out']>;

/** What of a training is the owner's alone. */
export interface Own {
  readonly place: Place;
  /** The weights to begin with, if they are not the public ones. */
  readonly initial: Model | undefined;
}

/** Trains and returns the model; tells the observer and the user. */
export type Training = (
  data: Dataset,
  observer: TrainingObserver,
  news: PartyNews,
  own: Own,
) => Promise<{
  readonly model: Model;
  readonly computing: Computing | undefined;
  readonly ranges?: readonly Range[];
  /** What helps when the model can be saved nowhere. */
  readonly lost?: string;
}>;

/** @param place by default as the settings say */
export async function runTraining(
  command: string,
  settings: TrainSettings,
  train: Training,
  place: Place = placeOf(settings),
): Promise<void> {
  const started = performance.now();
  const phases = new Phases();
  await checkPlace(place, settings);
  if (settings.json !== undefined && settings.json !== '-') await checkWritable('json', settings.json);
  checkProfileFolder(settings.profile);
  if (settings.log.file !== undefined) checkAppendable('log-file', settings.log.file);
  warnOfInsecureKeys(settings);
  const initial = settings.from === undefined ? undefined : await readModel(settings.from, settings.network, 'from');
  if (initial !== undefined) checkModelNetwork(initial, settings.network, settings.from!);
  const whole = await loadDataset(settings.data, settings.reading);
  const data = partOf(whole, settings);
  checkDataset(data, settings);
  if (initial !== undefined) checkSameScaling(initial.scaling, data.scaling, settings.from!);
  checkSchedule(settings, data.trainLabels.length);

  const progress = new Progress();
  const line = (text: string): void => progress.line(text);
  const news = new PartyNews(line, new Logs(settings.log, line));
  const { trainImages: images, trainLabels: labels } = data;
  const unscaled = scalingWarning({ ...data, images, labels, count: labels.length }, data.scaling);
  if (unscaled !== undefined) line(`warning: ${unscaled}`);
  const steps: StepReport[] = [];
  const evaluations: EvaluationReport[] = [];
  let before: { resumedFrom: number | null; seconds: number } = { resumedFrom: null, seconds: 0 };
  try {
    const observed = observe(progress, news.logs.owner, settings, samplesOf(data), steps, evaluations);
    const observer: TrainingObserver = {
      ...timed(observed, phases, samplesOf(data), settings),
      onResume: (history) => {
        before = { resumedFrom: history.steps.length, seconds: history.seconds };
        observed.onResume(history);
      },
    };
    const times = { phases, unitSeconds: () => steps.slice(before.resumedFrom ?? 0).map((step) => step.seconds) };
    const { computing, ranges, saved, seconds } = await profiled(settings, news, times, async () => {
      const {
        model,
        lost = 'make room, then train again',
        ...trained
      } = await train(data, observer, news, { place, initial });
      progress.stop();
      phases.enter('saving');
      const saved = await saveResult('the model', fileOf(place, settings), formatModel(model), lost);
      return { ...trained, saved, seconds: before.seconds + (performance.now() - started) / 1000 };
    });
    const imagesPerClass = countLabels(data.testLabels, classCount(settings.network));
    const figures = { steps, evaluations, imagesPerClass, seconds, resumedFrom: before.resumedFrom, ranges };
    const report = trainReport(command, settings, computing, figures);
    if (saved.path !== undefined) say(settings.json, `model saved: ${asNamed(saved.path, settings)}`);
    for (const text of classTable(report)) say(settings.json, text);
    say(settings.json, trainSummary(report));
    await writeReport(settings.json, report).catch((error: unknown) => {
      // What became of the model counts more.
      if (saved.problem === undefined) throw error;
      line(messageOf(error));
    });
    if (saved.problem !== undefined) throw saved.problem;
  } finally {
    progress.stop();
  }
}

/** Metadata of a model file, and the names and shapes of its tensors. */
const MODEL_HEADER_BYTES = 2 ** 16;

/** The path is whole, should this process lose its folder. */
export function placeOf({ network, out }: Pick<TrainSettings, 'network' | 'out'>): Place {
  return { path: resolve(out ?? freshModelPath(network.name, new Date())), fresh: out === undefined };
}

/** Tries, before hours of work, whether the model can be saved. */
export async function checkPlace({ path }: Place, { network }: Pick<TrainSettings, 'network'>): Promise<void> {
  const bytes = parameters(network).reduce((sum, { shape }) => sum + 8 * sizeOf(shape), MODEL_HEADER_BYTES);
  await checkWritable('out', relativeTo(path), bytes);
}

/** Another run may have taken a fresh name meanwhile. */
export function fileOf({ path, fresh }: Place, { network }: Pick<TrainSettings, 'network'>): string {
  return fresh && existsSync(path) ? freshModelPath(network.name, new Date(), dirname(path)) : path;
}

/** A model's path as the person named it, or would name it in the working folder. */
export function asNamed(path: string, { out }: Pick<TrainSettings, 'out'>): string {
  return out !== undefined && resolve(out) === path ? out : relativeTo(path);
}

function relativeTo(path: string): string {
  try {
    const short = relative(process.cwd(), path);
    return short === '' || short.startsWith('..') ? path : short;
  } catch {
    return path; // The working folder is gone.
  }
}

/** The same observer, which in passing notes the phases of the run. */
function timed(
  observer: TrainingObserver,
  phases: Phases,
  samples: Samples,
  settings: TrainSettings,
): TrainingObserver {
  const total = totalSteps(samples.trainImages, settings);
  let done = 0;
  const goOn = (): void => phases.enter(done === total ? 'ending' : 'training');
  return {
    ...observer,
    onSharing: (sharing) => {
      phases.enter('sharing');
      observer.onSharing(sharing);
    },
    onReady: () => {
      goOn();
      observer.onReady();
    },
    onStep: (report) => {
      done = report.step;
      if (evaluationAfter(done, samples, settings) === undefined) goOn();
      else phases.enter('evaluation');
      observer.onStep(report);
    },
    onEvaluation: (report) => {
      goOn();
      observer.onEvaluation(report);
    },
  };
}

/** Collects what the report needs and shows it on the way. */
export function observe(
  progress: Progress,
  log: Logger,
  settings: TrainSettings,
  samples: Samples,
  steps: StepReport[],
  evaluations: EvaluationReport[],
): TrainingObserver {
  const total = totalSteps(samples.trainImages, settings);
  const warnings = new Warnings((text) => progress.line(text));
  return {
    onResume: (history) => {
      steps.push(...history.steps);
      evaluations.push(...history.evaluations);
    },
    onSharing: showSharing(progress, log),
    onReady: () => {
      log.info({ steps: total, from: steps.length }, 'training');
      const from = steps.length === 0 || steps.length === total ? '' : `, from step ${steps.length + 1} on`;
      progress.line(`training ${settings.network.name}: ${total} steps of ${settings.batch} images${from}`);
      const over = leftOver(samples.trainImages, settings);
      if (over !== undefined) progress.line(over);
      const left = Array.from({ length: total - steps.length }, (_, i) => steps.length + 1 + i);
      const tests = left.filter((step) => evaluationAfter(step, samples, settings) !== undefined).length;
      progress.begin(total, 'step', { done: steps.length, tests, testImages: samples.testImages });
    },
    onStep: (report) => {
      steps.push(report);
      log.debug(report, 'step done');
      warnings.say('loss', lossWarning(report.loss, report.step, settings, classCount(settings.network)));
      progress.step({
        done: steps.length,
        stage: `epoch ${report.epoch}${settings.epochs === undefined ? '' : `/${settings.epochs}`}`,
        loss: report.loss,
        spent: report,
      });
      if (evaluationAfter(report.step, samples, settings) !== undefined) progress.testing(0);
    },
    onTesting: (images) => {
      log.debug({ images, of: samples.testImages }, 'testing');
      progress.testing(images);
    },
    onEvaluation: (report) => {
      evaluations.push(report);
      warnings.say('count', countWarning(report.correct, report.images, settings));
      log.info({ ...report, accuracy: report.correct / report.images }, 'evaluation done');
      progress.tested(report.correct / report.images);
      const percent = ((100 * report.correct) / report.images).toFixed(2);
      const when =
        settings.epochs === undefined ? `after ${settings.steps} steps` : `after epoch ${evaluations.length}`;
      progress.line(`${when}: ${percent} % of the test set right (${report.correct} of ${report.images})`);
    },
  };
}
