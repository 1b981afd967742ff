/** A part of a data set. */
import { batchOrder } from '../nn/initial.ts';
import { type Dataset, imageSize } from './dataset.ts';
import { type Elements, sameKind } from './elements.ts';

/** Of the draw: the same images whatever the training's own seed. */
const SEED = 0;
const [TRAIN, TEST] = [1, 2];

/**
 * So many images of each kind, in their order, at most as many as there are; undefined: all. They are drawn by a public order, the same in
 * every run, because files may be sorted by class.
 */
export function subsetOf(
  data: Dataset,
  { trainImages, testImages }: { readonly trainImages: number | undefined; readonly testImages: number | undefined },
): Dataset {
  const { trainLabels, testLabels } = data;
  return {
    ...data,
    ...(trainImages !== undefined &&
      trainImages < trainLabels.length &&
      trainingRows(data, drawn(trainLabels.length, trainImages, TRAIN))),
    ...(testImages !== undefined &&
      testImages < testLabels.length &&
      testRows(data, drawn(testLabels.length, testImages, TEST))),
  };
}

/** These training images alone. */
export function trainingRows(data: Dataset, rows: Uint32Array): Pick<Dataset, 'trainImages' | 'trainLabels'> {
  return {
    trainImages: rowsOf(data.trainImages, rows, imageSize(data)),
    trainLabels: rowsOf(data.trainLabels, rows, 1),
  };
}

function testRows(data: Dataset, rows: Uint32Array): Pick<Dataset, 'testImages' | 'testLabels'> {
  return { testImages: rowsOf(data.testImages, rows, imageSize(data)), testLabels: rowsOf(data.testLabels, rows, 1) };
}

function drawn(total: number, count: number, draw: number): Uint32Array {
  return batchOrder(total, SEED, draw).subarray(0, count).toSorted();
}

/** Rows of `width` elements each. */
export function rowsOf<T extends Elements>(from: T, rows: Uint32Array, width: number): T {
  const out = sameKind(from, rows.length * width);
  rows.forEach((row, k) => out.set(from.subarray(row * width, (row + 1) * width), k * width));
  return out;
}
