/** What an owner gives away: read, cut to the rows asked for, and checked before anything goes out. */
import type { Options } from 'yargs';
import { augment } from '../../data/augment.ts';
import { imageSize } from '../../data/dataset.ts';
import { type LabelledImages, loadHalf, loadPair } from '../../data/load.ts';
import { Problem } from '../../data/problem.ts';
import type { LabelledSet } from '../../client/federated/sharing.ts';
import { augmentOptions, readingOptions, readReading } from '../options/data.ts';
import { number, oneOf, optionalInteger, optionalText, TASK, text, type Argv } from '../options/values.ts';

export const halfOption: Options = {
  ...text,
  group: TASK,
  default: 'train',
  describe: 'Of a data set with training and test images: train or test',
};

export const sourceOptions: Readonly<Record<string, Options>> = {
  half: halfOption,
  labels: {
    ...text,
    group: TASK,
    describe: 'The labels of a file or folder of images: IDX, NPY, or text with a label a line, one for each image',
  },
  ...readingOptions,
  ...augmentOptions,
  skip: { ...number, group: TASK, default: 0, describe: 'Leave out so many images at the beginning' },
  count: { ...number, group: TASK, defaultDescription: 'all that follow', describe: 'Take so many images' },
};

const LARGEST_SIDE = 4096;
const LARGEST_VECTOR = 2 ** 16;
const MOST_IMAGES = 10_000_000;

/** @param source mnist, cifar10, a folder or a file */
export async function readSource(source: string, argv: Argv): Promise<LabelledSet> {
  const half = oneOf(argv, 'half', ['train', 'test']);
  const labels = optionalText(argv, 'labels');
  const reading = readReading(argv);
  const set = labels === undefined ? await loadHalf(source, half, reading) : await loadPair(source, labels, reading);
  const skip = optionalInteger(argv, 'skip', 0, MOST_IMAGES) ?? 0;
  const count = optionalInteger(argv, 'count', 1, MOST_IMAGES) ?? set.count - skip;
  if (skip + count > set.count || count < 1) {
    throw new Problem(
      `${source} has ${set.count} images, --skip ${skip} and --count ${count} ask for those up to ${skip + count}`,
      'give smaller numbers',
    );
  }
  checkClasses(set);
  const size = imageSize(set);
  const part = {
    images: set.images.subarray(skip * size, (skip + count) * size),
    labels: set.labels.subarray(skip, skip + count),
  };
  const { images, labels: all } = reading.augment === undefined ? part : augment(part, set, reading.augment);
  const { rows, columns, channels, classes, scaling, classNames } = set;
  const longest = rows === 1 && channels === 1 ? LARGEST_VECTOR : LARGEST_SIDE;
  if (all.length > MOST_IMAGES || rows > LARGEST_SIDE || columns > longest) {
    throw new Problem(
      `${source}: ${all.length} images of ${rows} x ${columns}: a data set has at most ${MOST_IMAGES} of ${LARGEST_SIDE} x ${LARGEST_SIDE}`,
      'store it as several sets (--skip, --count), or smaller images',
    );
  }
  return {
    ...{ images, labels: all, count: all.length, rows, columns, channels, classes, scaling },
    ...(classNames && { classNames }),
  };
}

function checkClasses({ classes, name }: LabelledImages): void {
  if (classes >= 2) return;
  throw new Problem(
    `${name}: all labels are 0: there is nothing to tell apart`,
    'say with --classes how many classes there are',
  );
}
