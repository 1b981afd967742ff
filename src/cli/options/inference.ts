/** The options of inference. */
import { extname } from 'node:path';
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import { NETWORKS } from '../../nn/named.ts';
import type { Network } from '../../nn/network.ts';
import { rankPart } from '../../nn/ranks.ts';
import { checkRankBackend, checkRanks, severalRanks, trainOptions } from './training.ts';
import { readSession, sessionOptions, type SessionSettings } from './session.ts';
import { MACHINE, number, optionalInteger, optionalText, RESULTS, TASK, text, type Argv } from './values.ts';

export interface InferSettings extends Omit<SessionSettings, 'network'> {
  readonly model: string;
  /** What the model is expected to be; undefined: whatever its file says. */
  readonly network: Network | undefined;
  /** A file with images to classify, in place of a data set. */
  readonly images: string | undefined;
  readonly labels: string | undefined;
  /** Undefined: all of a file, or DEFAULT_COUNT of a data set. */
  readonly count: number | undefined;
  /** Images of a batch computed at a time; undefined: all of them. */
  readonly microBatch: number | undefined;
  /** Of each party; undefined: one. */
  readonly ranks: number | undefined;
  /** Scores are revealed, not the class alone. */
  readonly scores: boolean;
  /** A file for classes and scores. */
  readonly out: string | undefined;
}

/** Test images of a data set. */
export const DEFAULT_COUNT = 128;

export const inferOptions: Readonly<Record<string, Options>> = {
  ...sessionOptions,
  model: { ...text, group: TASK, demandOption: true, describe: 'Model file, as train saves it' },
  network: {
    ...text,
    group: TASK,
    defaultDescription: "the model's",
    describe: `Refuse a model of another network than this: ${Object.keys(NETWORKS).join(', ')}, or a JSON file`,
  },
  data: {
    ...text,
    group: TASK,
    defaultDescription: 'mnist',
    describe: 'Classify the test images of a data set: mnist, cifar10, or a folder or file (docs/data.md)',
  },
  images: {
    ...text,
    group: TASK,
    describe:
      'Classify the images of this file or folder instead: PNG, JPEG, IDX, NPY, CSV, or one image with a byte a pixel',
  },
  labels: { ...text, group: TASK, describe: 'The labels of --images in a file of their own, to count what is right' },
  count: {
    ...number,
    group: TASK,
    defaultDescription: `${DEFAULT_COUNT}; of --images all`,
    describe: 'Images to classify, from the first on',
  },
  'micro-batch': {
    ...number,
    group: TASK,
    defaultDescription: '--batch',
    describe: 'Images of a batch computed at a time: less memory (docs/memory.md)',
  },
  ranks: { ...trainOptions.ranks, group: MACHINE },
  scores: {
    type: 'boolean',
    group: RESULTS,
    default: true,
    describe:
      'Reveal the scores of all classes to the owner, who knows how sure a class is: --no-scores reveals it alone',
  },
  out: {
    ...text,
    group: RESULTS,
    defaultDescription: 'none',
    describe: 'Write classes and scores of all images here: FILE.csv or FILE.json',
  },
};

export function readInferSettings(argv: Argv): InferSettings {
  const session = readSession(argv);
  const settings = {
    model: optionalText(argv, 'model')!,
    images: optionalText(argv, 'images'),
    labels: optionalText(argv, 'labels'),
    count: optionalInteger(argv, 'count', 1, Number.MAX_SAFE_INTEGER),
    microBatch: optionalInteger(argv, 'micro-batch', 1, session.batch),
    ranks: severalRanks(argv),
    scores: argv.scores !== false,
    out: optionalText(argv, 'out'),
  };
  const { images, labels, out, ranks } = settings;
  if (ranks !== undefined) checkRankBackend(session.backend);
  if (images !== undefined && argv.data !== undefined)
    throw new Problem('--images and --data: both say what to classify', 'give one of them');
  if (labels !== undefined && images === undefined)
    throw new Problem('--labels: goes with --images; a data set has its own', 'give --images, or leave --labels out');
  if (out !== undefined && !['.csv', '.json'].includes(extname(out)))
    throw new Problem(`--out: expected FILE.csv or FILE.json, found "${out}"`, 'end the name in .csv or .json');
  return { ...session, ...settings, network: argv.network === undefined ? undefined : session.network };
}

/** How batches of so many images, or fewer, are computed: by which ranks, and how much at a time. */
export function cutOf(
  { batch, microBatch, ranks = 1 }: Pick<InferSettings, 'batch' | 'microBatch' | 'ranks'>,
  images: number,
): { readonly microBatch: number | undefined; readonly ranks: number | undefined } {
  const together = Math.min(batch, images);
  checkRanks(ranks, together);
  const part = rankPart(together, ranks, microBatch);
  return { microBatch: part === together ? undefined : part, ranks: ranks === 1 ? undefined : ranks };
}
