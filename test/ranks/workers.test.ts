import { describe, expect, it } from 'vitest';
import { workersOfRank } from '../../src/server/ranks/ranks.ts';

describe('threads for kernels that ranks of a host share', () => {
  const shares = (workers: number, ranks: number): number[] =>
    Array.from({ length: ranks }, (_, rank) => workersOfRank(workers, ranks, rank));

  it.each([
    [1, 1, [1]],
    [5, 1, [5]],
    [4, 4, [1, 1, 1, 1]],
    [6, 4, [2, 2, 1, 1]],
    [5, 3, [2, 2, 1]],
  ])('%i of %i ranks: as evenly as can be', (workers, ranks, expected) => {
    expect(shares(workers, ranks)).toEqual(expected);
  });

  it.each([
    [1, 4, [1, 0, 0, 0]],
    [3, 8, [1, 1, 1, 0, 0, 0, 0, 0]],
  ])('%i of %i ranks: the last ones have none', (workers, ranks, expected) => {
    expect(shares(workers, ranks)).toEqual(expected);
  });

  it('are as many as there are, in all', () => {
    for (let workers = 1; workers <= 40; workers++) {
      for (let ranks = 1; ranks <= 40; ranks++)
        expect(shares(workers, ranks).reduce((sum, own) => sum + own, 0)).toBe(workers);
    }
  });
});
