/** Inference: the class index of every image, or the scores of all classes, in shares; the caller decides who may see them. */
import type { Engine, Value } from '../engine/engine.ts';
import { argmax, indexOf } from '../functions/argmax.ts';
import { classScores, type Parameters } from './forward.ts';
import type { Network } from './network.ts';

/** images (batch, inputs) → predicted classes (batch, 1), integers. */
export async function infer(engine: Engine, network: Network, parameters: Parameters, images: Value): Promise<Value> {
  // Where rounds are saved, what is compared is not truncated before: equal scores may differ by a unit then.
  const scores = await classScores(engine, network, parameters, images, engine.conjunctions === undefined);
  return indexOf(engine, await argmax(engine, scores));
}

/** images (batch, inputs) → scores (batch, classes) at the engine's fractional bits. */
export function inferScores(engine: Engine, network: Network, parameters: Parameters, images: Value): Promise<Value> {
  return classScores(engine, network, parameters, images);
}
