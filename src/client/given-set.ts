/** A labelled set of images from arrays or files, as it is shared: whole, of one size, with a class for each image. */
import type { Elements } from '../data/elements.ts';
import { checkCount, resolveLabels } from '../data/labels.ts';
import { Problem } from '../data/problem.ts';
import { checkScaling, naturalScaling, type Scaling } from '../data/scaling.ts';
import { checkScaled } from '../data/statistics.ts';
import type { LabelledSet } from './federated/sharing.ts';
import { type Files, readFiles } from './given-files.ts';
import { type Pictures, type ReadPicture, readPictures } from './given-pictures.ts';
import { checkNumbers, unclamped } from './given-values.ts';

/** Images as a program has them. */
export interface GivenImages {
  /** One image after the other, row after row, channels innermost. Bytes are pixels, 0 … 255. */
  readonly images: Uint8Array | Uint8ClampedArray | Uint16Array | Float32Array | Float64Array;
  /** Of one image: rows, columns, and channels if there are several. */
  readonly shape: readonly [rows: number, columns: number, channels?: number];
  /** A class for each image: numbers from 0 on, or names. */
  readonly labels: ArrayLike<number> | readonly string[];
  /** How many classes there are, where not every one has an image; or what they are called, in their order. */
  readonly classes?: number | readonly string[] | undefined;
  /** What becomes of values before they are masked. Absent: bytes are divided by 255, 16 bits by 65,535, numbers stay. */
  readonly scaling?: Scaling | undefined;
}

/** @param read what decodes a picture here */
export async function givenSet(given: GivenImages | Files | Pictures, read: ReadPicture): Promise<LabelledSet> {
  const raw = await rawOf(given, read);
  const { images, rows, columns, channels, count, source } = raw;
  const { classes: asked } = given;
  const resolved = resolveLabels(raw.labels, { classes: asked });
  checkCount(resolved.labels, raw.labels.source, count, source);
  const classes = resolved.classes ?? 1 + resolved.labels.reduce((most, label) => Math.max(most, label), 0);
  if (classes < 2) throw new Problem(`${raw.labels.source}: one class alone`, 'say how many there are: classes');
  const scaling = ('scaling' in given ? given.scaling : undefined) ?? naturalScaling(images);
  checkScaling(scaling, raw, source);
  checkScaled(images, scaling, raw, source);
  const { labels, names: classNames } = resolved;
  return { images, labels, classes, classNames, rows, columns, channels, count, scaling };
}

function rawOf(given: GivenImages | Files | Pictures, read: ReadPicture) {
  if ('pictures' in given) return readPictures(given, read);
  return 'files' in given ? readFiles(given) : inMemory(given);
}

function inMemory({ images: given, shape, labels }: GivenImages) {
  const [rows, columns, channels = 1] = shape;
  const images: Elements = given instanceof Uint8ClampedArray ? unclamped(given) : given;
  const size = rows * columns * channels;
  const count = images.length / size;
  if (!(Number.isInteger(count) && count > 0 && Number.isInteger(rows) && Number.isInteger(columns) && size > 0)) {
    throw new Problem(
      `${images.length} values are no images of ${shape.join(' x ')}`,
      'give shape as [rows, columns] or [rows, columns, channels], and as many values for each image',
    );
  }
  if (!(images instanceof Uint8Array || images instanceof Uint16Array)) checkNumbers(images, 'the images');
  return { images, rows, columns, channels, count, labels: { values: labels, source: 'labels' }, source: 'images' };
}
