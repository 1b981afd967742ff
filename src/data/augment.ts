/**
 * More training images from those there are, made by their owner before they are shared: mirrored, and moved by a few pixels with black at the edges
 * (as torchvision's RandomHorizontalFlip and RandomCrop with padding). What is drawn comes from a seed, so that the same command makes the same images:
 * an upload or a run that goes on must have them again. Pure.
 */
import { insecurePairKey } from '../random/insecure.ts';
import type { Stream } from '../random/stream.ts';
import { PairStreams } from '../random/streams.ts';
import { type Elements, type ImageShape, sameKind } from './elements.ts';
import { Problem } from './problem.ts';
import type { Augmentation } from './reading.ts';

interface Labelled {
  readonly images: Elements;
  readonly labels: Uint8Array;
}

/** All images as they are, then all again, changed, for each further copy. */
export function augment(set: Labelled, shape: ImageShape, how: Augmentation): Labelled {
  const { rows, columns, channels } = shape;
  if (rows === 1 || columns === 1)
    throw new Problem('--augment: vectors have no left and right', 'leave it out, or give the images a --shape');
  if (how.crop >= Math.min(rows, columns))
    throw new Problem(`--augment: crop${how.crop} moves images of ${rows} x ${columns} out of sight`, 'crop less');
  const { images, labels } = set;
  const all = sameKind(images, images.length * how.copies);
  all.set(images);
  const size = rows * columns * channels;
  const draws = new PairStreams(insecurePairKey(how.seed, 'augment')).stream('seed', 'augment');
  for (let to = labels.length; to < labels.length * how.copies; to++) {
    const from = to % labels.length;
    const image = images.subarray(from * size, (from + 1) * size);
    place(all.subarray(to * size, (to + 1) * size), image, shape, {
      flip: how.flip && below(draws, 2) === 1,
      down: below(draws, 2 * how.crop + 1) - how.crop,
      right: below(draws, 2 * how.crop + 1) - how.crop,
    });
  }
  const repeated = new Uint8Array(labels.length * how.copies);
  for (let copy = 0; copy < how.copies; copy++) repeated.set(labels, copy * labels.length);
  return { images: all, labels: repeated };
}

interface Move {
  readonly flip: boolean;
  readonly down: number;
  readonly right: number;
}

/** @param out holds zeros */
function place(
  out: Elements,
  image: Elements,
  { rows, columns, channels }: ImageShape,
  { flip, down, right }: Move,
): void {
  for (let y = Math.max(0, down); y < Math.min(rows, rows + down); y++) {
    for (let x = Math.max(0, right); x < Math.min(columns, columns + right); x++) {
      const column = flip ? columns - 1 - (x - right) : x - right;
      const from = ((y - down) * columns + column) * channels;
      for (let c = 0; c < channels; c++) out[(y * columns + x) * channels + c] = image[from + c];
    }
  }
}

/** Uniform in 0 … limit − 1: bytes at or above the last whole multiple of `limit` are drawn again. */
function below(draws: Stream, limit: number): number {
  const whole = 256 - (256 % limit);
  for (;;) {
    const [byte] = draws.bytes(1);
    if (byte < whole) return byte % limit;
  }
}
