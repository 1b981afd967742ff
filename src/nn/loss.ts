/**
 * Losses: from the logits to the error δ that goes back, per sample and not divided by the batch, and to the number that is shown.
 *
 * softmax  cross-entropy of softmax (PROTOCOLS §5): δ = softmax(logits) − label. Shown: the cross-entropy.
 * asm      the paper's p_i = ReLU(u_i) / Σ_j ReLU(u_j), and δ = p − label as there. That δ is no function's derivative, and ln p is
 *          unbounded where ReLU gives 0; shown is the squared error Σ_i (p_i − label_i)², between 0 and 2 a sample.
 */
import { asm } from '../functions/asm.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { truncated } from '../functions/formats.ts';
import { crossEntropy, softmax } from '../functions/softmax.ts';

export const LOSSES = ['softmax', 'asm'] as const;
export type LossName = (typeof LOSSES)[number];

export interface Loss {
  /** (batch, classes) at the engine's fractional bits. */
  readonly delta: Value;
  /** The loss summed over the batch, one element at the engine's fractional bits; costs messages of its own. */
  sum(engine: Engine): Promise<Value>;
}

/** Logits (batch, classes) at the engine's fractional bits or more; labels one-hot, integers. */
export async function lossOf(engine: Engine, name: LossName, logits: Value, labels: Value): Promise<Loss> {
  const oneHot = engine.extend(labels, engine.fractionBits);
  switch (name) {
    case 'softmax': {
      const output = await softmax(engine, logits);
      return { delta: engine.sub(output.probabilities, oneHot), sum: (fork) => crossEntropy(fork, output, labels) };
    }
    case 'asm': {
      const delta = engine.sub(await asm(engine, await truncated(engine, logits)), oneHot);
      return { delta, sum: (fork) => squares(fork, delta) };
    }
  }
}

/** Σ δ² over all elements, (1,1) at the engine's fractional bits. */
async function squares(engine: Engine, delta: Value): Promise<Value> {
  const total = engine.sumRows(engine.sumColumns(await engine.mul(delta, delta)));
  return truncated(engine, total);
}
