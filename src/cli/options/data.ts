/** What an owner says of its data: how files are read, how values are scaled, whether images are multiplied. */
import { readFileSync } from 'node:fs';
import type { Options } from 'yargs';
import * as z from 'zod';
import type { ImageShape } from '../../data/elements.ts';
import { MOST_CLASSES } from '../../data/labels.ts';
import { Problem } from '../../data/problem.ts';
import type { Augmentation, Reading, Statistic } from '../../data/reading.ts';
import { listTensors } from '../../data/safetensors.ts';
import { OF_BYTES, type Scaling, scalingSchema } from '../../data/scaling.ts';
import { integer, number, oneOf, optionalInteger, optionalText, real, text, type Argv } from './values.ts';

export const DATA = 'Data:';

/** Of whatever reads images. */
export const readingOptions: Readonly<Record<string, Options>> = {
  'label-column': {
    ...text,
    group: DATA,
    defaultDescription: 'label, class, target or y',
    describe: 'Of CSV: the column of the label: its name, first, last, or its number from 1 on',
  },
  'label-kind': { ...text, group: DATA, default: 'fine', describe: 'Of CIFAR-100: fine (100 classes) or coarse (20)' },
  'first-label': {
    ...number,
    group: DATA,
    default: 0,
    describe: "What the files call the first class (EMNIST's letters begin at 1)",
  },
  classes: {
    ...text,
    group: DATA,
    defaultDescription: 'as many as occur',
    describe: 'How many classes there are, or what they are called: cat,dog,bird',
  },
  shape: {
    ...text,
    group: DATA,
    defaultDescription: "the file's",
    describe: 'Of images that are lists of numbers: 28x28, or 32x32x3 (rows, columns, channels)',
  },
  channels: {
    ...text,
    group: DATA,
    defaultDescription: 'where there are 4 at most',
    describe: 'Where a file has the channels: first (N x 3 x 32 x 32, as PyTorch) or last',
  },
  transpose: { type: 'boolean', group: DATA, default: false, describe: 'Swap rows and columns, as EMNIST needs' },
  'divide-by': {
    ...number,
    group: DATA,
    defaultDescription: '255 for bytes, 65535 for 16 bits, 1 for numbers',
    describe: 'Divide every value by this',
  },
  mean: {
    ...text,
    group: DATA,
    defaultDescription: '0',
    describe: 'Then take this away: a number, one a channel with commas, or auto: as measured on the training images',
  },
  std: { ...text, group: DATA, defaultDescription: '1', describe: 'Then divide by this: the same, or auto' },
  scaling: {
    ...text,
    group: DATA,
    defaultDescription: 'none',
    describe: 'Scale as this says, in place of the three: a model file, or the --json of data show',
  },
};

/** Of whatever trains or gives data away. */
export const augmentOptions: Readonly<Record<string, Options>> = {
  augment: {
    ...text,
    group: DATA,
    defaultDescription: 'no',
    describe:
      'Add changed copies of the training images: flip (left and right), crop4 (moved by 4 pixels at most), or both',
  },
  copies: {
    ...number,
    group: DATA,
    defaultDescription: '2',
    describe: 'With --augment: each image so many times, once as it is: 2 to 64',
  },
  'augment-seed': { ...number, group: DATA, defaultDescription: '1', describe: 'Fixes what --augment draws' },
};

export const testShareOption: Readonly<Record<string, Options>> = {
  'test-share': {
    ...number,
    group: DATA,
    defaultDescription: 'none',
    describe: 'Of data without test images: so much of it becomes them, 0 to 0.9, the same in every run',
  },
};

export const dataOptions: Readonly<Record<string, Options>> = {
  ...readingOptions,
  ...testShareOption,
  ...augmentOptions,
};

/** Whatever of these a command has. */
export function readReading(argv: Argv): Reading {
  const file = optionalText(argv, 'scaling');
  const scaling = file === undefined ? undefined : readScaling(file);
  const own = { divideBy: readDivisor(argv), mean: readStatistic(argv, 'mean'), std: readStatistic(argv, 'std') };
  if (scaling !== undefined && Object.values(own).some((value) => value !== undefined)) {
    throw new Problem('--scaling: says what --divide-by, --mean and --std say', 'give one or the other');
  }
  const reading: Reading = {
    labelColumn: optionalText(argv, 'label-column'),
    labelKind: readLabelKind(argv),
    firstLabel: optionalInteger(argv, 'first-label', 0, MOST_CLASSES) || undefined,
    classes: readClasses(argv),
    shape: readShape(argv),
    channels: argv.channels === undefined ? undefined : oneOf<'first' | 'last'>(argv, 'channels', ['first', 'last']),
    transpose: argv.transpose === true ? true : undefined,
    testShare:
      argv['test-share'] === undefined
        ? undefined
        : real(argv, 'test-share', 'a number from 0 to 0.9', (x) => x >= 0 && x <= 0.9),
    ...(scaling ?? own),
    augment: readAugmentation(argv),
  };
  return Object.fromEntries(Object.entries(reading).filter(([, value]) => value !== undefined));
}

/** What is the default is left out, so that it need not be kept. */
function readLabelKind(argv: Argv): 'coarse' | undefined {
  if (argv['label-kind'] === undefined) return undefined;
  const kind = oneOf(argv, 'label-kind', ['fine', 'coarse']);
  return kind === 'coarse' ? kind : undefined;
}

function readDivisor(argv: Argv): number | undefined {
  if (argv['divide-by'] === undefined) return undefined;
  return real(argv, 'divide-by', 'a number above 0', (x) => x > 0);
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function readStatistic(argv: Argv, name: 'mean' | 'std'): Statistic | undefined {
  const written = optionalText(argv, name);
  if (written === undefined || written === 'auto') return written;
  const parts = written.split(',').map((part) => part.trim());
  const wrong = parts.find((part) => !NUMBER.test(part) || (name === 'std' && Number(part) <= 0));
  if (wrong !== undefined) {
    throw new Problem(
      `--${name}: expected ${name === 'std' ? 'numbers above 0' : 'numbers'} with commas, or auto; found "${wrong}"`,
      `give --${name} 0.5, say, or --${name} 0.49,0.48,0.45`,
    );
  }
  return parts.map(Number);
}

function readClasses(argv: Argv): Reading['classes'] {
  const written = optionalText(argv, 'classes');
  if (written === undefined) return undefined;
  const names = written.split(',').map((name) => name.trim());
  if (names.length === 1) return integer({ classes: written }, 'classes', 2, MOST_CLASSES, 0);
  const twice = names.find((name, i) => name === '' || names.indexOf(name) < i);
  if (twice === undefined && names.length <= MOST_CLASSES) return names;
  throw new Problem(
    twice === undefined
      ? `--classes: ${names.length} names: at most ${MOST_CLASSES}`
      : `--classes: "${twice}" is empty or named twice`,
    'give a number, or each name once, with commas',
  );
}

const LARGEST_SIDE = 4096;
const MOST_CHANNELS = 64;

function readShape(argv: Argv): ImageShape | undefined {
  const written = optionalText(argv, 'shape');
  if (written === undefined) return undefined;
  const extents = /^(\d+)[x,](\d+)(?:[x,](\d+))?$/
    .exec(written)
    ?.slice(1)
    .map((part) => Number(part ?? 1));
  const [rows, columns, channels] = extents ?? [0, 0, 0];
  const side = (x: number): boolean => x >= 1 && x <= LARGEST_SIDE;
  if (side(rows) && side(columns) && channels >= 1 && channels <= MOST_CHANNELS) return { rows, columns, channels };
  throw new Problem(
    `--shape: expected rows x columns, or with x channels (1 to ${MOST_CHANNELS}), found "${written}"`,
    'give --shape 28x28, say, or --shape 32x32x3',
  );
}

function readAugmentation(argv: Argv): Augmentation | undefined {
  const written = optionalText(argv, 'augment');
  if (written === undefined) {
    const idle = ['copies', 'augment-seed'].find((name) => argv[name] !== undefined);
    if (idle === undefined) return undefined;
    throw new Problem(`--${idle}: without --augment no image is copied`, `add --augment, or leave --${idle} out`);
  }
  const parts = written.split(',');
  const wrong = parts.find((part) => !/^(flip|crop[1-9]\d?)$/.test(part));
  if (wrong !== undefined)
    throw new Problem(`--augment: expected flip, crop4 or flip,crop4, found "${wrong}"`, 'give it so, or leave it out');
  return {
    flip: parts.includes('flip'),
    crop: Number(parts.find((part) => part.startsWith('crop'))?.slice(4) ?? 0),
    copies: integer(argv, 'copies', 2, 64, 2),
    seed: integer(argv, 'augment-seed', 0, Number.MAX_SAFE_INTEGER, 1),
  };
}

const reportSchema = z.union([z.object({ scaling: scalingSchema }).transform(({ scaling }) => scaling), scalingSchema]);

/** Of a model, or as `data show --json` wrote it. */
function readScaling(path: string): Scaling {
  try {
    const bytes = readFileSync(path);
    if (/^\s*\{/.test(bytes.toString('latin1', 0, 8))) return reportSchema.parse(JSON.parse(bytes.toString('utf8')));
    const written = listTensors(bytes, path).metadata.get('scaling');
    return written === undefined ? OF_BYTES : scalingSchema.parse(JSON.parse(written));
  } catch (error) {
    if (error instanceof Problem) throw error;
    const why =
      error instanceof z.ZodError || error instanceof SyntaxError ? 'it says no scaling' : (error as Error).message;
    throw new Problem(
      `--scaling: ${path}: ${why}`,
      'give a model file, or what `securenn data show DIR --json FILE` wrote',
      { cause: error },
    );
  }
}
