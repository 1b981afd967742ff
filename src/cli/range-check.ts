/**
 * Whether the values of a training stay inside what the chosen fixed point and comparison window hold: measured by the plain engine, over
 * a whole plain training or on the first batch before a secure one.
 */
import type { Compute } from '../../runtime/compute.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { materialize, oneHotSource, pixelSource } from '../data/encode.ts';
import type { Dataset } from '../data/dataset.ts';
import { subsetOf, trainingRows } from '../data/subset.ts';
import { batchOrder } from '../nn/initial.ts';
import { classCount, inputSize } from '../nn/network.ts';
import { train, type TrainingData } from '../nn/train.ts';
import { createPlainEngine, type PlainEngine } from '../engine/plain.ts';
import { comparisonLimit, outOfRange, type Range, Ranges } from '../engine/ranges.ts';
import type { TrainSettings } from './options/training.ts';

/** A data set in the clear, as values of a plain engine. */
export function inTheClear(engine: PlainEngine, data: Dataset, settings: TrainSettings): TrainingData {
  const { network, fractionBits } = settings;
  const [inputs, classes] = [inputSize(network), classCount(network)];
  const images = (from: Uint8Array, count: number): ReturnType<PlainEngine['input']> =>
    engine.input([count, inputs], fractionBits, materialize(pixelSource(from, fractionBits)));
  const labels = (from: Uint8Array): ReturnType<PlainEngine['input']> =>
    engine.input([from.length, classes], 0, materialize(oneHotSource(from, classes)));
  return {
    images: images(data.trainImages, data.trainLabels.length),
    labels: labels(data.trainLabels),
    ...(data.testLabels.length > 0 && {
      testImages: images(data.testImages, data.testLabels.length),
      testLabels: labels(data.testLabels),
    }),
  };
}

/** One step on the first batch, in the clear. */
export async function firstBatchRanges(data: Dataset, settings: TrainSettings): Promise<Range[]> {
  const compute: Compute = await createWasmCompute({ workers: 0 });
  try {
    const ranges = new Ranges();
    const engine = createPlainEngine({ ...settings, compute, ranges, reveal: () => Promise.resolve() });
    const rows = batchOrder(data.trainLabels.length, settings.seed, 1).subarray(0, settings.batch);
    const first = { ...subsetOf(data, { trainImages: undefined, testImages: 1 }), ...trainingRows(data, rows) };
    const one = { ...settings, epochs: undefined, steps: 1, showLoss: false, perClass: undefined };
    await train(engine, settings.network, inTheClear(engine, first, settings), one, () => undefined);
    return ranges.list();
  } finally {
    await compute.close();
  }
}

/** One line for each part: the largest value compared and how much of the window it fills, and the same of truncations. */
export function rangeTable(ranges: readonly Range[], settings: TrainSettings): string[] {
  const limit = comparisonLimit(settings);
  const percent = (x: number): string => `${(100 * x).toPrecision(2)} %`;
  return [
    `largest values (comparisons hold below ${limit}, --fraction-bits ${settings.fractionBits} --compare-bits ${settings.compareBits}):`,
    ...ranges.map(({ part, compared, truncated }) => {
      const window =
        compared > 0 ? `compared ${compared.toPrecision(4)}, ${percent(compared / limit)} of the window` : '';
      const room = truncated > 0 ? `truncated ${percent(truncated)} of 2^62` : '';
      return `  ${part.padEnd(14)} ${[window, room].filter((text) => text !== '').join('; ')}`;
    }),
  ];
}

/** What to say when values leave their range; undefined when all is well. */
export function rangeWarning(ranges: readonly Range[], settings: TrainSettings): string | undefined {
  const [worst] = outOfRange(ranges, settings).sort((a, b) => b.compared - a.compared);
  if (worst === undefined) return undefined;
  const limit = comparisonLimit(settings);
  return worst.compared >= limit
    ? `warning: layer ${worst.part} compares values up to ${worst.compared.toPrecision(4)} on the first batch, the window holds ${limit}: ` +
        'expect wrong signs; give more --compare-bits or fewer --fraction-bits'
    : `warning: layer ${worst.part} truncates values beyond 2^62 on the first batch: expect wrong results; give fewer --fraction-bits`;
}
