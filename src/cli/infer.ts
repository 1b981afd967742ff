/** `securenn local infer`: the owner shares a model and images, the parties classify them, the owner learns the classes or scores. */
import { ownInference, type BatchReport } from '../client/inference.ts';
import type { Sharing } from '../client/owner.ts';
import { imageSize, type ImageSet } from '../data/dataset.ts';
import { valueSource } from '../data/encode.ts';
import { readImageFile } from '../data/image-file.ts';
import { loadTestImages } from '../data/load.ts';
import type { Model } from '../data/model-file.ts';
import { checkModelNetwork } from '../data/model-network.ts';
import { readModel } from '../data/read-model.ts';
import { Problem } from '../data/problem.ts';
import { scalingWarning } from '../data/survey.ts';
import { forInference } from '../nn/foldBatchNorm.ts';
import { classCount, misfit } from '../nn/network.ts';
import type { InferJob } from '../server/job.ts';
import { checkNetworkFits, warnOfInsecureKeys } from './checks.ts';
import { widthOf } from './layout.ts';
import { Logs } from './logs.ts';
import { cutOf, DEFAULT_COUNT, type InferSettings, readInferSettings } from './options/inference.ts';
import { checkAppendable, checkWritable, saveResult, say, writeReport } from './output.ts';
import { PartyNews } from './party-news.ts';
import { Phases } from './phases.ts';
import { formatPredictions, predictionsOf, predictionTable, preview } from './predictions.ts';
import { checkProfileFolder } from './profile.ts';
import { profiled } from './profiled-run.ts';
import { Progress, showSharing } from './progress.ts';
import { firstImagesWarnings } from './range-check.ts';
import { inferReport, inferSummary } from './report.ts';
import { classWarning, scoreWarning, Warnings } from './result-check.ts';
import { scalingFor } from './scaling.ts';
import { commonJob, runLocally } from './session.ts';
import type { Argv } from './options/values.ts';

export async function localInfer(argv: Argv, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  const phases = new Phases();
  const typed = readInferSettings(argv);
  const { batch, json, out } = typed;
  if (json !== undefined && json !== '-') await checkWritable('json', json);
  if (out !== undefined) await checkWritable('out', out);
  checkProfileFolder(typed.profile);
  if (typed.log.file !== undefined) checkAppendable('log-file', typed.log.file);
  warnOfInsecureKeys(typed);
  const read = await readModel(typed.model, typed.network);
  if (typed.network !== undefined) checkModelNetwork(read, typed.network, typed.model);
  const model = forInference(read, typed.fractionBits);
  const { network } = model;
  const unfit = misfit(network, typed.truncation);
  if (unfit !== undefined) throw new Problem(`${typed.model}: ${unfit.what}`, unfit.fix);
  const settings = { ...typed, network };
  const found = await readImages(typed, model);
  const data = { ...found, scaling: scalingFor(found, model.scaling, typed.reading) };
  const unlike = scalingWarning(found, data.scaling);
  const count = countOf(typed, data);
  const images = data.images.subarray(0, count * imageSize(data));
  const source = valueSource(images, data.scaling, settings.fractionBits);

  const scores = typed.scores ? true : undefined;
  const cut = cutOf(settings, count);
  const job: InferJob = { kind: 'infer', ...commonJob(settings), images: count, ...cut, scores };
  const progress = new Progress();
  const batches: BatchReport[] = [];
  const line = (text: string): void => progress.line(text);
  if (unlike !== undefined) line(`warning: ${unlike}`);
  for (const warning of await firstImagesWarnings(model, source, settings)) line(warning);
  if (cut.ranks !== undefined)
    line(
      `${cut.ranks} ranks a party: each batch of ${Math.min(batch, count)} is computed in parts of ${cut.microBatch}`,
    );
  const warnings = new Warnings(line);
  const news = new PartyNews(line, new Logs(settings.log, line));
  const log = news.logs.owner;
  const showing = showSharing(progress, log);
  const observer = {
    onSharing: (sharing: Sharing) => {
      phases.enter('sharing');
      showing(sharing);
    },
    onReady: () => {
      phases.enter('inference');
      progress.begin(Math.ceil(count / batch), 'batch');
    },
    onBatch: (report: BatchReport) => {
      batches.push(report);
      if (batches.length === Math.ceil(count / batch)) phases.enter('ending');
      if (report.scores !== undefined) warnings.say('score', scoreWarning(report.scores, settings));
      warnings.say('class', classWarning(report.predictions, classCount(network), settings));
      const { batch: index, seconds, bytesSent, onlineRounds } = report;
      log.debug({ batch: index, seconds, bytesSent, onlineRounds }, 'batch done');
      progress.step({
        done: batches.length,
        stage: `${Math.min(count, batches.length * batch)} images`,
        spent: report,
      });
    },
  };
  try {
    const times = { phases, unitSeconds: () => batches.map((report) => report.seconds) };
    await profiled(settings, news, times, () =>
      runLocally({ ranks: cut.ranks, begin: () => ({ job }) }, settings, signal, news, (owner) =>
        ownInference(owner, job, model, source, observer),
      ),
    );
  } finally {
    progress.stop();
  }
  batches.sort((a, b) => a.batch - b.batch);
  const predictions = predictionsOf(batches, classCount(network), data.labels, model.classNames ?? data.classNames);
  if (count === 1) showPreview(json, data);
  for (const text of predictionTable(predictions)) say(json, text);
  if (out !== undefined) {
    const { problem } = await saveResult(
      'the table',
      out,
      formatPredictions(out, predictions),
      'make room, then run it again',
    );
    if (problem) throw problem;
    say(json, `classes${scores === true ? ' and scores' : ''} saved: ${out}`);
  }
  const seconds = (performance.now() - started) / 1000;
  const report = inferReport('local infer', settings, news.computing, batches, predictions, seconds);
  say(json, inferSummary(report));
  await writeReport(json, report);
}

async function readImages({ images, labels, data, reading }: InferSettings, model: Model): Promise<ImageSet> {
  const { network } = model;
  const set =
    images === undefined ? await loadTestImages(data, reading) : await readImageFile(images, model, labels, reading);
  const classes = 1 + (set.labels ?? new Uint8Array()).reduce((most, label) => Math.max(most, label), 0);
  checkNetworkFits(
    { ...set, classes },
    network,
    `give images of that size to --${images === undefined ? 'data' : 'images'}, or a model made for these to --model`,
  );
  return set;
}

function countOf({ images, count }: InferSettings, set: ImageSet): number {
  if (count === undefined) return images === undefined ? Math.min(DEFAULT_COUNT, set.count) : set.count;
  if (count <= set.count) return count;
  throw new Problem(
    `--count: ${count} images, but ${set.name} has ${set.count}${images === undefined ? ' test images' : ''}`,
    'give a smaller --count',
  );
}

function showPreview(json: string | undefined, data: ImageSet): void {
  const lines = preview(data);
  const stream = json === '-' ? process.stderr : process.stdout;
  if (lines.every((text) => text.length <= widthOf(stream))) for (const text of lines) say(json, text);
}
