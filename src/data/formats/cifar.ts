/**
 * CIFAR in its binary versions (cs.toronto.edu/~kriz/cifar.html): CIFAR-10 is `data_batch_1.bin` … `data_batch_5.bin` (as many as there are) and
 * `test_batch.bin`, records of one label byte and 3072 pixels, 1024 for each of red, green and blue; CIFAR-100 `train.bin` and `test.bin`, with two label
 * bytes, coarse and fine. Read channels-last. Names of classes come from the text files beside them.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Problem } from '../problem.ts';
import type { Reading } from '../reading.ts';
import { channelsLast } from './array.ts';
import { readBytes } from './bytes.ts';
import type { Parts, RawSet, Reader } from './reader.ts';

export const SIDE = 32;
export const CHANNELS = 3;
const PIXELS = SIDE * SIDE;
const SHAPE = { rows: SIDE, columns: SIDE, channels: CHANNELS } as const;
const TRAINING_FILES = 5;

interface Version {
  readonly name: string;
  readonly labelBytes: number;
  /** Which of them is the label. */
  readonly at: number;
  readonly classes: number;
  readonly namesFile: string;
}

const CIFAR_10: Version = { name: 'CIFAR-10', labelBytes: 1, at: 0, classes: 10, namesFile: 'batches.meta.txt' };
const FINE: Version = { name: 'CIFAR-100', labelBytes: 2, at: 1, classes: 100, namesFile: 'fine_label_names.txt' };
const COARSE: Version = { ...FINE, at: 0, classes: 20, namesFile: 'coarse_label_names.txt' };

function trainingFiles(names: readonly string[]): string[] {
  return Array.from({ length: TRAINING_FILES }, (_, i) => `data_batch_${i + 1}.bin`).filter((name) =>
    names.includes(name),
  );
}

async function read(folder: string, files: readonly string[], version: Version): Promise<RawSet> {
  const paths = files.map((name) => join(folder, name));
  const record = version.labelBytes + CHANNELS * PIXELS;
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined || paths.length === 0) {
    throw new Problem(`${missing ?? folder}: no such file`, `put the images of ${version.name} there`);
  }
  const batches = await Promise.all(paths.map((path) => readRecords(path, record, version)));
  const count = batches.reduce((sum, bytes) => sum + bytes.length / record, 0);
  const images = new Uint8Array(count * CHANNELS * PIXELS);
  const labels = new Uint8Array(count);
  let image = 0;
  batches.forEach((bytes, f) => {
    for (let from = 0; from < bytes.length; from += record, image++) {
      const label = bytes[from + version.at];
      if (label >= version.classes) {
        throw new Problem(
          `${paths[f]}: record ${from / record}: label ${label}: expected 0 … ${version.classes - 1}`,
          `use the binary version of ${version.name}`,
        );
      }
      labels[image] = label;
      const planes = bytes.subarray(from + version.labelBytes, from + record);
      images.set(channelsLast(planes, 1, SHAPE), image * CHANNELS * PIXELS);
    }
  });
  const names = namesIn(join(folder, version.namesFile), version.classes);
  return {
    ...{ images, count, ...SHAPE, source: paths[0] },
    labels: { values: labels, source: paths[0], names, classes: version.classes },
  };
}

async function readRecords(path: string, record: number, { name }: Version): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  if (bytes.length === 0 || bytes.length % record !== 0) {
    throw new Problem(
      `${path}: ${bytes.length} bytes are no whole number of records of ${record}`,
      `use the binary version of ${name} (not the Python version), and fetch the file again`,
    );
  }
  return bytes;
}

/** A line a class. */
function namesIn(path: string, classes: number): string[] | undefined {
  if (!existsSync(path)) return undefined;
  const lines = readFileSync(path, 'utf8')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.length === classes ? lines : undefined;
}

export const CIFAR_10_BINARY: Reader = {
  format: 'CIFAR-10',
  layout: 'data_batch_1.bin …, test_batch.bin: the binary version',
  find({ path, entries }): Parts | undefined {
    const names = entries?.map(({ name }) => name) ?? [];
    const training = trainingFiles(names);
    if (training.length === 0 && !names.includes('test_batch.bin')) return undefined;
    return {
      train: () => read(path, training.length > 0 ? training : ['data_batch_1.bin'], CIFAR_10),
      test: () => read(path, ['test_batch.bin'], CIFAR_10),
    };
  },
};

export const CIFAR_100_BINARY: Reader = {
  format: 'CIFAR-100',
  layout: 'train.bin, test.bin: the binary version; 100 fine labels, or --label-kind coarse',
  find({ path, entries }): Parts | undefined {
    const names = entries?.map(({ name }) => name) ?? [];
    if (!names.includes('train.bin') && !names.includes('test.bin')) return undefined;
    const half = (file: string): Parts['train'] => {
      return ({ labelKind }: Reading) => read(path, [file], labelKind === 'coarse' ? COARSE : FINE);
    };
    return { train: half('train.bin'), test: half('test.bin') };
  },
};
