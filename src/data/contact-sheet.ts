/** Some images of each class side by side: in characters for a terminal, or as one PNG image. Pure. */
import { imageSize, type ImageSet } from './dataset.ts';
import { Problem } from './problem.ts';
import type { Statistics } from './statistics.ts';

/** Of an image that comes as a vector: a few features are none. */
const SMALLEST_SIDE = 8;
const SHADES = ' .:-=+*#%@';

interface Picture {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  /** 0 … 255. */
  readonly at: (row: number, column: number, channel: number) => number;
}

/** Bytes as they are; other values between the least and the largest of the set. */
function pictureOf(set: ImageSet, image: number, [low, high]: readonly [number, number]): Picture {
  const { images, channels } = set;
  // A long vector of a square's size was one.
  const side = set.rows === 1 && channels === 1 ? Math.sqrt(set.columns) : NaN;
  const [rows, columns] = side >= SMALLEST_SIDE && Number.isInteger(side) ? [side, side] : [set.rows, set.columns];
  const from = image * imageSize(set);
  const at = (row: number, column: number, channel: number): number =>
    (255 * (images[from + (row * columns + column) * channels + channel] - low)) / (high - low || 1);
  return { rows, columns, channels, at };
}

function rangeOf({ images }: ImageSet, { least, most }: Statistics): readonly [number, number] {
  if (images instanceof Uint8Array) return [0, 255];
  return [least.reduce((a, b) => Math.min(a, b)), most.reduce((a, b) => Math.max(a, b))];
}

/** The first `each` images of every class; of images without labels the first. */
export function chosenImages(
  { labels, count }: Pick<ImageSet, 'labels' | 'count'>,
  classes: number,
  each: number,
): number[][] {
  if (labels === undefined) return [Array.from({ length: Math.min(each * 4, count) }, (_, i) => i)];
  const chosen = Array.from({ length: classes }, (): number[] => []);
  labels.forEach((label, i) => chosen[label].length < each && chosen[label].push(i));
  return chosen.filter((images) => images.length > 0);
}

const LARGEST_SHOWN = 40;
const GAP = 2;

/**
 * As many as fit side by side in so many columns; nothing where an image is too large. Every second row: characters are twice as high as wide.
 * @param values of the whole set
 */
export function thumbnails(set: ImageSet, values: Statistics, images: readonly number[], width: number): string[] {
  if (images.length === 0) return [];
  const range = rangeOf(set, values);
  const pictures = images.map((image) => pictureOf(set, image, range));
  const [{ rows, columns, channels }] = pictures;
  if (rows < 2 || columns < 2 || Math.max(rows, columns) > LARGEST_SHOWN) return [];
  const fit = pictures.slice(0, Math.max(1, Math.floor((width + GAP) / (columns + GAP))));
  const shade = ({ at }: Picture, y: number, x: number): string => {
    const values = [y, Math.min(y + 1, rows - 1)].flatMap((row) =>
      Array.from({ length: channels }, (_, channel) => at(row, x, channel)),
    );
    const light = values.reduce((a, b) => a + b, 0) / values.length;
    return SHADES[Math.max(0, Math.min(SHADES.length - 1, Math.round((light / 255) * (SHADES.length - 1))))];
  };
  return Array.from({ length: Math.ceil(rows / 2) }, (_, line) =>
    fit
      .map((picture) => Array.from({ length: columns }, (_, x) => shade(picture, 2 * line, x)).join(''))
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
}

const MOST_SIDE = 8192;

/** A row a class. @param values of the whole set */
export async function contactSheet(
  set: ImageSet,
  values: Statistics,
  rowsOfImages: readonly (readonly number[])[],
): Promise<Uint8Array> {
  const range = rangeOf(set, values);
  const { rows, columns, channels } = pictureOf(set, 0, range);
  if (rows < 2 || (channels !== 1 && channels !== 3)) {
    throw new Problem(
      `--out: ${rows} x ${columns} x ${channels} values are no picture`,
      'leave --out out, or give the images a --shape',
    );
  }
  const longest = Math.max(...rowsOfImages.map((images) => images.length));
  const [width, height] = [longest * (columns + GAP) - GAP, rowsOfImages.length * (rows + GAP) - GAP];
  if (width > MOST_SIDE || height > 4 * MOST_SIDE)
    throw new Problem(
      `--out: a sheet of ${width} x ${height} pixels`,
      'leave --out out: the images are large enough to look at',
    );
  const data = new Uint8Array(width * height * channels).fill(128);
  rowsOfImages.forEach((images, r) =>
    images.forEach((image, c) => {
      const { at } = pictureOf(set, image, range);
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++)
          for (let k = 0; k < channels; k++)
            data[((r * (rows + GAP) + y) * width + c * (columns + GAP) + x) * channels + k] = Math.round(at(y, x, k));
    }),
  );
  const { encode } = await import('fast-png');
  return encode({ width, height, data, channels, depth: 8 });
}
