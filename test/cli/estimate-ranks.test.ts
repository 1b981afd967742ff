/** What `estimate --ranks` counts. */
import { describe, expect, it } from 'vitest';
import { countAll, estimateOptions, inWords } from '../../src/cli/estimate/command.ts';
import type { Rates } from '../../src/cli/estimate/calibrate.ts';
import { rankLine, rankPrediction, ranksShown } from '../../src/cli/estimate/ranks.ts';
import { readTrainSettings } from '../../src/cli/options/training.ts';
import { WORK, type Work } from '../../src/engine/countedValues.ts';

const settings = (more: object = {}) =>
  readTrainSettings({
    ...{ suite: 'direct', backend: 'auto', loss: 'softmax', optimizer: 'sgd', network: 'A', epochs: 1, batch: 96 },
    ...more,
  });

const rates: Rates = {
  work: Object.fromEntries(WORK.map((kind) => [kind, 1e-9])) as Work,
  message: 1e-6,
  byte: 1e-10,
  hop: 0,
  turn: 0,
};

describe('a step by several ranks', () => {
  it('is shown for powers of two up to what is asked for', () => {
    expect(ranksShown(1)).toEqual([1]);
    expect(ranksShown(6)).toEqual([1, 2, 4, 6]);
    expect(ranksShown(8)).toEqual([1, 2, 4, 8]);
    expect(estimateOptions).toHaveProperty('ranks');
  });

  it('of one is the step that is estimated without', async () => {
    const one = await rankLine(settings(), 1, rates);
    const counts = new Map(await countAll(settings(), { trainImages: 288, testImages: 0 }));
    const step = counts.get('a training step')!;
    expect([one.bytes, one.rounds]).toEqual([step.bytes, step.rounds]);
  });

  it('sends all that its parts send, in the rounds of one of them, and computes less in each', async () => {
    // Of A rank 0 has mostly weights to update.
    const network = { network: 'C', batch: 256 };
    const lines = await Promise.all([1, 2, 4].map((ranks) => rankLine(settings(network), ranks, rates)));
    for (const line of lines.slice(1)) {
      // Weights are opened and updated once; frames are more.
      expect(line.bytes / lines[0].bytes).toBeGreaterThan(0.99);
      expect(line.bytes / lines[0].bytes).toBeLessThan(1.05);
      expect(line.rounds).toBe(lines[0].rounds);
    }
    const compute = lines.map(({ seconds }) => seconds.compute);
    expect(compute[1] / compute[0]).toBeLessThan(0.7);
    expect(compute[2] / compute[1]).toBeLessThan(0.8);
    // More parts than ranks: one after the other in each rank.
    const cut = await rankLine(settings({ ...network, 'micro-batch': 32 }), 4, rates);
    expect(cut.rounds).toBeGreaterThan(1.5 * lines[2].rounds);
  });

  it('counts what each rank hands the others of its party: gradients that they hold, and its weights to each', async () => {
    const handed = async (ranks: number, more: object = {}): Promise<number> =>
      (await rankLine(settings(more), ranks, rates)).handedBytes!;
    const weights = 784 * 128 + 128 * 128 + 128 * 10;
    const biases = 128 + 128 + 10;
    expect(await handed(1)).toBe(0);
    expect(await handed(4)).toBe(0.75 * 8 * 2 * (weights + biases));
    expect(await handed(4, { truncation: 'local' })).toBe(0.75 * 8 * (3 * weights + 2 * biases));
    expect((await rankPrediction(settings(), 2, rates)).handedBytes).toBeUndefined();
  });

  it('of a prediction: one is what is estimated without, several send as much in the rounds of one', async () => {
    const counts = new Map(await countAll(settings(), { trainImages: 288, testImages: 0 }));
    const alone = counts.get('a prediction of 96 images')!;
    const lines = await Promise.all([1, 2, 4].map((ranks) => rankPrediction(settings(), ranks, rates)));
    expect([lines[0].bytes, lines[0].rounds]).toEqual([alone.bytes, alone.rounds]);
    for (const { rounds, bytes, seconds } of lines.slice(1)) {
      expect(rounds).toBe(alone.rounds);
      // Weights are opened once; frames are more.
      expect(bytes / alone.bytes).toBeGreaterThan(0.99);
      expect(bytes / alone.bytes).toBeLessThan(1.05);
      expect(seconds.compute).toBeLessThan(lines[0].seconds.compute);
    }
  });

  it('says what it waits for', async () => {
    const limits = async (link: string): Promise<string> => (await rankLine(settings({ link }), 2, rates)).limit;
    expect((await rankLine(settings(), 2, rates)).limit).toBe('computing');
    expect(await limits('0:10')).toBe('link');
    expect(await limits('100:10000')).toBe('rounds');
  });

  it('fits a terminal of 60 columns', async () => {
    const party = { P0: 1, P1: 1, P2: 1 };
    const task = { command: 'estimate', network: 'A', batch: 96, suite: 'direct', truncation: 'dealt' } as const;
    const memory = { training: party, inference: party };
    const ranks = [await rankLine(settings(), 2, rates)];
    const report = { ...task, link: null, lines: [], memory, machine: {}, ranks };
    const text = inWords(report, 60);
    expect(text.join('\n')).toContain('limit computing');
    expect(inWords(report).join('\n')).toContain('a step by so many ranks');
    for (const line of text.slice(1, -2)) expect(line.length).toBeLessThanOrEqual(60);
  });
});
