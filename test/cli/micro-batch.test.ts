/** How a batch is cut: as it is said, or by the memory that a party may take. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readTrainSettings, type TrainSettings } from '../../src/cli/options/training.ts';
import { Problem } from '../../src/data/problem.ts';
import { parameters } from '../../src/nn/network.ts';
import { sizeOf } from '../../src/ring/shape.ts';
import { trainingMemory } from '../../src/server/memory.ts';
import { fittingPart } from '../../src/server/micro-batch.ts';

const GIB = 2 ** 30;
const SAMPLES = { trainImages: 128, testImages: 0 };
const folder = mkdtempSync(join(tmpdir(), 'securenn-parts-'));
afterAll(() => rmSync(folder, { recursive: true }));
const normalized = join(folder, 'normalized.json');
writeFileSync(
  normalized,
  JSON.stringify({
    name: 'normalized',
    input: [784],
    layers: [{ type: 'dense', units: 400 }, { type: 'batchnorm' }, { type: 'dense', units: 10 }],
  }),
);

function settings(words: Record<string, unknown>): TrainSettings {
  const defaults = { suite: 'direct', backend: 'auto', loss: 'softmax', optimizer: 'sgd', network: 'C', batch: 128 };
  return readTrainSettings({ ...defaults, ...words });
}

async function peakOf(chosen: TrainSettings, microBatch: number): Promise<number> {
  const { P0, P1, P2 } = await trainingMemory({ ...chosen, microBatch }, SAMPLES);
  return Math.max(P0, P1, P2) / GIB;
}

describe('--micro-batch', () => {
  it('is of the batch; all of it is no cut', () => {
    expect(settings({ 'micro-batch': 32 }).microBatch).toBe(32);
    expect(settings({ 'micro-batch': 128 }).microBatch).toBeUndefined();
    expect(settings({}).microBatch).toBeUndefined();
  });

  it.each([
    [{ 'micro-batch': 129 }, /--micro-batch: .*1 to 128/],
    [{ 'micro-batch': 0 }, /--micro-batch: /],
    [{ 'micro-batch': 8, memory: 1 }, /^--micro-batch and --memory: both say how a batch is cut$/],
    [{ memory: 0 }, /--memory: .*GiB above 0/],
    [{ 'micro-batch': 8, network: normalized }, /layer 1 \(batchnorm\) takes statistics over the whole batch/],
  ])('%j is refused', (words, message) => {
    expect(() => settings(words)).toThrow(Problem);
    expect(() => settings(words)).toThrow(message);
  });

  it('a batch that is not cut may have statistics', () => {
    expect(settings({ 'micro-batch': 128, network: normalized }).microBatch).toBeUndefined();
  });
});

describe('--memory with ranks', () => {
  it('is what all ranks of a party take together, each at work on a part', async () => {
    const chosen = settings({ ranks: 4 });
    expect(chosen.microBatch).toBe(32);
    const [whole, half] = [4 * (await peakOf(chosen, 32)), 4 * (await peakOf(chosen, 16))];
    expect(await fittingPart(chosen, SAMPLES, whole)).toBeUndefined();
    expect(await fittingPart(chosen, SAMPLES, whole - 1e-6)).toBe(16);
    expect(await fittingPart(chosen, SAMPLES, half - 1e-6)).toBe(8);
  });
});

describe('--memory', () => {
  it('takes the largest part that fits', async () => {
    const chosen = settings({});
    const peaks = await Promise.all([128, 64, 32].map((part) => peakOf(chosen, part)));
    expect(peaks[0]).toBeGreaterThan(peaks[1]);
    expect(peaks[1]).toBeGreaterThan(peaks[2]);
    expect(await fittingPart(chosen, SAMPLES, peaks[0])).toBeUndefined();
    expect(await fittingPart(chosen, SAMPLES, peaks[0] - 1e-6)).toBe(64);
    expect(await fittingPart(chosen, SAMPLES, peaks[2])).toBe(32);
  });

  it('counts the sums of gradients that parts need', async () => {
    const chosen = { ...settings({}), batch: 64 };
    const weights = parameters(chosen.network).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const more = (await peakOf({ ...chosen, batch: 128 }, 64)) - (await peakOf(chosen, 64));
    expect(Math.round(more * GIB)).toBe(8 * weights);
  });

  it('says what would be enough where nothing fits', async () => {
    const one = await peakOf(settings({}), 1);
    const refused = fittingPart(settings({}), SAMPLES, 0.01);
    await expect(refused).rejects.toThrow(/^--memory: training with one image at a time takes about 0\.\d\d GiB/);
    const enough = await refused.catch((error: unknown) =>
      Number(/--memory ([\d.]+)/.exec((error as Problem).fix)![1]),
    );
    expect(enough).toBeGreaterThanOrEqual(one);
    // Rounded up, it may be enough for a few more.
    expect(await fittingPart(settings({}), SAMPLES, enough as number)).toBeLessThan(128);
  });

  it('cuts no batch with statistics over all of it', async () => {
    const chosen = settings({ network: normalized });
    const whole = await peakOf(chosen, 128);
    expect(await fittingPart(chosen, SAMPLES, whole)).toBeUndefined();
    await expect(fittingPart(chosen, SAMPLES, whole / 2)).rejects.toThrow(
      /a batch of 128 takes about .* and layer 1 \(batchnorm\) takes statistics over the whole batch/,
    );
  });
});
