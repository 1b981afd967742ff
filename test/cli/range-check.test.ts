/** The range check: what it measures on a first batch, and when it warns. */
import { describe, expect, it } from 'vitest';
import {
  firstBatchRanges,
  inferenceTruncationWarning,
  rangeTable,
  rangeWarning,
  trainingTruncationWarning,
} from '../../src/cli/range-check.ts';
import type { TrainSettings } from '../../src/cli/options/training.ts';
import { loadDataset } from '../../src/data/load.ts';
import type { Network } from '../../src/nn/network.ts';
import { comparisonLimit, outOfRange, Ranges } from '../../src/engine/ranges.ts';
import { encode } from '../../src/ring/fixed.ts';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { DIRECT_SUITE, SOFTMAX_SGD } from '../training.ts';

const network: Network = {
  name: 'small',
  input: [4, 4, 1],
  layers: [
    { type: 'conv2d', filters: 2, kernel: 2 },
    { type: 'relu' },
    { type: 'maxpool', window: 3 },
    { type: 'flatten' },
    { type: 'dense', units: 4 },
  ],
};

const settings = {
  network,
  ...DIRECT_SUITE,
  batch: 8,
  ...SOFTMAX_SGD,
  epochs: 1,
} as TrainSettings;

describe('the range check', () => {
  it('measures every part that compares, and says nothing when all is well', async () => {
    const data = await loadDataset(writeDataset(smallDataset(16, 4)));
    const ranges = (await firstBatchRanges(data, settings)).list();
    expect(ranges.map(({ part }) => part)).toEqual(expect.arrayContaining(['2:maxpool', '1:relu', 'loss']));
    for (const part of ['2:maxpool', '1:relu']) {
      const { compared } = ranges.find((range) => range.part === part)!;
      expect(compared).toBeGreaterThan(0);
      expect(compared).toBeLessThan(20);
    }
    expect(rangeWarning(ranges, settings)).toBeUndefined();
    expect(rangeTable(ranges, settings)[0]).toContain('comparisons hold below 65536');
  });

  it('warns of a window that is too narrow, with the part, the value and the fix', async () => {
    const data = await loadDataset(writeDataset(smallDataset(16, 4)));
    const narrow = { ...settings, compareBits: 18 };
    const warning = rangeWarning((await firstBatchRanges(data, narrow)).list(), narrow);
    expect(warning).toMatch(
      /^warning: .* compares values up to [\d.]+ on the first batch, the window holds 2: .*--compare-bits/,
    );
  });
});

describe('ranges', () => {
  it('keep the largest magnitude of each part, and find those outside', () => {
    const ranges = new Ranges();
    ranges.compare('/step/1/layer/3:relu/0', encode([1, -300, 5], 16), 16);
    ranges.compare('/step/2/layer/3:relu/1', encode([7], 16), 16);
    ranges.truncate('/step/1/loss', BigUint64Array.of(1n << 62n, -(1n << 61n)));
    ranges.compare('/step/1', new BigUint64Array(0), 16);
    expect(ranges.list()).toEqual([
      { part: '3:relu', compared: 300, truncated: 0 },
      { part: 'loss', compared: 0, truncated: 1 },
      { part: 'network', compared: 0, truncated: 0 },
    ]);
    const window = { suite: 'direct', fractionBits: 16, compareBits: 25 } as const;
    expect(comparisonLimit(window)).toBe(256);
    expect(outOfRange(ranges.list(), window).map(({ part }) => part)).toEqual(['3:relu', 'loss']);
    expect(comparisonLimit({ ...window, suite: 'paper' })).toBe(2 ** 46);
  });
});

describe('local truncation', () => {
  const local = { ...settings, truncation: 'local', epochs: undefined } as const;

  it('is told of where it is likely to go wrong in the run, and refused where it probably does', async () => {
    const data = await loadDataset(writeDataset(smallDataset(16, 4)));
    const check = async (fractionBits: number, steps: number): Promise<string | undefined> => {
      const run: TrainSettings = { ...local, fractionBits, steps };
      return trainingTruncationWarning(await firstBatchRanges(data, run), data, run);
    };
    expect(await check(13, 100)).toBeUndefined();
    expect(await check(20, 10)).toMatch(
      /^warning: a local truncation of this training goes wrong with a probability of [\d.]+ %, .*--truncation dealt/,
    );
    await expect(check(20, 10_000)).rejects.toThrow(
      /^--truncation local: with 20 fractional bits a truncation of this training goes wrong with a probability of 1\.0e\+2 %/,
    );
    expect(await check(20, 10)).toBeDefined();
  });

  it('goes wrong as often as |z| / 2^64 says', () => {
    const ranges = new Ranges();
    ranges.truncate('/step/1/layer/3:relu', BigUint64Array.of(1n << 60n, -(1n << 61n)));
    ranges.truncate('/step/1/loss', BigUint64Array.of(1n << 62n));
    ranges.truncate('/batch/0/layer/0:dense', BigUint64Array.of(1n << 54n));
    expect(ranges.failures('step')).toBeCloseTo(2 ** -4 + 2 ** -3 + 2 ** -2, 12);
    expect(inferenceTruncationWarning(ranges, 1, local)).toBeUndefined();
    expect(inferenceTruncationWarning(ranges, 100, local)).toMatch(/^warning: .* this inference .* 9\.3 %/);
    expect(inferenceTruncationWarning(ranges, 100, { truncation: 'dealt' })).toBeUndefined();
  });
});
