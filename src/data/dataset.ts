import type { Elements, ImageShape } from './elements.ts';
import type { Scaling } from './scaling.ts';

/** A labelled set of images, as its owner holds it. */
export interface Dataset extends ImageShape {
  /** `mnist`, or the folder as given. */
  readonly name: string;
  /** One image a row: trainLabels.length x (rows · columns · channels), channels innermost. */
  readonly trainImages: Elements;
  readonly trainLabels: Uint8Array;
  readonly testImages: Elements;
  readonly testLabels: Uint8Array;
  /** Labels are 0 … classes − 1. */
  readonly classes: number;
  /** What becomes of a value before it is shared. */
  readonly scaling: Scaling;
  /** Of class 0, 1, …, where the classes have names. */
  readonly classNames?: readonly string[] | undefined;
}

/** How many images of each kind. */
export function samplesOf({ trainLabels, testLabels }: Dataset): { trainImages: number; testImages: number } {
  return { trainImages: trainLabels.length, testImages: testLabels.length };
}

/** How many images there are of each class. */
export function countLabels(labels: Uint8Array, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]++;
  return counts;
}

/** Images to classify, whose labels may be known. */
export interface ImageSet extends ImageShape {
  /** As given: a data set or a file. */
  readonly name: string;
  /** One image a row, channels innermost. */
  readonly images: Elements;
  readonly labels: Uint8Array | undefined;
  readonly count: number;
  readonly scaling: Scaling;
  readonly classNames?: readonly string[] | undefined;
}

/** Elements of one image. */
export function imageSize({ rows, columns, channels }: ImageShape): number {
  return rows * columns * channels;
}
