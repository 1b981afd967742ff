/** What is said of a folder in which no data set is found: what lies there, what is read, and what to do. */
import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { formatOf } from './format.ts';
import type { Place } from './formats/reader.ts';
import { READERS } from './formats/table.ts';
import { Problem } from './problem.ts';

const CONVERT = 'write your images as NPY, CSV, PNG or IDX files: docs/data.md has an example of each';
const CIFAR_BINARY = 'fetch the binary version from https://www.cs.toronto.edu/~kriz/cifar.html and unpack it';

/** All layouts that are read, a line. */
function readWhat(): string {
  return `what is read (docs/data.md): ${READERS.map(({ format, layout }) => `${format} (${layout})`).join('; ')}`;
}

interface Kind {
  readonly what: string;
  /** All of these are there. */
  readonly names: readonly RegExp[];
  readonly fix: string;
}

/** What people are likely to have, most telling first. */
const KINDS: readonly Kind[] = [
  { what: "CIFAR-10's Python version", names: [/^data_batch_\d$/], fix: `it is not read: ${CIFAR_BINARY}` },
  {
    what: "CIFAR-100's Python version",
    names: [/^train$/, /^test$/, /^meta$/],
    fix: `it is not read: ${CIFAR_BINARY}`,
  },
  {
    what: 'an archive',
    names: [/\.(zip|tar|tgz|tar\.gz|tar\.bz2|7z)$/i],
    fix: 'unpack it and give the folder with the files in it',
  },
];
const FILES_SHOWN = 3;

/** The place is of no format that is read. */
export function noDataset(folder: string, { entries, head }: Place): Problem {
  if (entries === undefined) {
    const found = formatOf(head);
    return new Problem(
      `${folder}: no data set in a format that is read${found === undefined ? '' : `: it is ${found}`}`,
      readWhat(),
    );
  }
  const names = entries.map(({ name }) => name);
  const what = (text: string): string => `data folder ${folder}: no data set in a format that is read: found ${text}`;
  if (names.length === 0) return new Problem(what('an empty folder'), readWhat());
  const kind = KINDS.find((candidate) => candidate.names.every((pattern) => names.some((name) => pattern.test(name))));
  if (kind !== undefined) return new Problem(what(kind.what), kind.fix);
  // Downloads unpack into a folder of their own; torchvision keeps MNIST in MNIST/raw.
  const inner = entries.filter(({ isFolder }) => isFolder).map(({ name }) => name);
  const nested = inner.flatMap((name) => [join(folder, name), join(folder, name, 'raw')]).find(looksRight);
  if (nested !== undefined) return new Problem(what(`only the folder ${nested}, which has one`), 'give that one');
  return new Problem(what(inWords(names, inner)), `${readWhat()}; or ${CONVERT}`);
}

function looksRight(folder: string): boolean {
  try {
    return readdirSync(folder).some(
      (name) => /^(data_batch_\d|train)\.bin$/.test(name) || /train-images[-.]idx3/.test(name) || /\.npz$/.test(name),
    );
  } catch {
    return false;
  }
}

/** `2 folders (0, 1) and 12 files .png (0.png, 1.png, 2.png, …)`. */
function inWords(names: readonly string[], folders: readonly string[]): string {
  const listed = (of: readonly string[]): string =>
    `(${of.slice(0, FILES_SHOWN).join(', ')}${of.length > FILES_SHOWN ? ', …' : ''})`;
  const files = names.filter((name) => !folders.includes(name));
  const endings = new Map<string, string[]>();
  for (const name of files) {
    const ending = extname(name).toLowerCase();
    endings.set(ending, [...(endings.get(ending) ?? []), name]);
  }
  const groups = [...endings].sort((a, b) => b[1].length - a[1].length).slice(0, FILES_SHOWN);
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
  const texts = groups.map(
    ([ending, group]) => `${count(group.length, `${ending === '' ? '' : `${ending} `}file`)} ${listed(group)}`,
  );
  if (folders.length > 0) texts.unshift(`${count(folders.length, 'folder')} ${listed(folders)}`);
  return texts.join(' and ');
}
