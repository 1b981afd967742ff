/** What is said of a folder in which no data set is found: what lies there, what is read, and what to do. */
import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Problem } from './problem.ts';

const READ =
  'what is read: four IDX files (train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, ' +
  'each also with .gz), or the binary version of CIFAR-10 (data_batch_1.bin …, test_batch.bin)';
const CONVERT = 'write your images as IDX files with the ten lines of Python in docs/data.md';
const CIFAR_BINARY = 'fetch cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html and unpack it';

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
    what: 'CIFAR-100 (binary version)',
    names: [/^train\.bin$/, /^test\.bin$/],
    fix: `CIFAR-100 is not read: use CIFAR-10, or ${CONVERT}`,
  },
  {
    what: 'CIFAR-100 (Python version)',
    names: [/^train$/, /^test$/, /^meta$/],
    fix: `CIFAR-100 is not read: use CIFAR-10, or ${CONVERT}`,
  },
  {
    what: 'IDX files under other names',
    names: [/idx[13]-ubyte(\.gz)?$/],
    fix: 'give them the four names: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte',
  },
  {
    what: 'an archive',
    names: [/\.(zip|tar|tgz|tar\.gz|tar\.bz2|7z)$/i],
    fix: 'unpack it and give the folder with the files in it',
  },
];
const FILES_SHOWN = 3;

/** The folder holds none of the files that are looked for. */
export function noDataset(folder: string): Problem {
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
  const names = entries.map(({ name }) => name).sort();
  const what = (text: string): string => `data folder ${folder}: no data set in a format that is read: found ${text}`;
  if (names.length === 0) return new Problem(what('an empty folder'), READ);
  const kind = KINDS.find((candidate) => candidate.names.every((pattern) => names.some((name) => pattern.test(name))));
  if (kind !== undefined) return new Problem(what(kind.what), kind.fix);
  // Downloads unpack into a folder of their own; torchvision keeps MNIST in MNIST/raw.
  const inner = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const nested = inner.flatMap((name) => [join(folder, name), join(folder, name, 'raw')]).find(looksRight);
  if (nested !== undefined) return new Problem(what(`only the folder ${nested}, which has one`), `give it to --data`);
  return new Problem(what(inWords(names, inner)), `${READ}; or ${CONVERT}`);
}

function looksRight(folder: string): boolean {
  try {
    return readdirSync(folder).some((name) => /^data_batch_\d\.bin$/.test(name) || /^train-images[-.]idx3/.test(name));
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
