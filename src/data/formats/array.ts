/** Arrays of any number of dimensions, as IDX and NPY files hold them, as images and as labels. Pure. */
import { type Elements, type ImageShape, sameKind } from '../elements.ts';
import { Problem } from '../problem.ts';
import type { Reading } from '../reading.ts';
import type { RawImages, RawLabels } from './reader.ts';

export interface NumberArray {
  readonly dimensions: readonly number[];
  /** Row-major. */
  readonly values: Elements;
}

/** More channels than this are no image's, unless it is said which dimension they are. */
const MOST_CHANNELS = 4;

/**
 * N x features; N x rows x columns; N x rows x columns x channels, or with channels before rows, which is told by which of the two is small.
 */
export function imagesOfArray({ dimensions, values }: NumberArray, source: string, reading: Reading): RawImages {
  const extents = dimensions.join(' x ');
  if (dimensions.length < 2 || dimensions.length > 4) {
    throw new Problem(
      `${source}: ${dimensions.length} dimensions (${extents || 'a single number'}): images have 2 to 4`,
      'give images x rows x columns, images x rows x columns x channels, or images x features',
    );
  }
  if (dimensions.includes(0)) {
    throw new Problem(`${source}: holds no pixels: dimensions ${extents}`, 'use a set with images');
  }
  const [count, ...shape] = dimensions;
  if (reading.shape !== undefined) return reshaped(values, count, reading.shape, source, reading);
  if (shape.length === 1) return { images: values, count, rows: 1, columns: shape[0], channels: 1, source };
  if (shape.length === 2) return { images: values, count, rows: shape[0], columns: shape[1], channels: 1, source };
  const first = reading.channels === undefined ? seemsFirst(shape) : reading.channels === 'first';
  const [rows, columns, channels] = first ? [shape[1], shape[2], shape[0]] : shape;
  const images = first ? channelsLast(values, count, { rows, columns, channels }) : values;
  const notes = first ? [`${extents}: channels before rows and columns`] : undefined;
  return { images, count, rows, columns, channels, source, notes };
}

function seemsFirst([a, , c]: readonly number[]): boolean {
  return c > MOST_CHANNELS && a <= MOST_CHANNELS;
}

function reshaped(values: Elements, count: number, shape: ImageShape, source: string, reading: Reading): RawImages {
  const size = shape.rows * shape.columns * shape.channels;
  if (values.length !== count * size) {
    throw new Problem(
      `${source}: ${values.length / count} values an image: --shape ${shape.rows}x${shape.columns}x${shape.channels} has ${size}`,
      'give a --shape of that many',
    );
  }
  const first = reading.channels === 'first' && shape.channels > 1;
  return { images: first ? channelsLast(values, count, shape) : values, count, ...shape, source };
}

/** From planes to pixels. */
export function channelsLast<T extends Elements>(values: T, count: number, { rows, columns, channels }: ImageShape): T {
  const pixels = rows * columns;
  const out = sameKind(values, values.length);
  for (let image = 0; image < count; image++) {
    const base = image * pixels * channels;
    for (let channel = 0; channel < channels; channel++)
      for (let p = 0; p < pixels; p++) out[base + p * channels + channel] = values[base + channel * pixels + p];
  }
  return out;
}

/** Columns of QMNIST's labels: the class, and seven that say who wrote it where. */
const QMNIST_COLUMNS = 8;

/** N; N x 1; one-hot rows; or N x 8 as QMNIST has them. */
export function labelsOfArray({ dimensions, values }: NumberArray, source: string): RawLabels {
  const [count, width = 1] = dimensions;
  const flat = dimensions.length === 1 || (dimensions.length === 2 && width === 1);
  if (flat) return { values, source };
  if (dimensions.length === 2 && width > 0) {
    const rows = Array.from({ length: count }, (_, i) => values.subarray(i * width, (i + 1) * width));
    if (rows.every(isOneHot)) return { values: rows.map((row) => row.indexOf(1)), source, classes: width };
    if (width === QMNIST_COLUMNS) return { values: rows.map((row) => row[0]), source };
  }
  throw new Problem(
    `${source}: labels of ${dimensions.join(' x ') || 'no dimension'}: neither one number an image nor one-hot rows`,
    'give one class number for each image',
  );
}

function isOneHot(row: Elements): boolean {
  let ones = 0;
  for (const value of row) {
    if (value === 1) ones++;
    else if (value !== 0) return false;
  }
  return ones === 1;
}
