/** `securenn data show DIR`: what was understood of files on this machine, before anything of them is shared. */
import { existsSync } from 'node:fs';
import type { Options } from 'yargs';
import { writeFileAtomically } from '../data/atomic-write.ts';
import { chosenImages, contactSheet, thumbnails } from '../data/contact-sheet.ts';
import { type Half, NAMED, openSource, readHalf, readTestImages, readUnlabelled, type Source } from '../data/load.ts';
import { sizeInWords } from '../data/elements.ts';
import { Problem } from '../data/problem.ts';
import type { Reading } from '../data/reading.ts';
import { listInWords, type Scaling, scalingInWords } from '../data/scaling.ts';
import { type Survey, type Surveyed, surveyOf } from '../data/survey.ts';
import { laySections } from './federated/member.ts';
import { widthOf, wrapParts } from './layout.ts';
import { readReading } from './options/data.ts';
import { optionalText, RESULTS, text, type Argv } from './options/values.ts';
import { checkWritable, say, writeReport } from './output.ts';

export const sheetOption: Options = {
  ...text,
  group: RESULTS,
  defaultDescription: 'none',
  describe: 'Of files here: draw some images of each class, FILE.png',
};

const ENDING = /(\.(gz|npz|npy|csv|tsv|png|jpe?g|bin)|[-.]idx\d-[a-z]+)$/i;

/** Whether a word means files on this machine, not a data set at the parties: it is written as a path, or there is no identity to ask them with. */
export function meansFiles(word: string, argv: Argv, environment: NodeJS.ProcessEnv = process.env): boolean {
  if (NAMED.includes(word) || /^(\.{1,2}([/\\]|$)|[/\\~]|[a-z]:[/\\])/i.test(word) || /[/\\]$/.test(word)) return true;
  if (ENDING.test(word)) return true;
  const anonymous = argv.identity === undefined && (environment.SECURENN_IDENTITY ?? '') === '';
  return anonymous && existsSync(word);
}

const IMAGES_OF_A_CLASS = 10;

interface Shown {
  readonly half: string;
  readonly set: Surveyed;
  readonly survey: Survey;
}

export async function showFiles(word: string, argv: Argv): Promise<void> {
  const json = optionalText(argv, 'json');
  const out = optionalText(argv, 'out');
  if (json !== undefined && json !== '-') await checkWritable('json', json);
  if (out !== undefined && !/\.png$/i.test(out))
    throw new Problem(`--out: expected FILE.png, found "${out}"`, 'end the name in .png');
  if (out !== undefined) await checkWritable('out', out);
  const reading = readReading(argv);
  const source = await openSource(word, 'data show');
  const shown = await readAll(source, reading);
  const [
    {
      set: first,
      survey: { classes, values },
    },
  ] = shown;
  const { scaling, classNames } = first;
  const line = (content: string): void => say(json, content);
  line(
    laySections([
      ['data', `${word}: ${source.format}`],
      ['scaled', scalingInWords(scaling)],
      ...shown.flatMap(({ half, survey }) => sectionsOf(half, survey, scaling)),
    ]),
  );
  const stream = json === '-' ? process.stderr : process.stdout;
  const width = Math.min(widthOf(stream), 120);
  const imagesOf = (each: number): number[][] => chosenImages(first, classes.length, each);
  for (const drawn of thumbnails(first, values, imagesOf(1).flat(), width)) line(drawn);
  const warnings = shown.flatMap(({ half, survey }) => survey.warnings.map((warning) => `${half}: ${warning}`));
  for (const warning of warnings) line(`! ${warning}`);
  if (out !== undefined) {
    await writeFileAtomically(out, await contactSheet(first, values, imagesOf(IMAGES_OF_A_CLASS)));
    line(`images drawn: ${out}`);
  }
  await writeReport(json, {
    ...{ command: 'data show', source: word, format: source.format, scaling },
    ...(classNames && { classNames }),
    halves: shown.map(({ half, survey }) => ({ half, ...survey })),
  });
}

/** Whatever there is: both halves, one, all, or images without labels. The scaling of the first is the one that counts. */
async function readAll(source: Source, reading: Reading): Promise<Shown[]> {
  const { parts } = source;
  const shown: Shown[] = [];
  let scaling: Scaling | undefined;
  let names: readonly string[] | undefined;
  const add = (half: string, set: Surveyed): void => {
    scaling ??= set.scaling;
    names ??= set.classNames;
    const scaled = { ...set, scaling };
    shown.push({ half, set: scaled, survey: surveyOf(scaled) });
  };
  const labelled = async (half: Half, name: string): Promise<void> => {
    // What was measured on the training images holds for the test.
    const rest = { ...reading, mean: undefined, std: undefined, ...(names && { classes: names }) };
    const as = shown.length === 0 ? reading : rest;
    add(name, await readHalf(source, half, as));
  };
  if (parts.train !== undefined) await labelled('train', 'training');
  if (parts.test !== undefined) await labelled('test', 'test');
  if (parts.testImages !== undefined) add('test', await readTestImages(source, reading));
  if (parts.all !== undefined && shown.length === 0) await labelled('train', 'all');
  if (shown.length === 0) add('images', await readUnlabelled(source, reading));
  return shown;
}

function sectionsOf(half: string, survey: Survey, { divideBy }: Scaling): (readonly [string, ...string[]])[] {
  const { images, rows, columns, channels, elements, classes, values } = survey;
  const isVector = rows === 1 && channels === 1;
  const divided = (numbers: readonly number[]): number[] => numbers.map((x) => x / divideBy);
  const size = isVector ? `${columns} features` : sizeInWords(survey);
  const counts = classes.map(
    ({ class: number, name, images: count }) => `${number}${name === null ? '' : ` ${name}`}: ${count}`,
  );
  const lines = counts.length === 0 ? ['no labels'] : wrapParts(counts, 90, ' · ');
  return [
    [half, `${images} ${isVector ? 'rows' : 'images'} of ${size}, ${elements}`],
    ['  classes', ...(counts.length === 0 ? lines : [`${classes.length}`, ...lines])],
    [
      '  values',
      `${range(values.least, values.most)}; ${divideBy === 1 ? '' : `divided by ${divideBy}: `}mean ${listInWords(divided(values.mean))}, deviation ${listInWords(divided(values.std))}`,
    ],
  ];
}

function range(least: readonly number[], most: readonly number[]): string {
  const [low, high] = [least.reduce((a, b) => Math.min(a, b)), most.reduce((a, b) => Math.max(a, b))];
  return `from ${Number(low.toPrecision(6))} to ${Number(high.toPrecision(6))}`;
}
