/**
 * Softmax and softmax cross-entropy (PROTOCOLS §5): subtract the row maximum, clip, exponentials, their sum in [1, n], its
 * reciprocal, one product.
 *
 * crossEntropy: Σ over rows of ln Σ_j exp(x_j) − x_label on the shifted and clipped logits x, so one row's loss is at most
 * 16 + ln n. ln is a Chebyshev polynomial of degree 8 on [1, n] (error 2e-3 for n = 10); it is shown, never trained on.
 */
import { combine, interpolate } from './chebyshev.ts';
import { type CostModel, truncatedProduct } from '../engine/costModel.ts';
import { type Cost, inSequence } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { clip, cost as exponentialCost, exponential, workingBits } from './exponential.ts';
import { cost as reciprocalCost, reciprocal } from './reciprocal.ts';
import { rowMaximum, rowMaximumCost } from './rowMaximum.ts';

export interface Softmax {
  /** (m,n) at the engine's fractional bits. */
  readonly probabilities: Value;
  /** Logits minus their row maximum, clipped: (m,n), the engine's fractional bits. */
  readonly shifted: Value;
  /** Σ_j exp(shifted_j) in [1, n]: (m,1), `workingBits` fractional bits. */
  readonly sum: Value;
}

/** Logits (m,n) at the engine's fractional bits. */
export async function softmax(engine: Engine, logits: Value): Promise<Softmax> {
  const n = logits.shape[1];
  const maximum = await rowMaximum(engine, logits);
  const shifted = await clip(engine, engine.subColumn(logits, maximum));
  const powers = await exponential(engine, shifted);
  const sum = engine.sumColumns(powers);
  const inverse = await reciprocal(engine, sum, n);
  const product = await engine.mul(powers, inverse);
  const probabilities = await engine.truncate(product, product.fractionBits - engine.fractionBits);
  return { probabilities, shifted, sum };
}

export function softmaxCost(model: CostModel, m: number, n: number): Cost {
  const w = workingBits(model);
  return inSequence(
    rowMaximumCost(model, m, n),
    exponentialCost(model, m * n),
    reciprocalCost(model, m, n, w),
    truncatedProduct(model, m * n + m, m * n, 2 * w - model.fractionBits),
  );
}

/** Sum over the batch of the cross-entropy, a (1,1) value at the engine's fractional bits. labels: one-hot integers (m,n). */
export async function crossEntropy(engine: Engine, { shifted, sum }: Softmax, labels: Value): Promise<Value> {
  const [logOfSum, atLabel] = await engine.all([
    (fork) => logarithm(fork, sum, shifted.shape[1]),
    (fork) => fork.mul(shifted, labels),
  ]);
  return engine.sumRows(engine.sub(logOfSum, engine.sumColumns(atLabel)));
}

const DEGREE = 8;

/** ln s for s (m,1) in [1, n], at the engine's fractional bits. */
export async function logarithm(engine: Engine, s: Value, n: number): Promise<Value> {
  const w = workingBits(engine);
  const c = interpolate(Math.log, 1, n, DEGREE);
  // t = (2s − (n+1)) / (n−1) in [−1, 1]
  const slope = engine.reinterpret(engine.scale(s, BigInt(Math.round((2 / (n - 1)) * 2 ** w))), 2 * w);
  const t = engine.addPublic(await engine.truncate(slope, w), -(n + 1) / (n - 1));
  const t2 = await engine.truncate(await engine.mul(t, t), w);
  const cubes = await engine.mul(engine.concatColumns([t, t2]), engine.concatColumns([t2, t2]));
  const high = await engine.truncate(cubes, w);
  const [t3, t4] = [engine.columns(high, 0, 1), engine.columns(high, 1, 2)];
  // Σ c_i t^i = low(t) + t⁴ · upper(t), each a public combination of t … t⁴
  const powers = [t, t2, t3, t4];
  const low = combine(engine, powers, c.slice(1, 4), c[0], w);
  const upper = await engine.truncate(combine(engine, powers, c.slice(5), c[4], w), w);
  const result = engine.add(low, await engine.mul(t4, upper));
  return engine.truncate(result, 2 * w - engine.fractionBits);
}
