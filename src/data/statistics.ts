/** Of the values of images: range, mean and deviation. Pure. */
import { type Elements, type ImageShape, mostOf } from './elements.ts';
import { Problem } from './problem.ts';
import type { Reading } from './reading.ts';
import { checkScaling, naturalScaling, type Scaling } from './scaling.ts';

/** Per channel; of vectors per feature. */
export interface Statistics {
  readonly least: readonly number[];
  readonly most: readonly number[];
  readonly mean: readonly number[];
  /** Of all values, over their number. */
  readonly std: readonly number[];
}

export function placesOf({ rows, columns, channels }: ImageShape): number {
  return rows === 1 && channels === 1 ? columns : channels;
}

export function statisticsOf(images: Elements, shape: ImageShape): Statistics {
  const places = placesOf(shape);
  const least = new Array<number>(places).fill(Infinity);
  const most = new Array<number>(places).fill(-Infinity);
  // Around the first value of each: sums of squares of large values with small differences would lose them.
  const origin = Array.from({ length: places }, (_, k) => images[k]);
  const sums = new Float64Array(places);
  const squares = new Float64Array(places);
  for (let i = 0, k = 0; i < images.length; i++) {
    const value = images[i];
    const from = value - origin[k];
    sums[k] += from;
    squares[k] += from * from;
    if (value < least[k]) least[k] = value;
    if (value > most[k]) most[k] = value;
    if (++k === places) k = 0;
  }
  const count = images.length / places;
  return {
    ...{ least, most },
    mean: origin.map((first, k) => first + sums[k] / count),
    std: origin.map((_, k) => Math.sqrt(Math.max(0, squares[k] / count - (sums[k] / count) ** 2))),
  };
}

/** Once scaled. Beyond, a product of two such values would fill the ring: nothing that trains has them, and no model learnt from them. */
export const LARGEST: number = 2 ** 20;

/** Refuses numbers that are none, naming the first. */
export function checkFinite(images: Elements, shape: ImageShape, source: string): void {
  if (images instanceof Uint8Array || images instanceof Uint16Array) return;
  const at = images.findIndex((value: number) => !Number.isFinite(value));
  if (at < 0) return;
  const size = shape.rows * shape.columns * shape.channels;
  throw new Problem(
    `${source}: image ${Math.floor(at / size)}, value ${at % size}: ${images[at]} is no number that can be shared`,
    'replace it, or leave that image out',
  );
}

/**
 * What the owner chose, or what is natural for the values; statistics that are to be measured are those of these images.
 * @param usual of this data set, where nothing is chosen
 */
export function chooseScaling(
  images: Elements,
  shape: ImageShape,
  { divideBy, mean, std }: Reading,
  name: string,
  usual: Scaling = naturalScaling(images),
): Scaling {
  const base = { ...usual, ...(divideBy === undefined ? {} : { divideBy, mean: [0], std: [1] }) };
  const measured = mean === 'auto' || std === 'auto' ? statisticsOf(images, shape) : undefined;
  const scaling = {
    divideBy: base.divideBy,
    mean: mean === 'auto' ? measured!.mean.map((x) => x / base.divideBy) : (mean ?? base.mean),
    // What never changes stays what it is.
    std: std === 'auto' ? measured!.std.map((x) => x / base.divideBy || 1) : (std ?? base.std),
  };
  checkScaling(scaling, shape, name);
  return scaling;
}

/** Refuses values that are too large once scaled: nothing that trains has them. */
export function checkScaled(images: Elements, scaling: Scaling, shape: ImageShape, name: string): void {
  // Of whole numbers the type alone mostly says that all are small: no need to look at each.
  if (largestScaled({ least: [0], most: [mostOf(images)] }, scaling) < LARGEST) return;
  const largest = largestScaled(statisticsOf(images, shape), scaling);
  if (largest < LARGEST) return;
  throw new Problem(
    `${name}: values up to ${largest.toPrecision(3)} once scaled: at most ${LARGEST}`,
    'scale them: --mean auto --std auto, or --divide-by',
  );
}

function largestScaled({ least, most }: Pick<Statistics, 'least' | 'most'>, { divideBy, mean, std }: Scaling): number {
  const places = Math.max(least.length, mean.length, std.length);
  return Array.from({ length: places }, (_, k) => {
    const [low, high] = [least, most].map(
      (list) => (list[k % list.length] / divideBy - mean[k % mean.length]) / std[k % std.length],
    );
    return Math.max(Math.abs(low), Math.abs(high));
  }).reduce((a, b) => Math.max(a, b), 0);
}
