import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadDataset } from '../../src/data/load.ts';
import { temporaryFolder } from '../folder.ts';

const RECORD = 3073;

/** Records whose pixel p of channel c is (label + p + 7c) mod 256. */
function batch(labels: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(labels.length * RECORD);
  labels.forEach((label, i) => {
    bytes[i * RECORD] = label;
    for (let c = 0; c < 3; c++) for (let p = 0; p < 1024; p++) bytes[i * RECORD + 1 + c * 1024 + p] = label + p + 7 * c;
  });
  return bytes;
}

function folderWith(files: Record<string, Uint8Array>): string {
  const folder = temporaryFolder('cifar');
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return folder;
}

describe('CIFAR-10', () => {
  it('is read channels-last, batch after batch', async () => {
    const data = await loadDataset(
      folderWith({ 'data_batch_1.bin': batch([3, 9]), 'data_batch_2.bin': batch([0]), 'test_batch.bin': batch([1]) }),
    );
    expect(data).toMatchObject({ rows: 32, columns: 32, channels: 3, classes: 10 });
    expect([...data.trainLabels]).toEqual([3, 9, 0]);
    expect([...data.testLabels]).toEqual([1]);
    expect([...data.trainImages.subarray(3072, 3078)]).toEqual([9, 16, 23, 10, 17, 24]);
    expect(data.trainImages).toHaveLength(3 * 3072);
  });

  it.each([
    ['a test set that is missing', { 'data_batch_1.bin': batch([1]) }, /test_batch\.bin: no such file$/],
    [
      'a file cut short',
      { 'data_batch_1.bin': batch([1, 2]).subarray(0, 5000), 'test_batch.bin': batch([1]) },
      /data_batch_1\.bin: 5000 bytes are no whole number of records of 3073$/,
    ],
    [
      'an empty file',
      { 'data_batch_1.bin': batch([1]), 'test_batch.bin': batch([]) },
      /test_batch\.bin: 0 bytes are no whole number/,
    ],
    [
      'a label beyond 9',
      { 'data_batch_1.bin': batch([1, 12]), 'test_batch.bin': batch([1]) },
      /data_batch_1\.bin: record 1: label 12: expected 0 … 9$/,
    ],
  ])('is refused with %s', async (_what, files, message) => {
    await expect(loadDataset(folderWith(files))).rejects.toThrow(message);
  });
});
