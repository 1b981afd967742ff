/** Inference: the class index of every image, in shares; the caller decides who may see it. */
import type { Engine, Value } from '../protocols/engine.ts';
import { argmaxOf } from '../protocols/rowMaximum.ts';
import { forward, type Parameters } from './layers.ts';
import { classCount, type Network } from './network.ts';

/** images (batch, inputs) → predicted classes (batch, 1), integers. */
export async function infer(engine: Engine, network: Network, parameters: Parameters, images: Value): Promise<Value> {
  const { logits } = await forward(engine, network, parameters, images);
  const [rows, classes] = [images.shape[0], classCount(network)];
  const indices = Array.from({ length: rows * classes }, (_, i) => i % classes);
  return argmaxOf(engine, logits, engine.constant([rows, classes], indices, 0));
}
