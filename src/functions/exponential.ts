/**
 * exp(x) for x ≤ 0 by repeated squaring of a second-order base (PROTOCOLS §5):
 *   exp(x) ≈ (1 + t + t²/2)^(2^m) with t = x / 2^m
 *
 * x is first clipped to [−16, 0]: exp(−16) is below one ulp of 2^−16. Reading x with m more fractional bits divides it by 2^m without an
 * error, the base is truncated once, and the squarings run at w = f + 8 bits (at most 26): the ±1 ulp of each truncation, doubled by
 * every later squaring, ends below 2^(m+1) ulps of 2^−w.
 * Approximation error: relative |x|³ / (6·4^m), at most 2.2e-4 in absolute terms for m = 5 (at x = −3), 8.8e-4 for m = 4. The plain
 * (1 + t)^(2^m) needs m = 8 and four rounds more for ten times that error. Above f = 23 the base takes a truncation more, of t.
 * With local truncation (error probability |z| / 2^64) m = 4 and w = f.
 *
 * Result: w = `workingBits(engine)` fractional bits. Cost: ReLU + product + m (truncation with product) + truncation.
 */
import { sizeOf } from '../ring/shape.ts';
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, FREE, inSequence, repeated } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { reluOf } from './formats.ts';

/** The row of a vector by itself. */
const SQUARE = [[0, 0]] as const;
/** exp is taken on [−CLIP, 0]. */
export const CLIP = 16;

type Precision = Pick<Engine, 'truncation' | 'fractionBits'>;

export function squarings(engine: Precision): number {
  return engine.truncation === 'dealt' ? 5 : 4;
}

/** What stands for exp(x) after `m` squarings, but for rounding. */
export function approximation(x: number, m: number): number {
  const t = x / 2 ** m;
  return (1 + t + (t * t) / 2) ** (2 ** m);
}

/** Fractional bits that the squarings have beyond f, against the ulps they double. */
const GUARD_BITS = 8;
/** Products of two working values, sums over 512 of them and the reciprocal's slope stay below 2^62. */
const MAX_WORKING_BITS = 26;

/** Fractional bits of exponentials, their sums and reciprocals. */
export function workingBits(engine: Precision): number {
  return engine.truncation === 'dealt'
    ? Math.min(engine.fractionBits + GUARD_BITS, MAX_WORKING_BITS)
    : engine.fractionBits;
}

/** Fractional bits that t may have: its square leaves the base by a truncation that takes the next square along (at most 32 bits). */
function baseBits(w: number): number {
  return (31 + w) >> 1;
}

/** max(x, −CLIP) with the engine's fractional bits: x may have more. */
export async function clip(engine: Engine, x: Value): Promise<Value> {
  const { y } = await reluOf(engine, engine.addPublic(x, CLIP));
  return engine.addPublic(y, -CLIP);
}

/** exp of a value in [−CLIP, 0] (see `clip`), by m squarings. */
export async function exponential(engine: Engine, x: Value, m: number = squarings(engine)): Promise<Value> {
  const w = workingBits(engine);
  const divided = engine.reinterpret(x, x.fractionBits + m); // x / 2^m
  const surplus = divided.fractionBits - baseBits(w);
  const t = surplus > 0 ? await engine.truncate(divided, surplus) : divided;
  const square = await engine.mul(t, t);
  const half = engine.reinterpret(square, square.fractionBits + 1);
  const base = engine.add(engine.extend(engine.addPublic(t, 1), half.fractionBits - t.fractionBits), half);
  let power = engine.reshape(base, [1, sizeOf(x.shape)]);
  for (let i = 0; i < m; i++) power = (await engine.truncateProducts(power, power.fractionBits - w, SQUARE)).products;
  return engine.reshape(await engine.truncate(power, w), x.shape);
}

/** Clip and exponential of `count` values with `surplus` fractional bits more than the engine's. */
export function cost(model: CostModel, count: number, surplus = 0): Cost {
  const clipped = surplus > 0 ? model.truncateRelu(count, surplus) : model.relu(count);
  return inSequence(clipped, exponentialCost(model, count));
}

/** The exponential alone. `opened`: of values that entered a product before. */
export function exponentialCost(model: CostModel, count: number, m: number = squarings(model), opened = false): Cost {
  const w = workingBits(model);
  const surplus = Math.max(0, model.fractionBits + m - baseBits(w));
  const squaring = (bits: number): Cost => model.truncateProducts({ rows: 1, columns: count, bits, pairs: SQUARE });
  const dealt = model.truncation === 'local' ? model.part(count) : FREE;
  return inSequence(
    surplus > 0 ? model.truncate(count, surplus) : FREE,
    opened && surplus === 0 ? FREE : model.product(count),
    dealt,
    squaring(2 * (model.fractionBits + m - surplus) + 1 - w),
    repeated(m - 1, squaring(w)),
    model.truncate(count, w),
  );
}
