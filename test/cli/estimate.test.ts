import { describe, expect, it } from 'vitest';
import { bytesInWords, countAll, inWords, timeInWords } from '../../src/cli/estimate/command.ts';
import { readTrainSettings } from '../../src/cli/options/training.ts';

const settings = (network: string, epochs: number) =>
  readTrainSettings({ ...{ suite: 'direct', backend: 'auto', loss: 'softmax', optimizer: 'sgd' }, network, epochs });

describe('estimate in words', () => {
  it('numbers are for people', () => {
    expect([0, 999, 1684, 233.1e6, 9.266e11, 999.6e6, 2e18].map(bytesInWords)).toEqual([
      ...['0 B', '999 B', '1.68 kB', '233 MB', '927 GB', '1000 MB', '2000 PB'],
    ]);
    expect([0, 0.0034, 0.53, 59, 60, 7500].map(timeInWords)).toEqual([
      ...['0 ms', '3.4 ms', '0.53 s', '59 s', '1 min 0 s', '2 h 5 min'],
    ]);
  });

  it('a training is its sharing, epochs and evaluations', async () => {
    const samples = { trainImages: 300, testImages: 50 };
    const counts = new Map(await countAll(settings('A', 3), samples));
    const of = (what: string) => counts.get(what)!;
    const whole = of('a training of 3 epochs, all of it');
    expect(of('sharing the data').bytes).toBe(16 * 350 * (784 + 10));
    expect(whole.bytes).toBe(of('sharing the data').bytes + 3 * (of('an epoch').bytes + of('an evaluation').bytes));
    expect(whole.rounds).toBe(3 * (of('an epoch').rounds + of('an evaluation').rounds));
    const untested = new Map(await countAll(settings('A', 1), { ...samples, testImages: 0 }));
    expect(untested.has('an evaluation')).toBe(false);
    expect(untested.has('a training of 1 epoch, all of it')).toBe(true);
  });

  it('fits a terminal of 60 columns', async () => {
    const counts = await countAll(settings('A', 3), { trainImages: 300, testImages: 50 });
    const seconds = { total: 7000.1, compute: 6999, transfer: 1, latency: 0.0341 };
    const lines = counts.map(([what, counted]) => ({ what, counted, seconds }));
    const report = { command: 'estimate', network: 'A', batch: 128, suite: 'direct', truncation: 'dealt' } as const;
    const party = { P0: 1.2e9, P1: 1.2e9, P2: 8e8 };
    const memory = { training: party, inference: party };
    const text = inWords({ ...report, link: null, lines, memory, machine: {} }, 60);
    // The first and the last line are sentences, which `say` wraps.
    for (const line of text.slice(1, -1)) expect(line.length).toBeLessThanOrEqual(60);
    expect(text.join('\n')).toContain('time 1 h 56 min');
    expect(text.some((line) => /^a training +1\.2 GB +1\.2 GB +800 MB$/.test(line))).toBe(true);
  });
});
