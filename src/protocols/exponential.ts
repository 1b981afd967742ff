/**
 * exp(x) for x ≤ 0 by repeated squaring: exp(x) ≈ (1 + x / 2^m)^(2^m) (PROTOCOLS §5).
 *
 * x is first clipped to [−16, 0]: exp(−16) is below one ulp of 2^−16. Reading x with m more fractional bits divides it by 2^m
 * without an error, so the base is exact and the squarings run at w = f + m bits: the ±1 ulp of each truncation, doubled by every
 * later squaring, ends below 2^m ulps of 2^−w, about one ulp of 2^−f (w is capped at 26, which f > 18 feels).
 * Approximation error: relative x² / 2^(m+1), at most 2.3e-3 in absolute terms for m = 8 (at x = −2), 8e-3 for m = 5.
 * With local truncation (error probability |z| / 2^64, here z up to 2^(2w)) m = 5 and no extra bits are kept.
 *
 * Result: w = `workingBits(engine)` fractional bits. Cost: ReLU + m (product + truncation).
 */
import { type Cost, type CostModel, inSequence, repeated, truncatedProduct } from './cost.ts';
import type { Engine, Value } from './engine.ts';

/** exp is taken on [−CLIP, 0]. */
export const CLIP = 16;

type Precision = Pick<Engine, 'truncation' | 'fractionBits'>;

function squarings(engine: Precision): number {
  return engine.truncation === 'dealt' ? 8 : 5;
}

/** Products of two working values, sums over 512 of them and the reciprocal's slope stay below 2^62. */
const MAX_WORKING_BITS = 26;

/** Fractional bits of exponentials, their sums and reciprocals. */
export function workingBits(engine: Precision): number {
  return engine.truncation === 'dealt'
    ? Math.min(engine.fractionBits + squarings(engine), MAX_WORKING_BITS)
    : engine.fractionBits;
}

/** max(x, −CLIP). */
export async function clip(engine: Engine, x: Value): Promise<Value> {
  const { y } = await engine.relu(engine.addPublic(x, CLIP));
  return engine.addPublic(y, -CLIP);
}

/** exp of a value in [−CLIP, 0] (see `clip`). */
export async function exponential(engine: Engine, x: Value): Promise<Value> {
  const m = squarings(engine);
  const w = workingBits(engine);
  const small = engine.reinterpret(x, x.fractionBits + m); // x / 2^m
  const scaled = small.fractionBits > w ? await engine.truncate(small, small.fractionBits - w) : small;
  let power = engine.addPublic(scaled, 1);
  for (let i = 0; i < m; i++) power = await engine.truncate(await engine.mul(power, power), w);
  return power;
}

/** Clip and exponential of `count` values at the engine's fractional bits. */
export function cost(model: CostModel, count: number): Cost {
  const m = squarings(model);
  const surplus = model.fractionBits + m - workingBits(model);
  const squaring = truncatedProduct(model, count, count, workingBits(model));
  return inSequence(model.relu(count), model.truncate(surplus > 0 ? count : 0, surplus), repeated(m, squaring));
}
