/**
 * NPZ archives and folders of NPY files: `x_train`, `y_train`, `x_test`, `y_test` as Keras calls them, or `train_images`, `train_labels`, … as
 * MedMNIST; without halves `x` and `y`, or `images` and `labels`. `.npy` files of a folder have the same names.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { ZipFile } from 'yauzl';
import { Problem } from '../problem.ts';
import type { Reading } from '../reading.ts';
import { imagesOfArray, labelsOfArray } from './array.ts';
import { MAXIMUM_UNPACKED_BYTES, readBytes } from './bytes.ts';
import { NPY_MAGIC, type NpyArray, parseNpy } from './npy.ts';
import { begins } from '../magic.ts';
import type { Parts, RawImages, RawLabels, Reader } from './reader.ts';

const IMAGES = ['x', 'images', 'data'];
const LABELS = ['y', 'labels', 'label', 'target', 'targets'];
const HALVES = { train: ['train'], test: ['test', 't10k'] } as const;
const ZIP_MAGIC = [0x50, 0x4b, 0x03, 0x04] as const;

/** `X_train`, `train-x`, `train_images`: whatever joins them, in either order. */
function spellings(words: readonly string[], half: readonly string[]): string[] {
  return words.flatMap((word) =>
    half.length === 0 ? [word] : half.flatMap((part) => [`${word}_${part}`, `${part}_${word}`]),
  );
}

function pick(names: readonly string[], words: readonly string[], half: readonly string[]): string | undefined {
  const wanted = spellings(words, half);
  const plain = (name: string): string => name.toLowerCase().replace(/[-.\s]/g, '_');
  return names.find((name) => wanted.includes(plain(name)));
}

type Fetch = (name: string) => Promise<{ readonly bytes: Uint8Array; readonly source: string }>;

async function images(name: string, fetch: Fetch, reading: Reading): Promise<RawImages> {
  const { bytes, source } = await fetch(name);
  const array = numbers(parseNpy(bytes, source), source);
  return imagesOfArray(array, source, reading);
}

/** Labels as an NPY file holds them. */
export function npyLabels(bytes: Uint8Array, source: string): RawLabels {
  const array = parseNpy(bytes, source);
  if (!('texts' in array)) return labelsOfArray(array, source);
  if (array.dimensions.length !== 1)
    throw new Problem(`${source}: labels of ${array.dimensions.join(' x ')} texts`, 'give one label for each image');
  return { values: array.texts, source };
}

async function labels(name: string, fetch: Fetch): Promise<RawLabels> {
  const { bytes, source } = await fetch(name);
  return npyLabels(bytes, source);
}

function numbers(array: NpyArray, source: string): Exclude<NpyArray, { texts: unknown }> {
  if ('texts' in array) throw new Problem(`${source}: texts in place of images`, 'give an array of numbers');
  return array;
}

/** What arrays of these names are. */
function partsOf(names: readonly string[], fetch: Fetch): Parts {
  const pair = (half: readonly string[]): Parts['train'] => {
    const [x, y] = [pick(names, IMAGES, half), pick(names, LABELS, half)];
    if (x === undefined || y === undefined) return undefined;
    return async (reading) => ({ ...(await images(x, fetch, reading)), labels: await labels(y, fetch) });
  };
  const [train, test] = [pair(HALVES.train), pair(HALVES.test)];
  const alone = pick(names, IMAGES, HALVES.test);
  return {
    train,
    test,
    all: train === undefined && test === undefined ? pair([]) : undefined,
    testImages: alone === undefined || test !== undefined ? undefined : (reading) => images(alone, fetch, reading),
  };
}

async function openZip(path: string): Promise<ZipFile> {
  // Loaded for those who have such a file.
  const { default: yauzl } = await import('yauzl');
  const bytes = Buffer.from(await readBytes(path));
  return yauzl.fromBufferPromise(bytes, { lazyEntries: true, autoClose: false }).catch((error: unknown) => {
    throw new Problem(`${path}: not readable as NPZ: ${(error as Error).message}`, 'copy it again', { cause: error });
  });
}

/** The arrays of an archive, each unpacked when it is asked for. */
async function entriesOfZip(path: string): Promise<Map<string, () => Promise<Uint8Array>>> {
  const zip = await openZip(path);
  const found = new Map<string, () => Promise<Uint8Array>>();
  try {
    for await (const entry of zip.eachEntry()) {
      if (!entry.fileName.endsWith('.npy')) continue;
      const source = `${path}: ${entry.fileName}`;
      found.set(entry.fileName.slice(0, -4), async () => {
        if (entry.uncompressedSize > MAXIMUM_UNPACKED_BYTES)
          throw new Problem(`${source}: unpacks to ${entry.uncompressedSize} bytes`, 'save it in parts');
        const pieces: Buffer[] = [];
        for await (const piece of await zip.openReadStreamPromise(entry)) pieces.push(piece as Buffer);
        const bytes = Buffer.concat(pieces);
        // The library leaves that to us.
        if (crc32(bytes) !== entry.crc32) throw new Error('its checksum is wrong');
        return bytes;
      });
    }
  } catch (error) {
    throw new Problem(`${path}: not readable as NPZ: ${(error as Error).message}`, 'copy it again', { cause: error });
  }
  return found;
}

async function zipParts(path: string): Promise<Parts> {
  const found = await entriesOfZip(path);
  const names = [...found.keys()];
  const parts = partsOf(names, async (name) => {
    const source = `${path}: ${name}.npy`;
    const bytes = await found.get(name)!().catch((error: unknown) => {
      if (error instanceof Problem) throw error;
      throw new Problem(`${source}: cannot be unpacked: ${(error as Error).message}`, 'copy it again', {
        cause: error,
      });
    });
    return { bytes, source };
  });
  if (Object.values(parts).some((part) => part !== undefined)) return parts;
  throw new Problem(
    `${path}: no images with labels: it holds ${names.join(', ') || 'no array'}`,
    'call the arrays x_train, y_train, x_test, y_test; or x and y in a set without halves',
  );
}

export const NPZ: Reader = {
  format: 'NPZ',
  layout: 'FILE.npz with x_train, y_train, x_test, y_test (or train_images, train_labels, …; or x and y)',
  async find({ path, entries, head }) {
    if (entries !== undefined) {
      const archives = entries.filter(({ name }) => name.endsWith('.npz'));
      return archives.length === 1 ? zipParts(join(path, archives[0].name)) : undefined;
    }
    return path.endsWith('.npz') && begins(head, ZIP_MAGIC) ? zipParts(path) : undefined;
  },
};

export const NPY: Reader = {
  format: 'NPY',
  layout: 'x_train.npy, y_train.npy, x_test.npy, y_test.npy (or train_images.npy, …; or x.npy and y.npy)',
  find({ path, entries, head }) {
    if (entries === undefined) {
      if (!begins(head, NPY_MAGIC)) return undefined;
      const fetch: Fetch = async () => ({ bytes: await readBytes(path), source: path });
      return { images: (reading) => images(path, fetch, reading) };
    }
    const names = entries.filter(({ name }) => name.endsWith('.npy')).map(({ name }) => name.slice(0, -4));
    const fetch: Fetch = async (name) => {
      const source = join(path, `${name}.npy`);
      return { bytes: await readBytes(source), source };
    };
    const parts = partsOf(names, fetch);
    return Object.values(parts).some((part) => part !== undefined) ? parts : undefined;
  },
};
