/** `securenn local infer`: the owner shares a model and test images, the parties classify them, the owner learns the classes. */
import { ownInference, type BatchReport } from '../client/inference.ts';
import type { Sharing } from '../client/owner.ts';
import { imageSize } from '../data/dataset.ts';
import { loadDataset } from '../data/mnist.ts';
import { checkModelNetwork, readModel } from '../data/model-file.ts';
import { Problem } from '../data/problem.ts';
import type { InferJob } from '../server/job.ts';
import { checkNetworkFits, warnOfInsecureKeys } from './checks.ts';
import { Logs } from './logs.ts';
import { readInferSettings } from './options/inference.ts';
import { checkAppendable, checkWritable, say, writeReport } from './output.ts';
import { PartyNews } from './party-news.ts';
import { Phases } from './phases.ts';
import { checkProfileFolder } from './profile.ts';
import { profiled } from './profiled-run.ts';
import { Progress, showSharing } from './progress.ts';
import { inferReport, inferSummary } from './report.ts';
import { commonJob, runLocally } from './session.ts';
import type { Argv } from './options/values.ts';

export async function localInfer(argv: Argv, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  const phases = new Phases();
  const settings = readInferSettings(argv);
  const { network, count, batch, json } = settings;
  if (json !== undefined && json !== '-') await checkWritable('json', json);
  checkProfileFolder(settings.profile);
  if (settings.log.file !== undefined) checkAppendable('log-file', settings.log.file);
  warnOfInsecureKeys(settings);
  const model = await readModel(settings.model, network);
  checkModelNetwork(model, network, settings.model);
  const data = await loadDataset(settings.data);
  checkNetworkFits(data, network);
  if (count > data.testLabels.length) {
    throw new Problem(
      `--count: ${count} images, but ${data.name} has ${data.testLabels.length} test images`,
      'give a smaller --count',
    );
  }

  const job: InferJob = { kind: 'infer', ...commonJob(settings), images: count };
  const pixels = data.testImages.subarray(0, count * imageSize(data));
  const progress = new Progress();
  const batches: BatchReport[] = [];
  const line = (text: string): void => progress.line(text);
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
      runLocally({ begin: () => ({ job }) }, settings, signal, news, (owner) =>
        ownInference(owner, job, model, pixels, observer),
      ),
    );
  } finally {
    progress.stop();
  }
  batches.sort((a, b) => a.batch - b.batch);
  const predictions = batches.flatMap((report) => report.predictions);
  const correct = predictions.filter((predicted, i) => predicted === data.testLabels[i]).length;
  const seconds = (performance.now() - started) / 1000;
  const report = inferReport('local infer', settings, news.computing, batches, correct, seconds);
  if (count <= 32) say(json, `predicted: ${predictions.join(' ')}`);
  say(json, inferSummary(report));
  await writeReport(json, report);
}
