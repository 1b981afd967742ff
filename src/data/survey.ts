/** What was understood of a set of images, before it is used or given away, and what looks wrong. Pure. */
import { countLabels, imageSize, type ImageSet } from './dataset.ts';
import { type Elements, type ImageShape, kindOf, mostOf } from './elements.ts';
import { type Scaling, scalingInWords } from './scaling.ts';
import { statisticsOf, type Statistics } from './statistics.ts';

export interface ClassCount {
  readonly class: number;
  readonly name: string | null;
  readonly images: number;
}

export interface Survey extends ImageShape {
  readonly images: number;
  readonly elements: 'bytes' | '16 bits' | 'numbers';
  /** Empty where there are no labels. */
  readonly classes: readonly ClassCount[];
  /** As the files have them; per channel, of vectors per feature. */
  readonly values: Statistics;
  readonly warnings: readonly string[];
}

/** A set as `load.ts` gives it, labelled or not. */
export type Surveyed = ImageSet & {
  readonly classes?: number;
  readonly source?: string;
  readonly notes?: readonly string[];
};

export function surveyOf(set: Surveyed): Survey {
  const { rows, columns, channels, count, images } = set;
  const classes = classesOf(set);
  const values = statisticsOf(images, set);
  return {
    ...{ rows, columns, channels, images: count, elements: typeOf(images), classes, values },
    warnings: [
      ...(set.notes ?? []),
      ...labelWarnings(set, classes),
      ...imageWarnings(set, values),
      ...[scalingWarning(set, set.scaling, values)].filter((text) => text !== undefined),
    ],
  };
}

function typeOf(images: Elements): Survey['elements'] {
  const kind = kindOf(images);
  return kind === 'floats' || kind === 'doubles' ? 'numbers' : kind;
}

function classesOf({ labels, classes, classNames }: Surveyed): ClassCount[] {
  if (labels === undefined) return [];
  const known = Math.max(classes ?? 0, labels.reduce((a, b) => Math.max(a, b), 0) + 1);
  return countLabels(labels, known).map((images, i) => ({ class: i, name: classNames?.[i] ?? null, images }));
}

const SHOWN = 8;

function listed(parts: readonly string[]): string {
  const more = parts.length - SHOWN;
  return `${parts.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function labelWarnings({ labels, count }: Surveyed, classes: readonly ClassCount[]): string[] {
  if (labels === undefined) return [];
  const warnings: string[] = [];
  const empty = classes.filter(({ images }) => images === 0);
  const named = empty.map((each) => (each.name === null ? String(each.class) : `${each.class} (${each.name})`));
  if (classes.length === 1) warnings.push(`all ${count} images are of one class`);
  else if (empty.length === 1 && empty[0].class === 0 && empty[0].name === null)
    warnings.push('labels begin at 1: --first-label 1, or class 0 stays without an image');
  else if (empty.length > 0) warnings.push(`no image of class ${listed(named)}`);
  const names = classes.map(({ name }) => name);
  if (names.every((name) => name !== null && /^\d+$/.test(name)) && names.some((name, i) => Number(name) !== i))
    warnings.push(
      `classes are numbered by their names sorted as text: class ${names.findIndex((name, i) => Number(name) !== i)} is called ${names.find((name, i) => Number(name) !== i)}`,
    );
  if (count > classes.length && classes.length > 1 && labels.every((label, i) => i === 0 || labels[i - 1] <= label))
    warnings.push('images are sorted by class: --skip and --count would take whole classes');
  return warnings;
}

function imageWarnings(set: Surveyed, { least, most }: Statistics): string[] {
  const warnings: string[] = [];
  const { images, rows, columns, channels, count, source = set.name } = set;
  const size = imageSize(set);
  const isVector = rows === 1 && channels === 1;
  let [constant, first] = [0, -1];
  for (let image = 0; image < count && size > 1; image++) {
    const from = image * size;
    let i = 1;
    while (i < size && images[from + i] === images[from]) i++;
    if (i < size) continue;
    if (constant++ === 0) first = image;
  }
  if (constant > 0)
    warnings.push(`${constant} of ${count} images have one value everywhere, the first is image ${first}`);
  const still = least.flatMap((low, k) => (low === most[k] ? [String(k)] : []));
  if (isVector && still.length > 0 && still.length < columns && count > 1)
    warnings.push(`${still.length} of ${columns} features are the same in all rows: ${listed(still)}`);
  // Their names are all that tells: turned letters are letters to a program.
  if (/emnist/i.test(source) && rows === columns)
    warnings.push('EMNIST stores rows and columns swapped: look at the images; --transpose turns them');
  return warnings;
}

/** Larger than this, numbers are no share of 1. */
const SMALL = 1.5;
const LARGE = 16;

/** Values that were scaled before they were written, or that should be. @param values if they are measured already */
export function scalingWarning(set: ImageSet, scaling: Scaling, values?: Statistics): string | undefined {
  if (values === undefined && isUsual(set.images, scaling)) return undefined;
  const { least, most } = values ?? statisticsOf(set.images, set);
  const largest = [...least, ...most].reduce((a, x) => Math.max(a, Math.abs(x)), 0);
  const up = `values of ${set.name} go up to ${Number(largest.toPrecision(3))}`;
  if (scaling.divideBy >= 255 && largest <= SMALL && largest > 0)
    return `${up} and are divided by ${scaling.divideBy}: they look scaled already (--divide-by 1)`;
  const plain = scaling.mean.every((x) => x === 0) && scaling.std.every((x) => x === 1);
  if (plain && largest / scaling.divideBy > LARGE)
    return `${up} and are ${scalingInWords(scaling)}: networks train on values around 1 (--divide-by, --mean, --std)`;
  return undefined;
}

/** Nothing to warn of, told without a look at each: their type says that none is too large, and one that is no share of 1 is found soon. */
function isUsual(images: Elements, { divideBy }: Scaling): boolean {
  return mostOf(images) / divideBy <= LARGE && images.findIndex((value: number) => value > SMALL) >= 0;
}
