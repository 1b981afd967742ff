/** A data set of pictures that a person has chosen or dropped: PNG and JPEG files, a class with each. */
import { decodeAll, joinPixels, type Pixels } from '../data/pixels.ts';
import { Problem } from '../data/problem.ts';
import type { Scaling } from '../data/scaling.ts';
import type { GivenFile, ReadFiles } from './given-files.ts';

/** A picture with its class. */
export interface Picture {
  /** A PNG or JPEG file. */
  readonly file: GivenFile;
  /** What its class is called, or its number, from 0 on; of all pictures of a set the same. A folder's name, as a rule. */
  readonly label: string | number;
}

/** Pictures of one size, each with its class. */
export interface Pictures {
  readonly pictures: readonly Picture[];
  /** How many classes there are, where not every one has a picture; or what they are called, in their order. Names are sorted otherwise. */
  readonly classes?: number | readonly string[] | undefined;
  /** What becomes of values before they are masked. Absent: 8 bits are divided by 255, 16 bits by 65,535. */
  readonly scaling?: Scaling | undefined;
}

/** What a file holds. @param source names it in errors */
export type ReadPicture = (bytes: Uint8Array, source: string) => Promise<Pixels>;

/** No picture of a network's size is as long. */
const MOST_BYTES = 2 ** 26;

export async function readPictures({ pictures }: Pictures, read: ReadPicture): Promise<ReadFiles> {
  if (pictures.length === 0) throw new Problem('no picture was given', 'give at least one of each class');
  const names = pictures.map(({ file }, i) => file.name ?? `picture ${i}`);
  const all = await decodeAll(pictures.length, async (i) => {
    const { file } = pictures[i];
    if (file.size > MOST_BYTES) throw new Problem(`${names[i]}: has more than 64 MiB`, 'bring all images to one size');
    return read(new Uint8Array(await file.arrayBuffer()), names[i]);
  });
  const { rows, columns, channels, values } = joinPixels(all, names);
  const labels = { values: labelsOf(pictures), source: 'labels' };
  return { images: values, count: all.length, rows, columns, channels, labels, source: 'pictures' };
}

function labelsOf(pictures: readonly Picture[]): readonly string[] | readonly number[] {
  const labels = pictures.map(({ label }) => label);
  const isName = (label: string | number): label is string => typeof label === 'string';
  if (labels.every(isName)) return labels;
  const odd = labels.findIndex((label) => isName(label) !== isName(labels[0]));
  if (odd < 0) return labels as number[];
  const fix = 'give names to all classes, or numbers to all';
  throw new Problem(
    `labels: label ${JSON.stringify(labels[odd])} of picture ${odd} is of another kind than the first`,
    fix,
  );
}
