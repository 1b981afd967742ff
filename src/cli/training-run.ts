/** What both training commands do around the training itself: read the data, show progress, save the model, report. */
import type { EvaluationReport, StepReport } from '../client/history.ts';
import type { TrainingObserver } from '../client/training.ts';
import { writeFileAtomically } from '../data/atomic-write.ts';
import type { Dataset } from '../data/dataset.ts';
import { loadDataset } from '../data/mnist.ts';
import { formatModel, type Model } from '../data/model-file.ts';
import { stepsPerEpoch, totalSteps } from '../nn/train.ts';
import type { Range } from '../engine/ranges.ts';
import type { Computing } from '../server/compute.ts';
import type { Logger } from '../server/log.ts';
import { checkDataset, warnOfInsecureKeys } from './checks.ts';
import { checkWritable, freshModelPath, say, writeReport } from './output.ts';
import type { TrainSettings } from './options/training.ts';
import { Logs } from './logs.ts';
import { PartyNews } from './party-news.ts';
import { checkProfileFolder } from './profile.ts';
import { Progress } from './progress.ts';
import { trainReport, trainSummary } from './report.ts';

/** Trains and returns the model; tells the observer and the user. */
export type Training = (
  data: Dataset,
  observer: TrainingObserver,
  news: PartyNews,
) => Promise<{
  readonly model: Model;
  readonly computing: Computing | undefined;
  readonly ranges?: readonly Range[];
}>;

export async function runTraining(command: string, settings: TrainSettings, train: Training): Promise<void> {
  const started = performance.now();
  if (settings.out !== undefined) checkWritable('out', settings.out);
  if (settings.json !== undefined && settings.json !== '-') checkWritable('json', settings.json);
  checkProfileFolder(settings.profile);
  if (settings.log.file !== undefined) checkWritable('log-file', settings.log.file);
  warnOfInsecureKeys(settings);
  const data = await loadDataset(settings.data);
  checkDataset(data, settings);

  const progress = new Progress();
  const line = (text: string): void => progress.line(text);
  const news = new PartyNews(line, new Logs(settings.log, line));
  const steps: StepReport[] = [];
  const evaluations: EvaluationReport[] = [];
  let before: { resumedFrom: number | null; seconds: number } = { resumedFrom: null, seconds: 0 };
  try {
    const observed = observe(progress, news.logs.owner, settings, data.trainLabels.length, steps, evaluations);
    const observer: TrainingObserver = {
      ...observed,
      onResume: (history) => {
        before = { resumedFrom: history.steps.length, seconds: history.seconds };
        observed.onResume(history);
      },
    };
    const { model, computing, ranges } = await train(data, observer, news);
    progress.stop();

    const path = settings.out ?? freshModelPath(settings.network.name, new Date());
    await writeFileAtomically(path, formatModel(model));
    const seconds = before.seconds + (performance.now() - started) / 1000;
    const report = trainReport(command, settings, computing, steps, evaluations, seconds, before.resumedFrom, ranges);
    say(settings.json, `model saved: ${path}`);
    say(settings.json, trainSummary(report));
    await writeReport(settings.json, report);
  } finally {
    progress.stop();
  }
}

/** Collects what the report needs and shows it on the way. */
function observe(
  progress: Progress,
  log: Logger,
  settings: TrainSettings,
  samples: number,
  steps: StepReport[],
  evaluations: EvaluationReport[],
): TrainingObserver {
  const total = totalSteps(samples, settings);
  const perEpoch = stepsPerEpoch(samples, settings.batch);
  return {
    onResume: (history) => {
      steps.push(...history.steps);
      evaluations.push(...history.evaluations);
    },
    onSharing: (name) => {
      log.info({ input: name }, 'sharing');
      progress.line(`sharing ${name}`);
    },
    onReady: () => {
      log.info({ steps: total, from: steps.length }, 'training');
      const from = steps.length === 0 || steps.length === total ? '' : `, from step ${steps.length + 1} on`;
      progress.line(`training ${settings.network.name}: ${total} steps of ${settings.batch} images${from}`);
      progress.begin(total, 'step', steps.length);
    },
    onStep: (report) => {
      steps.push(report);
      log.debug(report, 'step done');
      const testing = settings.epochs === undefined ? report.step === total : report.step % perEpoch === 0;
      progress.step({
        done: steps.length,
        stage: `epoch ${report.epoch}${settings.epochs === undefined ? '' : `/${settings.epochs}`}${testing ? ', testing' : ''}`,
        loss: report.loss,
        spent: report,
      });
    },
    onEvaluation: (report) => {
      evaluations.push(report);
      log.info({ ...report, accuracy: report.correct / report.images }, 'evaluation done');
      progress.tested(report.correct / report.images);
      const percent = ((100 * report.correct) / report.images).toFixed(2);
      const when =
        settings.epochs === undefined ? `after ${settings.steps} steps` : `after epoch ${evaluations.length}`;
      progress.line(`${when}: ${percent} % of the test set right (${report.correct} of ${report.images})`);
    },
  };
}
