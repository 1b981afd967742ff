/** What is said of folders without a data set that is read. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatOf } from '../../src/data/format.ts';
import { loadDataset } from '../../src/data/load.ts';
import { temporaryFolder } from '../folder.ts';

const READ =
  /^what is read \(docs\/data\.md\): IDX \(train-images.*\); CIFAR-10 .*; CIFAR-100 .*; NPZ .*; NPY .*; CSV .*; images by class \(train\/CLASS/;

describe('a folder without a data set', () => {
  it.each<[files: string[], found: string, fix: RegExp]>([
    [[], 'an empty folder', READ],
    [['.DS_Store'], 'an empty folder', READ],
    [['cat/1.bmp', 'dog/1.bmp'], '2 folders (cat, dog)', READ],
    [['a.csv', 'b.csv', 'c.csv', 'd.csv'], '4 .csv files (a.csv, b.csv, c.csv, …)', READ],
    [['x.npy', 'README'], '1 file (README) and 1 .npy file (x.npy)', /docs\/data\.md has an example of each$/],
    [['data_batch_1', 'test_batch', 'batches.meta'], "CIFAR-10's Python version", /fetch the binary version/],
    [['train', 'test', 'meta'], "CIFAR-100's Python version", /^it is not read: fetch the binary version/],
    [['cifar-10-binary.tar.gz'], 'an archive', /^unpack it/],
  ])('with %j: found %s', async (files, found, fix) => {
    const folder = temporaryFolder('nothing');
    for (const name of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), 'x');
    }
    await expect(loadDataset(folder)).rejects.toMatchObject({
      name: 'Problem',
      message: `data folder ${folder}: no data set in a format that is read: found ${found}`,
      fix: expect.stringMatching(fix) as string,
    });
  });

  it.each(['cifar-10-batches-bin/data_batch_1.bin', 'MNIST/raw/train-images-idx3-ubyte'])(
    'names the one inside it that has one: %s',
    async (file) => {
      const folder = temporaryFolder('nested');
      const inner = dirname(join(folder, file));
      mkdirSync(inner, { recursive: true });
      writeFileSync(join(folder, file), 'x');
      await expect(loadDataset(folder)).rejects.toMatchObject({
        message: expect.stringMatching(`found only the folder ${inner}, which has one$`) as string,
        fix: 'give that one',
      });
    },
  );
});

describe('formatOf', () => {
  it.each<[number[], string | undefined]>([
    [[], 'an empty file'],
    [[0x1f, 0x8b, 8], 'a gzip file'],
    [[0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0], 'a NumPy array (.npy)'],
    [[0x80, 4, 0x95], 'a Python pickle'],
    [[...Buffer.from('  <html>')], 'a web page (HTML): the download failed'],
    [[...Buffer.from('version https://git-lfs.github.com/spec/v1')], 'a pointer of Git LFS in place of the file'],
    [[...Buffer.from('a,b\n1,2\n')], 'text'],
    [[0, 0, 8, 3], undefined],
  ])('%j: %s', (bytes, what) => expect(formatOf(Uint8Array.from(bytes))).toBe(what));
});
