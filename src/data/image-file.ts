/** Images to classify that stand in a file or folder of their own, with or without labels in another. */
import { existsSync, statSync } from 'node:fs';
import { inputSize, type Network } from '../nn/network.ts';
import type { ImageSet } from './dataset.ts';
import { readBytes } from './formats/bytes.ts';
import { idxImages, isIdx } from './formats/idx-files.ts';
import { lookAt, type RawImages, type RawSet, type Wanted } from './formats/reader.ts';
import { recognise } from './formats/table.ts';
import { readLabelFile } from './label-file.ts';
import { checkCount, resolveLabels } from './labels.ts';
import { Problem } from './problem.ts';
import type { Reading } from './reading.ts';
import type { Scaling } from './scaling.ts';
import { checkFinite, chooseScaling } from './statistics.ts';

/** What the images are for. */
export interface For {
  readonly network: Network;
  /** How it takes values, where it says. */
  readonly scaling?: Scaling | undefined;
  readonly classNames?: readonly string[] | undefined;
}

/** Of images with 16 bits a value. */
const DEEP = 65_535;

/**
 * The images of a file or folder in any format that is read; or one image of as many bytes as the network has inputs: a byte a pixel, row by row, channels
 * innermost. IDX and raw bytes may be gzipped.
 */
export async function readImageFile(
  path: string,
  { network, scaling, classNames }: For,
  labels?: string,
  reading: Reading = {},
): Promise<ImageSet> {
  const wanted = { size: inputSize(network), channels: network.input[2] ?? 1, deep: scaling?.divideBy === DEEP };
  const found = await readAny(path, network, wanted, reading);
  checkFinite(found.images, found, path);
  const raw = labels === undefined ? found.labels : await readLabelFile(labels);
  const known = raw && resolveLabels(raw, reading, classNames);
  if (known !== undefined) checkCount(known.labels, raw!.source, found.count, path);
  const { images, count, rows, columns, channels } = found;
  const natural = chooseScaling(images, found, {}, path);
  return { name: path, images, labels: known?.labels, count, rows, columns, channels, scaling: natural };
}

async function readAny(
  path: string,
  network: Network,
  wanted: Wanted,
  reading: Reading,
): Promise<RawImages & Partial<RawSet>> {
  if (!existsSync(path)) throw new Problem(`${path}: cannot be read: no such file`, 'give an existing file or folder');
  const place = lookAt(path);
  const recognised = await recognise(place);
  const read = recognised?.parts.images ?? recognised?.parts.all;
  if (read !== undefined) return read(reading, wanted);
  if (statSync(path).isDirectory()) {
    throw new Problem(
      `--images: ${path}: no folder of images`,
      'give a folder of PNG or JPEG images, or name a data set with --data',
    );
  }
  // Packed, or nothing but pixels.
  const bytes = await readBytes(path);
  if (isIdx(bytes)) return idxImages(bytes, path, reading);
  return rawImage(bytes, path, network);
}

function rawImage(bytes: Uint8Array, source: string, network: Network): RawImages {
  const size = inputSize(network);
  if (bytes.length !== size) {
    throw new Problem(
      `--images: ${source}: neither IDX, NPY, CSV, PNG or JPEG, nor one image of ${size} bytes, as network ${network.name} takes: found ${bytes.length} bytes`,
      'give a file as docs/data.md shows, or one image with a byte for each pixel',
    );
  }
  const [rows, columns, channels] = network.input.length === 3 ? network.input : [1, size, 1];
  return { images: bytes, count: 1, rows, columns, channels, source };
}
