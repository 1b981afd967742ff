/**
 * CIFAR-10 in its binary version: `data_batch_1.bin` … `data_batch_5.bin` (as many as there are) and `test_batch.bin`, records of one
 * label byte and 3072 pixels, 1024 for each of red, green and blue (cs.toronto.edu/~kriz/cifar.html). Read channels-last.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dataset, ImageSet } from './dataset.ts';
import { Problem } from './problem.ts';
import { OF_BYTES } from './scaling.ts';

const SIDE = 32;
const CHANNELS = 3;
const CLASSES = 10;
const PIXELS = SIDE * SIDE;
const RECORD = 1 + CHANNELS * PIXELS;
const TRAINING_FILES = 5;

interface Half {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

function trainingFiles(folder: string): string[] {
  return Array.from({ length: TRAINING_FILES }, (_, i) => join(folder, `data_batch_${i + 1}.bin`)).filter(existsSync);
}

export function isCifarFolder(folder: string): boolean {
  return trainingFiles(folder).length > 0;
}

export function isCifarTestFolder(folder: string): boolean {
  return existsSync(join(folder, 'test_batch.bin'));
}

type Labelled = ImageSet & { readonly labels: Uint8Array };

/** Its test images alone. */
export async function readCifarTest(name: string, folder: string): Promise<Labelled> {
  const { images, labels } = await readHalf([join(folder, 'test_batch.bin')]);
  return {
    name,
    images,
    labels,
    count: labels.length,
    rows: SIDE,
    columns: SIDE,
    channels: CHANNELS,
    scaling: OF_BYTES,
  };
}

/** Its training images alone. */
export async function readCifarTraining(name: string, folder: string): Promise<Labelled> {
  const { images, labels } = await readHalf(trainingFiles(folder));
  return {
    name,
    images,
    labels,
    count: labels.length,
    rows: SIDE,
    columns: SIDE,
    channels: CHANNELS,
    scaling: OF_BYTES,
  };
}

export async function readCifar(name: string, folder: string): Promise<Dataset> {
  const test = join(folder, 'test_batch.bin');
  if (!existsSync(test)) throw new Problem(`${test}: no such file`, 'put the test images of CIFAR-10 there');
  const train = await readHalf(trainingFiles(folder));
  const { images, labels } = await readHalf([test]);
  return {
    name,
    trainImages: train.images,
    trainLabels: train.labels,
    testImages: images,
    testLabels: labels,
    rows: SIDE,
    columns: SIDE,
    channels: CHANNELS,
    classes: CLASSES,
    scaling: OF_BYTES,
  };
}

async function readHalf(paths: readonly string[]): Promise<Half> {
  const files = await Promise.all(paths.map(readRecords));
  const count = files.reduce((sum, bytes) => sum + bytes.length / RECORD, 0);
  const images = new Uint8Array(count * CHANNELS * PIXELS);
  const labels = new Uint8Array(count);
  let image = 0;
  files.forEach((bytes, f) => {
    for (let from = 0; from < bytes.length; from += RECORD, image++) {
      const label = bytes[from];
      if (label >= CLASSES) {
        throw new Problem(
          `${paths[f]}: record ${from / RECORD}: label ${label}: expected 0 … ${CLASSES - 1}`,
          'use the binary version of CIFAR-10',
        );
      }
      labels[image] = label;
      const to = image * CHANNELS * PIXELS;
      for (let channel = 0; channel < CHANNELS; channel++) {
        const plane = from + 1 + channel * PIXELS;
        for (let p = 0; p < PIXELS; p++) images[to + p * CHANNELS + channel] = bytes[plane + p];
      }
    }
  });
  return { images, labels };
}

async function readRecords(path: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem(`${path}: cannot be read: ${reason}`, 'check that the file is readable, or fetch it again', {
      cause: error,
    });
  }
  if (bytes.length === 0 || bytes.length % RECORD !== 0) {
    throw new Problem(
      `${path}: ${bytes.length} bytes are no whole number of records of ${RECORD}`,
      'use the binary version of CIFAR-10 (not CIFAR-100, not the Python version), and fetch the file again',
    );
  }
  return bytes;
}
