/**
 * Whether the values of a training or an inference stay inside what the chosen fixed point and comparison window hold, and whether local
 * truncation may be trusted with them: measured by the plain engine, over a whole plain training or on the first batch before a secure one.
 */
import type { Compute } from '../../runtime/compute.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { inTheClear, modelInTheClear, weightsInTheClear } from '../client/in-the-clear.ts';
import type { Source } from '../data/encode.ts';
import type { Dataset } from '../data/dataset.ts';
import { subsetOf, trainingRows } from '../data/subset.ts';
import type { Model } from '../data/model-file.ts';
import { batchOrder } from '../nn/initial.ts';
import { prepared } from '../nn/forward.ts';
import { infer, inferScores } from '../nn/infer.ts';
import { inputSize } from '../nn/network.ts';
import { totalSteps, train } from '../nn/train.ts';
import { Problem } from '../data/problem.ts';
import { createPlainEngine } from '../engine/plain.ts';
import { comparisonLimit, outOfRange, type Range, type RangeOptions, Ranges } from '../engine/ranges.ts';
import type { InferSettings } from './options/inference.ts';
import type { TrainSettings } from './options/training.ts';

/** One step on the first batch, in the clear. */
export async function firstBatchRanges(data: Dataset, settings: TrainSettings, initial?: Model): Promise<Ranges> {
  const compute: Compute = await createWasmCompute({ workers: 0 });
  try {
    const ranges = new Ranges();
    const engine = createPlainEngine({ ...settings, compute, ranges, reveal: () => Promise.resolve() });
    const rows = batchOrder(data.trainLabels.length, settings.seed, 1).subarray(0, settings.batch);
    const first = { ...subsetOf(data, { trainImages: undefined, testImages: 1 }), ...trainingRows(data, rows) };
    const one = { ...settings, epochs: undefined, steps: 1, showLoss: false, perClass: undefined };
    const from = weightsInTheClear(engine, initial, settings.fractionBits);
    await train(engine, settings.network, inTheClear(engine, first, settings), one, () => undefined, { from });
    return ranges;
  } finally {
    await compute.close();
  }
}

/** One line for each part: the largest value compared and how much of the window it fills, and the same of truncations. */
export function rangeTable(ranges: readonly Range[], settings: RangeOptions): string[] {
  const limit = comparisonLimit(settings);
  const width = Math.max(...ranges.map(({ part }) => part.length));
  return [
    `largest values (comparisons hold below ${limit}, --fraction-bits ${settings.fractionBits} --compare-bits ${settings.compareBits}):`,
    ...ranges.map(({ part, compared, truncated }) => {
      const window =
        compared > 0 ? `compared ${compared.toPrecision(4)}, ${percent(compared / limit)} of the window` : '';
      const room = truncated > 0 ? `truncated ${percent(truncated)} of 2^62` : '';
      return `  ${part.padEnd(width)} ${[window, room].filter((text) => text !== '').join('; ')}`;
    }),
  ];
}

/** What to say when values leave their range; undefined when all is well. */
export function rangeWarning(ranges: readonly Range[], settings: RangeOptions): string | undefined {
  const [worst] = outOfRange(ranges, settings).sort((a, b) => b.compared - a.compared);
  if (worst === undefined) return undefined;
  const limit = comparisonLimit(settings);
  return worst.compared >= limit
    ? `warning: layer ${worst.part} compares values up to ${worst.compared.toPrecision(4)} on the first batch, the window holds ${limit}: ` +
        'expect wrong signs; give more --compare-bits or fewer --fraction-bits'
    : `warning: layer ${worst.part} truncates values beyond 2^62 on the first batch: expect wrong results; give fewer --fraction-bits`;
}

/** So many images are enough to see how large values are. */
const MOST_FIRST_IMAGES = 128;

/** A chance of error above the first is told, a training with one above the second is refused. */
const SMALL = 0.01;
const EVEN = 0.5;

/**
 * What to say of local truncations, each of which goes wrong by 2^(64−f) with a small probability, over a whole training; undefined when none is
 * likely to. Where one probably does the training is refused: it would ruin the model.
 */
export function trainingTruncationWarning(
  ranges: Ranges,
  data: Pick<Dataset, 'trainLabels' | 'testLabels'>,
  settings: TrainSettings,
): string | undefined {
  const tested = data.testLabels.length * (settings.epochs ?? 1);
  // The first batch was one step, and the test of one image.
  const steps = totalSteps(data.trainLabels.length, settings);
  const chance = chanceOfError(ranges.failures('step') * steps + ranges.failures('evaluation') * tested, settings);
  if (chance >= EVEN)
    throw new Problem(
      `--truncation local: with ${settings.fractionBits} fractional bits a truncation of this training goes wrong with a probability of ` +
        `${percent(chance)}, and one ruins the model`,
      'give --truncation dealt, or fewer --fraction-bits',
    );
  return chance < SMALL ? undefined : localWarning('training', chance, 'ruins the model');
}

/** What to say before an inference of so many images. */
export async function firstImagesWarnings(
  model: Model,
  source: Source,
  settings: Omit<InferSettings, 'network'>,
): Promise<string[]> {
  const { network } = model;
  const { fractionBits } = settings;
  const count = source.elements / inputSize(network);
  const first = Math.min(count, settings.batch, MOST_FIRST_IMAGES);
  const compute = await createWasmCompute({ workers: 0 });
  try {
    const ranges = new Ranges();
    const engine = createPlainEngine({ ...settings, seed: 0, compute, ranges, reveal: () => Promise.resolve() });
    const weights = modelInTheClear(engine, model, fractionBits);
    const rows = source.block(0, first * inputSize(network));
    const images = engine.input([first, inputSize(network)], fractionBits, rows);
    const run = settings.scores ? inferScores : infer;
    await engine.scope('batch', async (scope) => run(scope, network, await prepared(scope, network, weights), images));
    const warnings = [
      rangeWarning(ranges.list(), settings),
      inferenceTruncationWarning(ranges, count / first, settings),
    ];
    return warnings.filter((warning) => warning !== undefined);
  } finally {
    await compute.close();
  }
}

/** The same of an inference, in `times` the images of its first batch; only told. */
export function inferenceTruncationWarning(
  ranges: Ranges,
  times: number,
  settings: Pick<TrainSettings, 'truncation'>,
): string | undefined {
  const chance = chanceOfError(ranges.failures('batch') * times, settings);
  return chance < SMALL ? undefined : localWarning('inference', chance, 'makes an answer wrong');
}

/** That at least one goes wrong, when so many are expected to. */
function chanceOfError(expected: number, { truncation }: Pick<TrainSettings, 'truncation'>): number {
  return truncation === 'local' ? -Math.expm1(-expected) : 0;
}

function localWarning(run: string, chance: number, consequence: string): string {
  return (
    `warning: a local truncation of this ${run} goes wrong with a probability of ${percent(chance)}, and one ${consequence}: ` +
    'give --truncation dealt, or fewer --fraction-bits'
  );
}

/** What to say before a training, or a Problem. */
export async function firstBatchWarnings(data: Dataset, settings: TrainSettings, initial?: Model): Promise<string[]> {
  const ranges = await firstBatchRanges(data, settings, initial);
  const warnings = [rangeWarning(ranges.list(), settings), trainingTruncationWarning(ranges, data, settings)];
  return warnings.filter((warning) => warning !== undefined);
}

function percent(x: number): string {
  return `${(100 * x).toPrecision(2)} %`;
}
