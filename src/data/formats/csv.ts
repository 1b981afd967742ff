/**
 * CSV: a row an image or a list of features, one column of it the label. With or without a line of names; with commas, semicolons or tabs.
 * The library splits lines into cells and nothing else: every cell is checked here before it is a number (findings/csv-numbers.sh).
 */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Problem } from '../problem.ts';
import type { Reading } from '../reading.ts';
import { imagesOfArray } from './array.ts';
import { begins } from '../magic.ts';
import type { Parts, RawImages, RawSet, Reader, Wanted } from './reader.ts';

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const LABEL_NAMES = ['label', 'labels', 'class', 'target', 'y', 'species', 'category'];
const NAMES_SHOWN = 8;

/** Rows of numbers, grown as they come. */
class Rows {
  #values: Float32Array | Float64Array = new Float32Array(1024);
  #length = 0;
  count = 0;

  push(cell: number): void {
    if (this.#length === this.#values.length) this.#grow(this.#values instanceof Float32Array, 2 * this.#length);
    this.#values[this.#length] = cell;
    // Floats hold what most files have; the first that they do not makes doubles of all.
    if (this.#values[this.#length] !== cell) {
      this.#grow(false, this.#values.length);
      this.#values[this.#length] = cell;
    }
    this.#length++;
  }

  get values(): Float32Array | Float64Array {
    return this.#values.subarray(0, this.#length);
  }

  #grow(floats: boolean, length: number): void {
    const grown = floats ? new Float32Array(length) : new Float64Array(length);
    grown.set(this.#values.subarray(0, this.#length));
    this.#values = grown;
  }
}

interface Table {
  readonly rows: Rows;
  readonly width: number;
  readonly labels: readonly string[] | undefined;
  readonly labelName: string;
  readonly names: readonly string[] | undefined;
}

/** Which cell of a row is the label; undefined: none. */
type ChooseLabel = (first: readonly string[], hasNames: boolean) => number | undefined;

function isNumber(cell: string): boolean {
  return NUMBER.test(cell);
}

/** By name or position as it was asked for; otherwise by a usual name. */
function labelColumn(reading: Reading, source: string): ChooseLabel {
  return (first, hasNames) => {
    const asked = reading.labelColumn;
    if (asked === undefined) {
      const usual = hasNames ? first.findIndex((name) => LABEL_NAMES.includes(name.toLowerCase())) : -1;
      if (usual >= 0) return usual;
      throw new Problem(
        `${source}: which of the ${first.length} columns is the label${hasNames ? ` (${shown(first)})` : ''}?`,
        'say it with --label-column: its name, first, last, or its number from 1 on',
      );
    }
    const byName = hasNames ? first.indexOf(asked) : -1;
    if (byName >= 0) return byName;
    const number = asked === 'first' ? 1 : asked === 'last' ? first.length : /^\d+$/.test(asked) ? Number(asked) : 0;
    if (number >= 1 && number <= first.length) return number - 1;
    const what = hasNames ? `its columns are ${shown(first)}` : `it has ${first.length} columns and no line of names`;
    throw new Problem(
      `${source}: --label-column: no column ${asked}: ${what}`,
      'give a name of its first line, first, last, or a number from 1 on',
    );
  };
}

function shown(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN;
  return `${names.slice(0, NAMES_SHOWN).join(', ')}${more > 0 ? `, … and ${more} more` : ''}`;
}

/** Whether the first line is one of names: it has a cell that is no number besides the label's. */
function isHeader(first: readonly string[], labelAt: string | undefined): boolean {
  const at = labelAt === 'first' ? 0 : labelAt === 'last' ? first.length - 1 : Number(labelAt ?? NaN) - 1;
  return first.some((cell, i) => i !== at && !isNumber(cell));
}

/** Goes through a file's rows but blank ones, until `take` says that it has enough. */
async function eachRow(
  source: string,
  take: (cells: readonly string[], line: number) => 'enough' | undefined,
): Promise<void> {
  const { default: papaparse } = await import('papaparse');
  let line = 0;
  await new Promise<void>((resolve, reject) => {
    const stream = Readable.from(textOf(source));
    // What stops the library makes it say that it is done.
    let failure: Error | undefined;
    papaparse.parse<string[]>(stream, {
      step: ({ data, errors }, parser) => {
        const stop = (): void => {
          parser.abort();
          stream.destroy();
        };
        try {
          line++;
          const wrong = errors.find(({ type }) => type === 'Quotes');
          if (wrong !== undefined)
            throw new Problem(`${source}: row ${line}: ${wrong.message}`, 'close the quotation marks of that row');
          if (data.length === 1 && data[0].trim() === '') return;
          const cells = data.map((cell) => cell.trim());
          if (take(cells, line) === 'enough') stop();
        } catch (error) {
          failure = error as Error;
          stop();
        }
      },
      complete: () => {
        if (failure === undefined) resolve();
        else reject(failure);
      },
      error: (error: Error) =>
        reject(
          error instanceof Problem
            ? error
            : new Problem(`${source}: cannot be read: ${error.message}`, 'check that the file is whole and readable', {
                cause: error,
              }),
        ),
    });
  });
}

async function readTable(source: string, reading: Reading, choose: ChooseLabel): Promise<Table> {
  const rows = new Rows();
  const labels: string[] = [];
  let names: readonly string[] | undefined;
  let label: number | undefined;
  let width = 0;

  await eachRow(source, (cells, line) => {
    if (width === 0) {
      width = cells.length;
      const hasNames = isHeader(cells, reading.labelColumn);
      label = choose(cells, hasNames);
      if (hasNames) {
        names = cells;
        return undefined;
      }
    }
    if (cells.length !== width) {
      throw new Problem(
        `${source}: row ${line}: ${cells.length} cells, those before have ${width}`,
        'give every row as many cells as the first',
      );
    }
    for (let i = 0; i < width; i++) {
      if (i === label) {
        labels.push(cells[i]);
        continue;
      }
      if (!isNumber(cells[i])) throw notNumber(source, line, i, cells[i], names);
      rows.push(Number(cells[i]));
    }
    rows.count++;
    return undefined;
  });
  if (rows.count === 0) throw new Problem(`${source}: no row of numbers`, 'give a row for each image');
  const features = width - (label === undefined ? 0 : 1);
  if (features === 0) throw new Problem(`${source}: a single column`, 'give a row for each image, and its label');
  return {
    ...{ rows, width: features, names: names?.filter((_, i) => i !== label) },
    labels: label === undefined ? undefined : labels,
    labelName: label === undefined ? '' : (names?.[label] ?? `column ${label + 1}`),
  };
}

function notNumber(
  source: string,
  line: number,
  at: number,
  cell: string,
  names: readonly string[] | undefined,
): Problem {
  const column = names?.[at] ?? `column ${at + 1}`;
  const what = cell === '' ? 'an empty cell' : /^[+-]?(nan|inf(inity)?)$/i.test(cell) ? cell : `"${cell.slice(0, 20)}"`;
  const fix = /^\d+,\d+$/.test(cell)
    ? 'write numbers with a point: 0.5'
    : 'fill it or leave the row out; a column of words is not read, unless it is the label (--label-column)';
  return new Problem(`${source}: row ${line}, ${column}: ${what} is no number`, fix);
}

/** Unpacked, without a byte order mark. */
async function* textOf(source: string): AsyncGenerator<string, void> {
  const file = createReadStream(source);
  const unpacked = createGunzip();
  if (source.endsWith('.gz')) pipeline(file, unpacked, () => undefined);
  // Of other encodings, different labels would become the same.
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decoded = (chunk?: Uint8Array): string => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (error) {
      throw new Problem(`${source}: its text is not UTF-8`, 'save it as CSV in UTF-8', { cause: error });
    }
  };
  for await (const chunk of source.endsWith('.gz') ? unpacked : file) yield decoded(chunk as Uint8Array);
  yield decoded();
}

async function readSet(source: string, reading: Reading): Promise<RawSet> {
  const table = await readTable(source, reading, labelColumn(reading, source));
  const images = imagesOf(table, source, reading);
  return { ...images, labels: labelsOf(table, source) };
}

/** Of a test beside its training file: features are told apart by their places, so both must have them in one order. */
async function readTest(source: string, train: string, reading: Reading): Promise<RawSet> {
  const table = await readTable(source, reading, labelColumn(reading, source));
  const names = table.names && (await featureNames(train, reading));
  const at = names?.length === table.width ? names.findIndex((name, i) => name !== table.names![i]) : -1;
  if (at >= 0) {
    throw new Problem(
      `${source}: feature ${at + 1} is ${table.names![at]}, that of ${train} is ${names![at]}`,
      'put the columns of both files into one order',
    );
  }
  return { ...imagesOf(table, source, reading), labels: labelsOf(table, source) };
}

/** The names in a file's first line, but the label's. */
async function featureNames(source: string, reading: Reading): Promise<string[] | undefined> {
  let names: string[] | undefined;
  await eachRow(source, (cells) => {
    if (isHeader(cells, reading.labelColumn)) {
      const label = labelColumn(reading, source)(cells, true);
      names = cells.filter((_, i) => i !== label);
    }
    return 'enough';
  });
  return names;
}

function imagesOf({ rows, width }: Table, source: string, reading: Reading): RawImages {
  return imagesOfArray({ dimensions: [rows.count, width], values: rows.values }, source, reading);
}

/** Numbers where all are. */
function labelsOf({ labels, labelName }: Table, source: string): RawSet['labels'] {
  const values = labels!.every(isNumber) ? labels!.map(Number) : labels!;
  const empty = labels!.indexOf('');
  if (empty >= 0) throw new Problem(`${source}: image ${empty}: its label is empty`, 'fill it or leave the row out');
  return { values, source: `${source}, ${labelName}` };
}

/** Rows to classify: as many cells as the network takes, or one more, which is the label. */
async function readImages(source: string, reading: Reading, wanted?: Wanted): Promise<RawImages & Partial<RawSet>> {
  const table = await readTable(source, reading, (first, hasNames) => {
    if (reading.labelColumn === undefined && first.length - 1 !== wanted?.size) return undefined;
    return labelColumn(reading, source)(first, hasNames);
  });
  const images = imagesOf(table, source, reading);
  return table.labels === undefined ? images : { ...images, labels: labelsOf(table, source) };
}

const ENDING = /\.(csv|tsv)(\.gz)?$/i;
const HALVES = { train: ['train', 'training'], test: ['test', 't10k'] } as const;

export const CSV: Reader = {
  format: 'CSV',
  layout: 'train.csv and test.csv, or FILE.csv: a row an image, one column its label (--label-column)',
  find({ path, entries, head }): Parts | undefined {
    if (entries === undefined) {
      if (!ENDING.test(path) || begins(head, [0x50, 0x4b])) return undefined;
      return {
        all: (reading) => readSet(path, reading),
        images: (reading, wanted) => readImages(path, reading, wanted),
      };
    }
    const files = entries.filter(({ name, isFolder }) => !isFolder && ENDING.test(name)).map(({ name }) => name);
    const part = (half: 'train' | 'test'): string | undefined => {
      const pattern = new RegExp(`(^|[-_.])(${HALVES[half].join('|')})([-_.]|$)`, 'i');
      const found = files.filter((name) => pattern.test(name.replace(ENDING, '')));
      return found.length === 1 ? join(path, found[0]) : undefined;
    };
    const [train, test] = [part('train'), part('test')];
    if (train !== undefined || test !== undefined) {
      return {
        train: train === undefined ? undefined : (reading) => readSet(train, reading),
        test:
          test === undefined
            ? undefined
            : (reading) => (train === undefined ? readSet(test, reading) : readTest(test, train, reading)),
      };
    }
    if (files.length !== 1) return undefined;
    return { all: (reading) => readSet(join(path, files[0]), reading) };
  },
};
