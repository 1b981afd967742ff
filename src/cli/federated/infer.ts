/** `securenn infer`: images classified by a model that the parties serve; nobody else sees image or answer. */
import { extname } from 'node:path';
import type { Options } from 'yargs';
import { inferAt, type Answered } from '../../client/federated/inference.ts';
import type { FederationClient } from '../../client/federated/client.ts';
import { Directory } from '../../client/federated/directory.ts';
import { SHORT } from '../../federation/canonical.ts';
import { imageSize, type ImageSet } from '../../data/dataset.ts';
import { valueSource } from '../../data/encode.ts';
import { readImageFile } from '../../data/image-file.ts';
import { loadTestImages, NAMED } from '../../data/load.ts';
import { Problem } from '../../data/problem.ts';
import { scalingWarning } from '../../data/survey.ts';
import { OF_BYTES } from '../../data/scaling.ts';
import { MAX_INPUT_IMAGES, type ServeDocument } from '../../federation/documents.ts';
import { classCount } from '../../nn/network.ts';
import { checkNetworkFits } from '../checks.ts';
import { widthOf } from '../layout.ts';
import { readingOptions, readReading } from '../options/data.ts';
import { integer, number, optionalInteger, optionalText, RESULTS, TASK, text, type Argv } from '../options/values.ts';
import { checkWritable, saveResult, writeReport } from '../output.ts';
import { formatPredictions, predictionsOf, predictionTable, preview } from '../predictions.ts';
import { spread } from '../report.ts';
import { scalingFor } from '../scaling.ts';
import { asMember } from './member.ts';
import { findSession } from './models.ts';
import { memberOptions } from './options.ts';

export const federatedInferOptions: Readonly<Record<string, Options>> = {
  ...memberOptions,
  model: {
    ...text,
    group: TASK,
    defaultDescription: 'must be given',
    describe: 'The session, or the training whose model it serves (securenn model list)',
  },
  labels: { ...text, group: TASK, describe: 'The labels of the images in a file of their own, to count what is right' },
  ...readingOptions,
  count: {
    ...number,
    group: TASK,
    defaultDescription: 'all; of mnist 128',
    describe: 'Images to classify, from the first on',
  },
  batch: { ...number, group: TASK, default: 16, describe: `Images a request: 1 to ${MAX_INPUT_IMAGES}` },
  out: {
    ...text,
    group: RESULTS,
    defaultDescription: 'none',
    describe: 'Write classes and scores of all images here: FILE.csv or FILE.json',
  },
};

const OF_A_DATA_SET = 128;

export async function federatedInfer(argv: Argv, signal: AbortSignal): Promise<void> {
  const asked = optionalText(argv, 'model');
  if (asked === undefined) {
    throw new Problem(
      '--model: which session classifies?',
      'name one (securenn model list); with a model file, on this machine alone: securenn local infer',
    );
  }
  const out = optionalText(argv, 'out');
  if (out !== undefined && !['.csv', '.json'].includes(extname(out)))
    throw new Problem(`--out: expected FILE.csv or FILE.json, found "${out}"`, 'end the name in .csv or .json');
  if (out !== undefined) await checkWritable('out', out);
  const batch = integer(argv, 'batch', 1, MAX_INPUT_IMAGES, 16);
  await asMember(argv, signal, async ({ client, settings, say }) => {
    const { job } = await findSession(client, asked, signal);
    const { document, digest } = job;
    if (!(await isClient(client, document))) {
      throw new Problem(
        `session ${digest.slice(0, SHORT)} does not answer you`,
        'ask for one that names you: securenn model serve --clients',
      );
    }
    const set = await readImages(argv, document);
    const unlike = scalingWarning(set, set.scaling);
    if (unlike !== undefined) client.onNote(`warning: ${unlike}`);
    const size = imageSize(set);
    const batches: Answered[] = [];
    const seconds: number[] = [];
    for (let from = 0; from < set.count; from += batch) {
      const started = performance.now();
      const to = Math.min(from + batch, set.count);
      const images = valueSource(set.images.subarray(from * size, to * size), set.scaling, document.fractionBits);
      batches.push(await inferAt(client, digest, document, images));
      seconds.push((performance.now() - started) / 1000);
    }
    const predictions = predictionsOf(
      batches.map(({ predictions, scores }) => ({ predictions, scores })),
      classCount(document.network),
      set.labels,
      document.classNames,
    );
    if (set.count === 1) {
      const lines = preview(set);
      if (lines.every((line) => line.length <= widthOf(process.stdout))) for (const line of lines) say(line);
    }
    for (const line of predictionTable(predictions)) say(line);
    if (out !== undefined) {
      const bytes = formatPredictions(out, predictions);
      const { problem } = await saveResult('the table', out, bytes, 'make room, then run it again');
      if (problem) throw problem;
      say(`classes${document.reveal === 'scores' ? ' and scores' : ''} saved: ${out}`);
    }
    const labelled = predictions.filter(({ label }) => label !== null);
    const correct = labelled.length === 0 ? null : labelled.filter((each) => each.class === each.label).length;
    const right = correct === null ? `${set.count} classified` : `${correct} of ${set.count} right`;
    const spent = spread(seconds);
    say(`${right} · ${spent.median.toFixed(3)} s a request of ${Math.min(batch, set.count)}`);
    await writeReport(settings.json, {
      ...{ command: 'infer', session: digest, count: set.count, secondsPerRequest: spent, correct },
      predictions: predictions.map((prediction) => prediction.class),
    });
  });
}

/** The session may name a key that we had before. */
async function isClient(client: FederationClient, { clients }: ServeDocument): Promise<boolean> {
  if (clients === 'anyone' || clients.includes(client.id)) return true;
  const directory = await Directory.of(client);
  return clients.some((id) => directory.isSelf(id));
}

async function readImages(argv: Argv, document: ServeDocument): Promise<ImageSet> {
  const { network, maxImages } = document;
  const reading = readReading(argv);
  const source = String(argv.IMAGES);
  const labels = optionalText(argv, 'labels');
  // Absent, the session's scaling is that of bytes.
  const session = { network, scaling: document.scaling ?? OF_BYTES, classNames: document.classNames };
  const named = NAMED.includes(source);
  const whole = named ? await loadTestImages(source, reading) : await readImageFile(source, session, labels, reading);
  const count =
    optionalInteger(argv, 'count', 1, Number.MAX_SAFE_INTEGER) ??
    (named ? Math.min(OF_A_DATA_SET, whole.count) : whole.count);
  if (count > whole.count)
    throw new Problem(`--count: ${count} images, but ${source} has ${whole.count}`, 'give a smaller --count');
  if (count > maxImages)
    throw new Problem(`${count} images: the session answers ${maxImages} in all`, 'give a smaller --count');
  const images = whole.images.subarray(0, count * imageSize(whole));
  const classes = 1 + (whole.labels ?? new Uint8Array()).reduce((most, label) => Math.max(most, label), 0);
  checkNetworkFits({ ...whole, classes }, network, 'give images of that size, or the session of another model');
  const scaling = scalingFor(whole, session.scaling, reading);
  return { ...whole, images, count, labels: whole.labels?.subarray(0, count), scaling };
}
