/** Small data sets as IDX files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../folder.ts';

/** An IDX file of unsigned bytes. */
export function idxBytes(dimensions: readonly number[], elements: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * dimensions.length + elements.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0800 | dimensions.length);
  dimensions.forEach((extent, i) => view.setUint32(4 + 4 * i, extent));
  bytes.set(elements, 4 + 4 * dimensions.length);
  return bytes;
}

export interface FourFiles {
  readonly trainImages: Uint8Array;
  readonly trainLabels: Uint8Array;
  readonly testImages: Uint8Array;
  readonly testLabels: Uint8Array;
}

export const FILE_NAMES: Readonly<Record<keyof FourFiles, string>> = {
  trainImages: 'train-images-idx3-ubyte',
  trainLabels: 'train-labels-idx1-ubyte',
  testImages: 't10k-images-idx3-ubyte',
  testLabels: 't10k-labels-idx1-ubyte',
};

/** Side of an image of the small data set. */
export const SIDE = 4;
export const CLASSES = 4;

/** One half: class c has a bright quadrant c, with some noise from a small generator. Learned in a few dozen steps. */
function half(count: number, seed: number): { images: Uint8Array; labels: Uint8Array } {
  let state = seed;
  const noise = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 26;
  const labels = Uint8Array.from({ length: count }, (_, i) => i % CLASSES);
  const images = new Uint8Array(count * SIDE * SIDE);
  for (let i = 0; i < images.length; i++) {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE) % SIDE];
    const quadrant = Math.floor(x / 2) + 2 * Math.floor(y / 2);
    images[i] = noise() + (quadrant === labels[Math.floor(i / (SIDE * SIDE))] ? 180 : 0);
  }
  return { images, labels };
}

/** A data set of 4 x 4 images in four classes. */
export function smallDataset(train: number, test: number): FourFiles {
  const [a, b] = [half(train, 1), half(test, 2)];
  return {
    trainImages: idxBytes([train, SIDE, SIDE], a.images),
    trainLabels: idxBytes([train], a.labels),
    testImages: idxBytes([test, SIDE, SIDE], b.images),
    testLabels: idxBytes([test], b.labels),
  };
}

/** Writes the files (undefined: leaves one out) into a fresh folder, under these names. */
export function writeDataset(
  files: Readonly<Record<keyof FourFiles, Uint8Array | undefined>>,
  nameOf: (key: keyof FourFiles) => string = (key) => FILE_NAMES[key],
): string {
  const folder = join(temporaryFolder('data'), 'set');
  mkdirSync(folder);
  for (const [key, bytes] of Object.entries(files) as [keyof FourFiles, Uint8Array | undefined][]) {
    if (bytes) writeFileSync(join(folder, nameOf(key)), bytes);
  }
  return folder;
}
