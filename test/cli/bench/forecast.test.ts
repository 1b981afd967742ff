import { describe, expect, it } from 'vitest';
import { Budget, busyWarning, forecast } from '../../../src/cli/bench/forecast.ts';
import type { Task } from '../../../src/cli/bench/measure.ts';
import type { Rates } from '../../../src/cli/estimate/calibrate.ts';
import { readTrainSettings } from '../../../src/cli/options/training.ts';
import { WORK, type Work } from '../../../src/engine/countedValues.ts';

describe('Budget', () => {
  it('begins what is expected to end in time, by how long parts really took', () => {
    const budget = new Budget(100);
    expect([budget.fits(100, 0), budget.fits(100, 1)]).toEqual([true, false]);
    budget.took(30, 10);
    expect(budget.expects(10)).toBe(30);
    expect([budget.fits(10, 70), budget.fits(10, 71)]).toEqual([true, false]);
    budget.took(10, 30); // all in all as forecast
    expect(budget.fits(60, 40)).toBe(true);
    expect([budget.left(40), budget.left(101)]).toEqual([60, 0]);
  });

  it('without a limit holds everything', () => {
    expect(new Budget(Infinity).fits(1e9, 1e9)).toBe(true);
  });
});

describe('busyWarning', () => {
  it('speaks where half of the cores have something else to do', () => {
    expect(busyWarning(0.99, 2)).toBeUndefined();
    expect(busyWarning(1, 2)).toMatch(/busy: in the last minute 1\.0 processes wanted its 2 cores/);
    expect(busyWarning(9, 1)).toMatch(/its 1 core;/);
  });
});

describe('forecast', () => {
  const settings = readTrainSettings({
    ...{ suite: 'direct', backend: 'auto', loss: 'softmax', optimizer: 'sgd', network: 'A', steps: 1 },
  });
  const nothing = Object.fromEntries(WORK.map((kind) => [kind, 0])) as Work;

  it('is rounds times half a round trip where nothing else takes time', async () => {
    const rates: Rates = { work: nothing, message: 0, byte: 0, hop: 0, turn: 0 };
    const tasks: Task[] = [
      { kind: 'infer', network: 'A', link: 'wan', batch: 1, batches: 4 },
      { kind: 'micro', link: 'wan', repetitions: 9 },
      { kind: 'train', network: 'A', link: 'wan', steps: 10 },
    ];
    const seconds = await forecast(tasks, settings, rates, [{ kind: 'relu', count: 10, kept: false }]);
    // 12 rounds of an image, five times; 3 of a comparison, ten times; 37 of a step without loss at most, at 29 ms each,
    // and its bytes on the link, as long as four more (updates go in pieces, and so take half a round longer than at once).
    expect(seconds[0]).toBeCloseTo(2 + 5 * 12 * 0.029, 1);
    expect(seconds[1]).toBeCloseTo(2 + 10 * 3 * 0.029, 2);
    expect((seconds[2] - 2) / 10 / 0.029).toBeGreaterThan(37);
    expect((seconds[2] - 2) / 10 / 0.029).toBeLessThan(42);
  });
});
