/**
 * IDX files as MNIST, Fashion-MNIST, EMNIST and QMNIST have them: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, the same with `t10k`
 * (or `test`) in front; a pair without either is a set of its own. Before that the name may have others (`emnist-letters-`), after it any number
 * of dimensions and element type, and `.gz`.
 */
import { join } from 'node:path';
import { Problem } from '../problem.ts';
import { imagesOfArray, labelsOfArray } from './array.ts';
import { readBytes } from './bytes.ts';
import { parseIdx } from './idx.ts';
import { begins } from '../magic.ts';
import type { Entry, Parts, RawImages, RawLabels, Reader } from './reader.ts';
import type { Reading } from '../reading.ts';

const NAME = /^(?<before>.*[-_.])?(?<what>images|labels)[-.]idx\d(-[a-z]+)?(\.gz)?$/;
const HALF = /(?:^|[-_.])(train|t10k|test)[-_.]$/;
const HALVES = { train: ['train'], test: ['t10k', 'test'], all: [''] } as const;
type Part = keyof typeof HALVES;
type What = 'images' | 'labels';

interface Named extends Entry {
  readonly set: string;
  readonly half: string;
  readonly what: string;
}

function named(entries: readonly Entry[]): Named[] {
  return entries.flatMap((entry) => {
    const groups = NAME.exec(entry.name)?.groups;
    if (groups === undefined || entry.isFolder) return [];
    const { before = '', what } = groups;
    const half = HALF.exec(before);
    return [{ ...entry, what, half: half?.[1] ?? '', set: half === null ? before : before.slice(0, half.index) }];
  });
}

/** As messages name it. */
function usual(part: Part, what: What): string {
  return `${{ train: 'train-', test: 't10k-', all: '' }[part]}${what}-idx${what === 'images' ? 3 : 1}-ubyte`;
}

/** Of several spellings the plainest; of several sets none. */
function choose(folder: string, files: readonly Named[], part: Part, what: What): string | undefined {
  const found = files.filter((file) => file.what === what && (HALVES[part] as readonly string[]).includes(file.half));
  const own = found.filter(({ set }) => set === '');
  const candidates = own.length > 0 ? own : found;
  if (new Set(candidates.map(({ set }) => set)).size > 1) {
    throw new Problem(
      `${folder}: ${what} of several sets: ${candidates.map(({ name }) => name).join(', ')}`,
      'put the files of the one that is meant in a folder of its own',
    );
  }
  const [first] = [...candidates].sort((a, b) => a.name.length - b.name.length || (a.name < b.name ? -1 : 1));
  return first && join(folder, first.name);
}

function need(folder: string, files: readonly Named[], part: Part, what: What): string {
  const found = choose(folder, files, part, what);
  if (found !== undefined) return found;
  const name = usual(part, what);
  const others = [`${name}.gz`, name.replace('-idx', '.idx'), `${name.replace('-idx', '.idx')}.gz`];
  throw new Problem(`${join(folder, name)}: no such file`, `put it there, also as ${others.join(' or ')}`);
}

/** Images as an IDX file holds them. */
export function idxImages(bytes: Uint8Array, source: string, reading: Reading): RawImages {
  return imagesOfArray(parseIdx(bytes, source), source, reading);
}

async function readIdxImages(source: string, reading: Reading): Promise<RawImages> {
  return idxImages(await readBytes(source), source, reading);
}

/** Labels as an IDX file holds them. */
export function idxLabels(bytes: Uint8Array, source: string): RawLabels {
  return labelsOfArray(parseIdx(bytes, source), source);
}

/** Of images or labels. */
export function isIdx(head: Uint8Array): boolean {
  return begins(head, [0, 0]) && [8, 9, 0x0b, 0x0c, 0x0d, 0x0e].includes(head[2]) && head[3] > 0 && head[3] <= 4;
}

export const IDX: Reader = {
  format: 'IDX',
  layout: 'train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, also .gz',
  find({ path, entries, head }) {
    if (entries === undefined) {
      if (!isIdx(head)) return undefined;
      return { images: (reading) => readIdxImages(path, reading) };
    }
    const files = named(entries);
    if (files.length === 0) return undefined;
    const part = (half: Part): Parts['train'] => {
      return async (reading) => {
        // Both are looked for first: a missing file is reported before a large one is read.
        const [source, labelSource] = [need(path, files, half, 'images'), need(path, files, half, 'labels')];
        return {
          ...(await readIdxImages(source, reading)),
          labels: idxLabels(await readBytes(labelSource), labelSource),
        };
      };
    };
    if (files.every(({ half }) => half === '')) return { all: part('all') };
    const labelled = files.some(({ half, what }) => HALVES.test.some((name) => name === half) && what === 'labels');
    return {
      train: part('train'),
      test: part('test'),
      ...(labelled
        ? {}
        : { testImages: (reading: Reading) => readIdxImages(need(path, files, 'test', 'images'), reading) }),
    };
  },
};
