/** A model's scores on the plain engine: the arithmetic of three parties, in the clear, with the model as its owner shares it. */
import { createWasmCompute } from '../../../runtime/wasm/wasm.ts';
import { type ClearFormat, type ClearScores, scoresInTheClear } from '../../client/in-the-clear.ts';
import type { Model } from '../../data/model-file.ts';
import { forInference } from '../../nn/foldBatchNorm.ts';

/** @param samples a row of the network's inputs for each */
export async function clearScores(model: Model, samples: Float64Array, settings: ClearFormat): Promise<ClearScores> {
  const compute = await createWasmCompute({ workers: 0 });
  try {
    return await scoresInTheClear(compute, forInference(model, settings.fractionBits), samples, settings);
  } finally {
    await compute.close();
  }
}
