/** A run goes on with the data that it began with, to the last byte, or its masks would cover two values. */
import { describe, expect, it } from 'vitest';
import { checkSameData, digestOf } from '../../src/client/checkpoints.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { OF_BYTES } from '../../src/data/scaling.ts';
import { Problem } from '../../src/data/problem.ts';

const DATA = {
  name: 'the folder',
  trainImages: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  trainLabels: Uint8Array.of(0, 1),
  testImages: Uint8Array.of(9, 8, 7, 6),
  testLabels: Uint8Array.of(1),
  rows: 2,
  columns: 2,
  channels: 1,
  classes: 2,
  scaling: OF_BYTES,
} satisfies Dataset;
const PARTS = ['trainImages', 'trainLabels', 'testImages', 'testLabels'] as const;

describe('a run that goes on', () => {
  it('takes its own data, from wherever it lies', () => {
    expect(() => checkSameData({ ...DATA, name: 'elsewhere' }, digestOf(DATA))).not.toThrow();
  });

  it.each(PARTS.flatMap((part) => Array.from(DATA[part], (_, i) => [part, i] as const)))(
    'refuses data that differ in %s, byte %i',
    (part, i) => {
      const changed = DATA[part].slice();
      changed[i] ^= 1;
      const check = (): void => checkSameData({ ...DATA, [part]: changed }, digestOf(DATA));
      expect(check).toThrow('--resume: the folder is not the data set that the run began with');
      expect(check).toThrow(Problem);
    },
  );

  it.each(PARTS.slice(1))('refuses data that are cut elsewhere, before %s', (part) => {
    const before = PARTS[PARTS.indexOf(part) - 1];
    const all = Buffer.concat([DATA[before], DATA[part]]);
    const cut = DATA[before].length - 1;
    const changed = { ...DATA, [before]: all.subarray(0, cut), [part]: all.subarray(cut) };
    expect(() => checkSameData(changed, digestOf(DATA))).toThrow('is not the data set');
  });
});
