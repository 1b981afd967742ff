/**
 * Folders of PNG and JPEG images, one folder a class: `train/CLASS/*.png` and `test/CLASS/*.png` (or `val`), or `CLASS/*.png` without halves. Classes
 * are numbered in the order of their names, sorted as text, as torchvision's ImageFolder does. Also an image alone, or a folder of images.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../problem.ts';
import { decodeAll, joinPixels, type Pixels } from '../pixels.ts';
import { begins, JPEG_MAGIC, PNG_MAGIC } from '../magic.ts';
import { entriesOf, type Entry, type Parts, type RawImages, type RawSet, type Reader, type Wanted } from './reader.ts';

const ENDING = /\.(png|jpe?g)$/i;
const TRAIN = ['train', 'training'];
const TEST = ['test', 'val', 'valid', 'validation'];

function isImage({ name, isFolder }: Entry): boolean {
  return !isFolder && ENDING.test(name);
}

/** The classes of a folder, where each of its folders holds images. */
function classesOf(folder: string, entries: readonly Entry[]): string[] | undefined {
  const folders = entries.filter(({ isFolder }) => isFolder).map(({ name }) => name);
  if (folders.length === 0 || entries.some(isImage)) return undefined;
  // A class may be empty in one half.
  return folders.some((name) => entriesOf(join(folder, name)).some(isImage)) ? folders : undefined;
}

export async function decodeImage(path: string): Promise<Pixels> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new Problem(`${path}: cannot be read: ${(error as Error).message}`, 'check that the file is readable', {
      cause: error,
    });
  }
  return decodeBytes(bytes, path);
}

/** Whatever its name says. */
export async function decodeBytes(bytes: Uint8Array, source: string): Promise<Pixels> {
  // Loaded for those who have such a file: every command would wait for it.
  if (begins(bytes, PNG_MAGIC)) return (await import('../png-file.ts')).decodePng(bytes, source);
  if (begins(bytes, JPEG_MAGIC)) return (await import('../jpeg-file.ts')).decodeJpeg(bytes, source);
  throw new Problem(`${source}: neither a PNG nor a JPEG image`, 'save it again as PNG, or take it out of the folder');
}

async function readAll(paths: readonly string[], folder: string, wanted?: Wanted): Promise<RawImages> {
  const all = await decodeAll(paths.length, (i) => decodeImage(paths[i]));
  const { rows, columns, channels, values: images, mixed } = joinPixels(all, paths, wanted);
  const notes = mixed ? ['grey images among coloured ones: their channels are made equal'] : undefined;
  return { images, count: all.length, rows, columns, channels, source: folder, notes };
}

async function readClasses(folder: string, classes: readonly string[]): Promise<RawSet> {
  const files = classes.flatMap((name) => {
    const inside = tryEntries(join(folder, name));
    const odd = inside.find((entry) => !isImage(entry));
    if (odd !== undefined)
      throw new Problem(`${join(folder, name, odd.name)}: neither a PNG nor a JPEG image`, 'take it out of the folder');
    return inside.map((entry) => ({ path: join(folder, name, entry.name), name }));
  });
  if (files.length === 0) throw new Problem(`${folder}: no image in it`, 'put PNG or JPEG images in its folders');
  const images = await readAll(
    files.map(({ path }) => path),
    folder,
  );
  const values = files.map(({ name }) => name);
  return { ...images, labels: { values, source: folder, names: classes, classes: classes.length } };
}

/** A class that one half does not have is no error. */
function tryEntries(folder: string): Entry[] {
  try {
    return entriesOf(folder);
  } catch {
    return [];
  }
}

function half(entries: readonly Entry[], names: readonly string[]): string | undefined {
  return names
    .map((name) => entries.find((entry) => entry.isFolder && entry.name.toLowerCase() === name)?.name)
    .find((name) => name !== undefined);
}

export const IMAGE_FOLDERS: Reader = {
  format: 'images by class',
  layout: 'train/CLASS/*.png and test/CLASS/*.png (or .jpg), or CLASS/*.png',
  find({ path, entries, head }): Parts | undefined {
    if (entries === undefined) {
      if (!begins(head, PNG_MAGIC) && !begins(head, JPEG_MAGIC)) return undefined;
      return { images: (_, wanted) => readAll([path], path, wanted) };
    }
    const files = entries.filter(isImage).map(({ name }) => join(path, name));
    if (files.length > 0) return { images: (_, wanted) => readAll(files, path, wanted) };
    const [train, test] = [half(entries, TRAIN), half(entries, TEST)];
    if (train === undefined && test === undefined) {
      const classes = classesOf(path, entries);
      return classes && { all: () => readClasses(path, classes) };
    }
    const folders = [train, test].flatMap((name) => (name === undefined ? [] : [join(path, name)]));
    const classes = folders.map((folder) => classesOf(folder, entriesOf(folder)));
    if (classes.every((found) => found === undefined)) return undefined;
    const names = [...new Set(classes.flatMap((found) => found ?? []))].sort();
    return {
      train: train === undefined ? undefined : () => readClasses(join(path, train), names),
      test: test === undefined ? undefined : () => readClasses(join(path, test), names),
    };
  },
};
