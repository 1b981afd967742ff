/** Labels as files have them, numbers or words, as classes 0, 1, 2, … Pure. */
import type { RawLabels } from './formats/reader.ts';
import { Problem } from './problem.ts';
import type { Reading } from './reading.ts';

/** A label is a byte. */
export const MOST_CLASSES = 256;

export interface Labels {
  readonly labels: Uint8Array;
  /** Of class 0, 1, …, where they have names. */
  readonly names?: readonly string[] | undefined;
  /** How many are known of, whatever occurs; undefined: as many as occur. */
  readonly classes?: number | undefined;
}

/** @param known names of the classes, as another half of the same set has them */
export function resolveLabels(raw: RawLabels, reading: Reading, known?: readonly string[]): Labels {
  const asked = typeof reading.classes === 'object' ? reading.classes : undefined;
  const { values } = raw;
  const names = asked ?? known ?? raw.names;
  if (isWords(values)) {
    const all = names ?? [...new Set(values)].sort();
    checkNames(all, raw.source);
    return { labels: wordsToNumbers(values, all, raw.source), names: all, classes: all.length };
  }
  const labels = numbered(values, reading.firstLabel ?? 0, raw.source);
  const classes = asked?.length ?? (typeof reading.classes === 'number' ? reading.classes : raw.classes);
  const stranger = classes === undefined ? -1 : labels.findIndex((label) => label >= classes);
  if (stranger >= 0) {
    throw new Problem(
      `${raw.source}: label ${labels[stranger]} of image ${stranger}: --classes ${classes} knows 0 to ${classes! - 1}`,
      `give --classes ${Math.max(...new Set(labels)) + 1} or more, or put the label right`,
    );
  }
  return { labels, names, classes };
}

/** They are shown on terminals. */
function checkNames(names: readonly string[], source: string): void {
  const wrong = names.find((name) => /\p{Cc}/u.test(name));
  if (wrong === undefined) return;
  throw new Problem(
    `${source}: the class ${JSON.stringify(wrong)} has control characters in its name`,
    'name classes in one line of text',
  );
}

function isWords(values: RawLabels['values']): values is readonly string[] {
  return typeof values[0] === 'string';
}

function wordsToNumbers(values: readonly string[], names: readonly string[], source: string): Uint8Array {
  if (names.length > MOST_CLASSES) {
    const some = names.slice(0, 3).join(', ');
    throw new Problem(
      `${source}: ${names.length} different labels (${some}, …): at most ${MOST_CLASSES} classes`,
      'check that this is the column of classes (--label-column)',
    );
  }
  const numbers = new Map(names.map((name, i) => [name, i]));
  return Uint8Array.from(values, (value, i) => {
    const number = numbers.get(value);
    if (number !== undefined) return number;
    const few = names.length > 12 ? `${names.slice(0, 12).join(', ')}, …` : names.join(', ');
    throw new Problem(
      `${source}: label "${value}" of image ${i}: the classes are ${few}`,
      'put the label right, or name all classes in their order: --classes NAME,NAME,…',
    );
  });
}

function numbered(values: ArrayLike<number>, first: number, source: string): Uint8Array {
  const labels = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const label = values[i] - first;
    if (!Number.isInteger(label) || label < 0 || label >= MOST_CLASSES) {
      const range = `${first} to ${first + MOST_CLASSES - 1}`;
      throw new Problem(
        `${source}: label ${values[i]} of image ${i}: expected a whole number from ${range}`,
        first > 0 ? 'give the smallest label to --first-label' : 'number the classes 0, 1, 2, …',
      );
    }
    labels[i] = label;
  }
  return labels;
}

/** Labels of as many images as there are. @param source of the labels @param images where the images are */
export function checkCount({ length }: Uint8Array, source: string, count: number, images: string): void {
  if (length === count) return;
  const fix = 'use images and labels of the same set';
  throw new Problem(`${source}: ${length} labels for the ${count} images of ${images}`, fix);
}
