/** A labelled set of images, as its owner holds it. */
export interface Dataset {
  /** `mnist`, or the folder as given. */
  readonly name: string;
  /** One image a row: trainLabels.length x (rows · columns · channels), channels innermost. */
  readonly trainImages: Uint8Array;
  readonly trainLabels: Uint8Array;
  readonly testImages: Uint8Array;
  readonly testLabels: Uint8Array;
  readonly rows: number;
  readonly columns: number;
  /** 1: grey; 3: red, green, blue. */
  readonly channels: number;
  /** Labels are 0 … classes − 1. */
  readonly classes: number;
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
export interface ImageSet {
  /** As given: a data set or a file. */
  readonly name: string;
  /** One image a row, channels innermost. */
  readonly images: Uint8Array;
  readonly labels: Uint8Array | undefined;
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
}

/** Elements of one image. */
export function imageSize({ rows, columns, channels }: Pick<Dataset, 'rows' | 'columns' | 'channels'>): number {
  return rows * columns * channels;
}
