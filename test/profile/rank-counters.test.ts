import { describe, expect, it } from 'vitest';
import {
  busiestRank,
  rankCounters,
  spentBetween,
  sumOfRanks,
  type RankCounters,
} from '../../src/profile/rank-counters.ts';

const of = (cpuSeconds: number, computeSeconds: number): RankCounters => {
  return { bytesSent: 10 * computeSeconds, waitSeconds: 0, computeSeconds, cpuSeconds };
};

describe('the busiest rank', () => {
  it('is that of most seconds on a core, beside the mean of its party', () => {
    expect(busiestRank([of(1, 9), of(3, 1), of(2, 1)])).toEqual({ rank: 1, seconds: 3, overMean: 1.5 });
  });

  it('is that of most seconds not waited where nobody counts those on a core', () => {
    expect(busiestRank([of(0, 9), of(0, 1), of(0, 2)])).toEqual({ rank: 0, seconds: 9, overMean: 2.25 });
  });

  it('is nobody where nothing was spent', () => {
    expect(busiestRank([of(0, 0), of(0, 0)])).toBeUndefined();
    expect(busiestRank([])).toBeUndefined();
  });
});

describe('what ranks spend', () => {
  it('is what grew, in whole microseconds, and never less than nothing', () => {
    const now = [of(1.5, 2), of(0.123_456_789, 4)];
    expect(spentBetween([], now)).toEqual([of(1.5, 2), of(0.123457, 4)]);
    expect(spentBetween([of(1, 1), of(1, 1)], now)).toEqual([of(0.5, 1), of(0, 3)]);
  });

  it('adds up rank by rank', () => {
    expect(
      sumOfRanks([
        [of(1, 2), of(3, 4)],
        [of(5, 6), of(7, 8)],
      ]),
    ).toEqual([of(6, 8), of(10, 12)]);
    expect(sumOfRanks([])).toEqual([]);
    expect(rankCounters((field) => (field === 'cpuSeconds' ? 1 : 2))).toEqual({
      ...{ bytesSent: 2, waitSeconds: 2, computeSeconds: 2, cpuSeconds: 1 },
    });
  });
});
