/**
 * What a format of data sets is to the rest of the program: whether files are of it, and what can be read of them. Readers give what the files
 * say; labels, scaling and the rest of what an owner chooses come after (`load.ts`).
 */
import { openSync, readdirSync, readSync, closeSync, statSync } from 'node:fs';
import type { Elements, ImageShape } from '../elements.ts';
import type { Reading } from '../reading.ts';

/** A file or a folder, looked at and not read. */
export interface Place {
  readonly path: string;
  /** What lies in a folder, sorted; undefined: it is a file. */
  readonly entries: readonly Entry[] | undefined;
  /** How a file begins. */
  readonly head: Uint8Array;
}

export interface Entry {
  readonly name: string;
  readonly isFolder: boolean;
}

export interface RawImages extends ImageShape {
  /** One image a row, channels innermost. */
  readonly images: Elements;
  readonly count: number;
  /** Where they came from, for messages that compare them with others. */
  readonly source: string;
  /** What the reader did with them that is worth knowing. */
  readonly notes?: readonly string[] | undefined;
}

/** As the files have them: class numbers, or names. */
export interface RawLabels {
  readonly values: ArrayLike<number> | readonly string[];
  readonly source: string;
  /** Of class 0, 1, …, where the files say. */
  readonly names?: readonly string[] | undefined;
  /** How many classes the format has, whatever occurs. */
  readonly classes?: number | undefined;
}

export interface RawSet extends RawImages {
  readonly labels: RawLabels;
}

/** What a network takes, for images without a shape of their own. */
export interface Wanted {
  readonly size: number;
  readonly channels: number;
  /** 16 bits a value, where an image file may have as many or fewer. */
  readonly deep: boolean;
}

/** What there is to read in a place; nothing has been read. What is named and lacks a file says so when it is read. */
export interface Parts {
  readonly train?: ((reading: Reading) => Promise<RawSet>) | undefined;
  readonly test?: ((reading: Reading) => Promise<RawSet>) | undefined;
  /** A set without halves. */
  readonly all?: ((reading: Reading) => Promise<RawSet>) | undefined;
  /** Test images whose labels are not there. */
  readonly testImages?: ((reading: Reading) => Promise<RawImages>) | undefined;
  /** Images to classify, with labels if the same file has them. */
  readonly images?: ((reading: Reading, wanted?: Wanted) => Promise<RawImages & Partial<RawSet>>) | undefined;
}

export interface Reader {
  readonly format: string;
  /** Which files, in a line. */
  readonly layout: string;
  /** Undefined: it is of another format. */
  find(place: Place): Parts | undefined | Promise<Parts | undefined>;
}

const HEAD_BYTES = 512;

export function lookAt(path: string): Place {
  if (statSync(path).isDirectory()) return { path, entries: entriesOf(path), head: new Uint8Array() };
  const file = openSync(path, 'r');
  try {
    const head = new Uint8Array(HEAD_BYTES);
    return { path, entries: undefined, head: head.subarray(0, readSync(file, head, 0, HEAD_BYTES, 0)) };
  } finally {
    closeSync(file);
  }
}

/** Sorted as text is, by code units: the same on every machine. */
export function entriesOf(folder: string): Entry[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .map((entry) => ({
      name: entry.name,
      isFolder: entry.isDirectory() || isFolderLink(entry.isSymbolicLink(), folder, entry.name),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isFolderLink(isLink: boolean, folder: string, name: string): boolean {
  return isLink && statSync(`${folder}/${name}`, { throwIfNoEntry: false })?.isDirectory() === true;
}
