/** A model's scores on the plain engine: the arithmetic of three parties, in the clear. */
import { createWasmCompute } from '../../../runtime/wasm/wasm.ts';
import type { Model } from '../../data/model-file.ts';
import { createPlainEngine } from '../../engine/plain.ts';
import { type Range, type RangeOptions, Ranges } from '../../engine/ranges.ts';
import { forInference } from '../../nn/foldBatchNorm.ts';
import { prepared } from '../../nn/forward.ts';
import { inferScores } from '../../nn/infer.ts';
import { classCount, inputSize } from '../../nn/network.ts';
import { decode, encode } from '../../ring/fixed.ts';
import { modelInTheClear } from '../range-check.ts';

/** So many samples at once: memory stays small. */
const MOST_AT_ONCE = 64;

export interface ClearScores {
  /** A row of classes for each sample. */
  readonly scores: Float64Array;
  readonly ranges: readonly Range[];
}

/** @param samples a row of the network's inputs for each */
export async function scoresInTheClear(
  model: Model,
  samples: Float64Array,
  settings: RangeOptions & { readonly truncation: 'dealt' | 'local' },
): Promise<ClearScores> {
  const { fractionBits } = settings;
  const shared = forInference(model, fractionBits);
  const { network } = shared;
  const [width, classes] = [inputSize(network), classCount(network)];
  const count = samples.length / width;
  const scores = new Float64Array(count * classes);
  const ranges = new Ranges();
  const compute = await createWasmCompute({ workers: 0 });
  const revealed = new Map<string, BigUint64Array>();
  const reveal = (name: string, value: BigUint64Array): Promise<void> => {
    revealed.set(name, value);
    return Promise.resolve();
  };
  try {
    const engine = createPlainEngine({ ...settings, seed: 0, compute, ranges, reveal });
    const given = modelInTheClear(engine, shared, fractionBits);
    const weights = await prepared(engine, network, given);
    for (let from = 0; from < count; from += MOST_AT_ONCE) {
      const rows = Math.min(MOST_AT_ONCE, count - from);
      const ring = encode(samples.subarray(from * width, (from + rows) * width), fractionBits);
      await engine.scope(`batch/${from}`, async (scope) => {
        const y = await inferScores(scope, network, weights, engine.input([rows, width], fractionBits, ring));
        await scope.reveal('scores', y);
      });
      scores.set(decode(revealed.get('scores')!, fractionBits), from * classes);
    }
    return { scores, ranges: ranges.list() };
  } finally {
    await compute.close();
  }
}
