import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { loadDataset } from '../../src/data/load.ts';
import { FILE_NAMES, idxBytes, smallDataset, writeDataset } from './fixtures.ts';

describe('loadDataset', () => {
  it('reads MNIST, all of it', async () => {
    const mnist = await loadDataset('mnist');
    expect([mnist.rows, mnist.columns, mnist.classes]).toEqual([28, 28, 10]);
    expect([mnist.trainLabels.length, mnist.testLabels.length]).toEqual([60_000, 10_000]);
    expect([mnist.trainImages.length, mnist.testImages.length]).toEqual([60_000 * 784, 10_000 * 784]);
    expect([...mnist.trainLabels.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    expect([...mnist.testLabels.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
  });

  it('reads a folder in every usual spelling', async () => {
    const files = smallDataset(8, 4);
    const plain = await loadDataset(writeDataset(files));
    expect([plain.rows, plain.columns, plain.classes, plain.trainLabels.length]).toEqual([4, 4, 4, 8]);

    const dotted = writeDataset(files, (key) => FILE_NAMES[key].replace('-idx', '.idx'));
    expect((await loadDataset(dotted)).trainImages).toEqual(plain.trainImages);

    const zipped = Object.fromEntries(
      Object.entries(files).map(([key, bytes]) => [key, gzipSync(bytes as Uint8Array)]),
    );
    const folder = writeDataset(zipped as unknown as typeof files, (key) => `${FILE_NAMES[key]}.gz`);
    expect((await loadDataset(folder)).trainImages).toEqual(plain.trainImages);
  });

  it('names the file that is missing, and how it may be called', async () => {
    const folder = writeDataset({ ...smallDataset(8, 4), trainLabels: undefined });
    await expect(loadDataset(folder)).rejects.toMatchObject({
      message: `${join(folder, 'train-labels-idx1-ubyte')}: no such file`,
      fix: expect.stringContaining('train-labels.idx1-ubyte.gz') as string,
    });
    await expect(loadDataset('/does/not/exist')).rejects.toThrow('/does/not/exist: no such folder');
    await expect(loadDataset(join(folder, 'train-images-idx3-ubyte'))).rejects.toThrow('images without labels');
  });

  it('names the file that is broken', async () => {
    const files = smallDataset(8, 4);
    const cut = writeDataset({ ...files, testImages: files.testImages.subarray(0, 50) });
    await expect(loadDataset(cut)).rejects.toThrow(/t10k-images-idx3-ubyte: truncated: expected 80 bytes.*found 50/);

    const swapped = writeDataset({ ...files, trainLabels: files.trainImages });
    await expect(loadDataset(swapped)).rejects.toThrow(/train-labels-idx1-ubyte: labels of 8 x 4 x 4/);

    const folder = writeDataset({ ...files, testLabels: undefined });
    writeFileSync(join(folder, 't10k-labels-idx1-ubyte.gz'), gzipSync(files.testLabels).subarray(0, 12));
    await expect(loadDataset(folder)).rejects.toThrow(/t10k-labels-idx1-ubyte\.gz: cannot be read/);
  });

  it('refuses parts that do not belong together', async () => {
    const files = smallDataset(8, 4);
    const counts = writeDataset({ ...files, trainLabels: idxBytes([7], new Uint8Array(7)) });
    await expect(loadDataset(counts)).rejects.toThrow(/7 labels for the 8 images/);

    const sizes = writeDataset({ ...files, testImages: idxBytes([4, 5, 5], new Uint8Array(100)) });
    await expect(loadDataset(sizes)).rejects.toThrow(/images are 5 x 5, those of .* 4 x 4/);

    const labels = writeDataset({ ...files, testLabels: idxBytes([4], [0, 1, 2, 9]) });
    await expect(loadDataset(labels)).rejects.toThrow(/label 9 of image 3 does not occur in .* \(0 to 3\)/);

    const empty = writeDataset({ ...files, trainImages: idxBytes([0, 4, 4], []), trainLabels: idxBytes([0], []) });
    await expect(loadDataset(empty)).rejects.toThrow(/holds no pixels/);
  });

  it('knows a packed file by its first bytes, whatever its name', async () => {
    const files = smallDataset(8, 4);
    const plain = await loadDataset(writeDataset(files));
    const unpacked = writeDataset(files, (key) => `${FILE_NAMES[key]}.gz`);
    expect(await loadDataset(unpacked)).toEqual({ ...plain, name: unpacked });
    const zipped = Object.fromEntries(
      Object.entries(files).map(([key, bytes]) => [key, gzipSync(bytes as Uint8Array)]),
    );
    const packed = writeDataset(zipped as unknown as typeof files);
    expect(await loadDataset(packed)).toEqual({ ...plain, name: packed });
  });

  it('refuses labels that tell nothing apart', async () => {
    const files = smallDataset(8, 4);
    const one = {
      ...files,
      trainLabels: idxBytes([8], new Uint8Array(8)),
      testLabels: idxBytes([4], new Uint8Array(4)),
    };
    await expect(loadDataset(writeDataset(one))).rejects.toThrow(
      /train-labels-idx1-ubyte: all 8 labels are 0: there is nothing to tell apart$/,
    );
  });

  it.each<[content: string, what: string]>([
    ['', 'too short for an IDX file: expected at least 8 bytes, found 0'],
    ['<!DOCTYPE html><html>404</html>', 'found 0x3c21444f (a web page (HTML): the download failed)'],
    ['\x89PNG\r\n', 'found 0x89504e47 (a PNG image)'],
    ['5,0,0,12', 'found 0x352c302c (text)'],
  ])('says what a file seems to be: %j', async (content, what) => {
    const folder = writeDataset({ ...smallDataset(8, 4), trainImages: Buffer.from(content, 'latin1') });
    await expect(loadDataset(folder)).rejects.toThrow(what);
  });
});
