/** What an owner gives away: read, cut to the rows asked for, and checked before anything goes out. */
import { existsSync, statSync } from 'node:fs';
import type { Options } from 'yargs';
import { imageSize } from '../../data/dataset.ts';
import { imagesOf, loadHalf, readBytes, readLabels, type LabelledImages } from '../../data/mnist.ts';
import { Problem } from '../../data/problem.ts';
import { OF_BYTES } from '../../data/scaling.ts';
import type { LabelledSet } from '../../client/federated/sharing.ts';
import { number, oneOf, optionalInteger, optionalText, TASK, text, type Argv } from '../options/values.ts';

export const sourceOptions: Readonly<Record<string, Options>> = {
  half: {
    ...text,
    group: TASK,
    default: 'train',
    describe: 'Of a data set with training and test images: train or test',
  },
  labels: { ...text, group: TASK, describe: 'The labels of a file of images, an IDX file, one for each image' },
  classes: {
    ...number,
    group: TASK,
    defaultDescription: 'the largest label and one',
    describe:
      'How many classes there are: the same number in all sets of a job, also where one has no image of a class',
  },
  skip: { ...number, group: TASK, default: 0, describe: 'Leave out so many images at the beginning' },
  count: { ...number, group: TASK, defaultDescription: 'all that follow', describe: 'Take so many images' },
};

/** Labels are bytes. */
const MOST_CLASSES = 256;
const LARGEST_SIDE = 4096;
const MOST_IMAGES = 10_000_000;

/** @param source mnist, a folder, or an IDX file of images */
export async function readSource(source: string, argv: Argv): Promise<LabelledSet> {
  const half = oneOf(argv, 'half', ['train', 'test']);
  const labels = optionalText(argv, 'labels');
  const set = isFile(source) ? await readPair(source, labels) : await readFolder(source, half, labels);
  const classes = classesOf(set, optionalInteger(argv, 'classes', 2, MOST_CLASSES));
  const skip = optionalInteger(argv, 'skip', 0, MOST_IMAGES) ?? 0;
  const count = optionalInteger(argv, 'count', 1, MOST_IMAGES) ?? set.count - skip;
  if (skip + count > set.count || count < 1) {
    throw new Problem(
      `${source} has ${set.count} images, --skip ${skip} and --count ${count} ask for those up to ${skip + count}`,
      'give smaller numbers',
    );
  }
  if (count > MOST_IMAGES || set.rows > LARGEST_SIDE || set.columns > LARGEST_SIDE) {
    throw new Problem(
      `${source}: ${count} images of ${set.rows} x ${set.columns}: a data set has at most ${MOST_IMAGES} of ${LARGEST_SIDE} x ${LARGEST_SIDE}`,
      'store it as several sets (--skip, --count), or smaller images',
    );
  }
  const { rows, columns, channels } = set;
  const size = imageSize(set);
  return {
    ...{ rows, columns, channels, count, classes, scaling: set.scaling },
    images: set.images.subarray(skip * size, (skip + count) * size),
    labels: set.labels.subarray(skip, skip + count),
  };
}

function isFile(source: string): boolean {
  return source !== 'mnist' && existsSync(source) && statSync(source).isFile();
}

async function readPair(source: string, labels: string | undefined): Promise<LabelledImages> {
  if (labels === undefined) {
    throw new Problem(`${source}: a file of images, without labels`, 'name the file of its labels with --labels');
  }
  const images = imagesOf(await readBytes(source), source);
  return { ...images, name: source, channels: 1, scaling: OF_BYTES, labels: await readLabels(labels, images) };
}

async function readFolder(source: string, half: 'train' | 'test', labels: string | undefined): Promise<LabelledImages> {
  if (labels !== undefined)
    throw new Problem(`--labels: ${source} has its own labels`, 'name a file of images, or leave --labels out');
  return loadHalf(source, half);
}

function classesOf({ labels, name }: LabelledImages, asked: number | undefined): number {
  const largest = labels.reduce((a, b) => Math.max(a, b), 0);
  if (asked !== undefined && largest >= asked) {
    const image = labels.findIndex((label) => label >= asked);
    throw new Problem(
      `${name}: label ${labels[image]} of image ${image}: --classes ${asked} knows 0 to ${asked - 1}`,
      `give --classes ${largest + 1} or more, or put the label right`,
    );
  }
  const classes = asked ?? largest + 1;
  if (classes < 2)
    throw new Problem(
      `${name}: all labels are 0: there is nothing to tell apart`,
      'say with --classes how many classes there are',
    );
  return classes;
}
