/** Images to classify: a file of their own, or the test half of a data set alone. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readImageFile } from '../../src/data/image-file.ts';
import { loadTestImages } from '../../src/data/load.ts';
import { Problem } from '../../src/data/problem.ts';
import type { Network } from '../../src/nn/network.ts';
import { temporaryFolder } from '../folder.ts';
import { idxBytes, smallDataset, writeDataset } from './fixtures.ts';

const image: Network = { name: 'image', input: [2, 2, 3], layers: [{ type: 'flatten' }, { type: 'dense', units: 4 }] };
const flat: Network = { name: 'flat', input: [12], layers: [{ type: 'dense', units: 4 }] };
const pixels = Uint8Array.from({ length: 12 }, (_, i) => 20 * i);
const folder = temporaryFolder('images');

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe('an image file', () => {
  it.each([
    ['IDX', idxBytes([3, 2, 2], pixels)],
    ['IDX, gzipped, under any name', gzipSync(idxBytes([3, 2, 2], pixels))],
  ])('%s: its images, without labels', async (_, bytes) => {
    const path = file('x', bytes);
    const found = await readImageFile(path, { network: flat });
    expect(found).toMatchObject({ name: path, count: 3, rows: 2, columns: 2, channels: 1, labels: undefined });
    expect([...found.images]).toEqual([...pixels]);
  });

  it('raw: one image, of the shape that the network takes', async () => {
    const path = file('raw', pixels);
    const shape = { count: 1, labels: undefined };
    expect(await readImageFile(path, { network: image })).toMatchObject({ ...shape, rows: 2, columns: 2, channels: 3 });
    expect(await readImageFile(path, { network: flat })).toMatchObject({ ...shape, rows: 1, columns: 12, channels: 1 });
    const zipped = await readImageFile(file('raw.gz', gzipSync(pixels)), { network: flat });
    expect(zipped).toMatchObject(shape);
    expect([...zipped.images]).toEqual([...pixels]);
  });

  it('may come with labels, one for each image', async () => {
    const path = file('x', idxBytes([3, 2, 2], pixels));
    const labels = file('labels', idxBytes([3], [3, 0, 1]));
    expect([...(await readImageFile(path, { network: flat }, labels)).labels!]).toEqual([3, 0, 1]);
    const two = file('two', idxBytes([2], [3, 0]));
    await expect(readImageFile(path, { network: flat }, two)).rejects.toThrow(/two: 2 labels for the 3 images of .*x$/);
  });

  it('that is neither is refused with what was expected', async () => {
    const attempt = readImageFile(file('text', new Uint8Array(13)), { network: flat });
    await expect(attempt).rejects.toThrow(
      /text: neither IDX, NPY, CSV, PNG or JPEG, nor one image of 12 bytes, as network flat takes: found 13 bytes$/,
    );
    await expect(attempt).rejects.toThrow(Problem);
    await expect(
      readImageFile(file('cut', idxBytes([3, 2, 2], pixels).subarray(0, 20)), { network: flat }),
    ).rejects.toThrow(/cut: /);
    await expect(readImageFile(file('none', idxBytes([0, 2, 2], [])), { network: flat })).rejects.toThrow(
      /holds no pixels/,
    );
    await expect(readImageFile(join(folder, 'nowhere'), { network: flat })).rejects.toThrow(/nowhere: cannot be read/);
  });
});

describe('the test images of a data set', () => {
  const { testImages, testLabels } = smallDataset(8, 4);
  const none = { trainImages: undefined, trainLabels: undefined };

  it('need no training files', async () => {
    const data = await loadTestImages(writeDataset({ ...none, testImages, testLabels }));
    expect(data).toMatchObject({ count: 4, rows: 4, columns: 4, channels: 1 });
    expect([...data.labels!]).toEqual([0, 1, 2, 3]);
    expect([...data.images]).toEqual([...testImages.subarray(16)]);
  });

  it('need no labels', async () => {
    const data = await loadTestImages(writeDataset({ ...none, testImages, testLabels: undefined }));
    expect(data).toMatchObject({ count: 4, labels: undefined });
  });

  it('of CIFAR-10 are those of its test batch', async () => {
    const cifar = temporaryFolder('cifar');
    writeFileSync(join(cifar, 'test_batch.bin'), new Uint8Array(2 * 3073).fill(7));
    const data = await loadTestImages(cifar);
    expect(data).toMatchObject({ count: 2, rows: 32, columns: 32, channels: 3 });
    expect([...data.labels!]).toEqual([7, 7]);
    expect(data.images).toHaveLength(2 * 3072);
  });

  it('must be there', async () => {
    await expect(loadTestImages(writeDataset({ ...smallDataset(8, 4), testImages: undefined }))).rejects.toThrow(
      /t10k-images-idx3-ubyte: no such file$/,
    );
    await expect(loadTestImages('/no/such')).rejects.toThrow('data folder /no/such: no such folder');
  });
});
