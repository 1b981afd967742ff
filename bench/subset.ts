/**
 * The first images of MNIST as a data set of its own, for a training that is timed and not judged: after its steps it would classify
 * all ten thousand test images.
 *
 *   node dist/bench/subset.js FOLDER TRAINING-IMAGES TEST-IMAGES
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadDataset } from '../src/data/load.ts';

const [folder, ...counts] = process.argv.slice(2);
const [train, test] = counts.map(Number);
if (!(train >= 1 && test >= 1)) throw new Error('subset: expected FOLDER TRAINING-IMAGES TEST-IMAGES');

const { rows, columns, trainImages, trainLabels, testImages, testLabels } = await loadDataset('mnist');
await mkdir(folder, { recursive: true });
await write('train', trainImages as Uint8Array, trainLabels, train);
await write('t10k', testImages as Uint8Array, testLabels, test);

async function write(half: string, images: Uint8Array, labels: Uint8Array, count: number): Promise<void> {
  const size = rows * columns;
  const image = idx([count, rows, columns], images.subarray(0, count * size));
  await writeFile(join(folder, `${half}-images-idx3-ubyte`), image);
  await writeFile(join(folder, `${half}-labels-idx1-ubyte`), idx([count], labels.subarray(0, count)));
}

/** An IDX file of bytes (src/data/idx.ts). */
function idx(dimensions: readonly number[], data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * dimensions.length);
  header.writeUInt32BE(0x0800 | dimensions.length);
  dimensions.forEach((extent, i) => header.writeUInt32BE(extent, 4 + 4 * i));
  return Buffer.concat([header, data]);
}
