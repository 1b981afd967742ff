/**
 * Losses: from the logits to the error δ that goes back, per sample and not divided by the batch, and to the number that is shown.
 *
 * softmax  cross-entropy of softmax (PROTOCOLS §5): δ = softmax(logits) − label.
 */
import type { Engine, Value } from '../protocols/engine.ts';
import { crossEntropy, softmax } from '../protocols/softmax.ts';

export const LOSSES = ['softmax', 'asm'] as const;
export type LossName = (typeof LOSSES)[number];

export interface Loss {
  /** (batch, classes) at the engine's fractional bits. */
  readonly delta: Value;
  /** The loss summed over the batch, one element at the engine's fractional bits; costs messages of its own. */
  sum(engine: Engine): Promise<Value>;
}

/** Logits (batch, classes) at the engine's fractional bits; labels one-hot, integers. */
export async function lossOf(engine: Engine, name: LossName, logits: Value, labels: Value): Promise<Loss> {
  if (name !== 'softmax') throw new RangeError(`loss ${name}: not known`);
  const output = await softmax(engine, logits);
  return {
    delta: engine.sub(output.probabilities, engine.extend(labels, engine.fractionBits)),
    sum: (fork) => crossEntropy(fork, output, labels),
  };
}
