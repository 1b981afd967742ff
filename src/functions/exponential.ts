/**
 * exp(x) for x ≤ 0 by repeated squaring of a second-order base (PROTOCOLS §5):
 *   exp(x) ≈ (1 + c_1·t + c_2·t²)^(2^m) with t = x / 2^m
 *
 * x is first clipped to [−16, 0]: exp(−16) is below one ulp of 2^−16. Reading x with m more fractional bits divides it by 2^m without an
 * error, the base is truncated once, and the squarings run at w = f + 8 bits (at most 26): the ±1 ulp of each truncation, doubled by
 * every later squaring, ends below 2^(m+1) ulps of 2^−w.
 *
 * Approximation. By Taylor, c = (1, 1/2), the base errs by t³/6, always upwards, and exp by |x|³ / (6·4^m) of itself: 8.8e-4 at m = 4 (at x = −3).
 * c_1 = 1 − 7 / 4^(m+2), c_2 = 1/2 − 5 / 2^(m+3) take both what grows with x and what grows with x² off that cubic, so that the error has both
 * signs: at most 2.4e-4 at m = 4, a quarter of it with each further squaring, and exp(0) = 1. They were found by a search for the least
 * largest error on [−16, 0] at m = 4 and 5. With dealt truncation m = 4.
 * With local truncation (error probability |z| / 2^64) c is Taylor's, which takes six bits less, m = 4 and w = f.
 *
 * A first truncation may drop 32 bits (`truncateProducts.ts`): what a base has beyond w + 32 stays for the next. Above f = 23 t takes a
 * truncation of its own.
 *
 * Result: w = `workingBits(engine)` fractional bits. Cost: ReLU + product + m (truncation with product) + truncation.
 */
import { sizeOf } from '../ring/shape.ts';
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, FREE, inSequence } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { chainBits, chainDrops, reluOf } from './formats.ts';

/** The row of a vector by itself. */
const SQUARE = [[0, 0]] as const;
/** exp is taken on [−CLIP, 0]. */
export const CLIP = 16;
/** Squarings, unless more are asked for. */
export const SQUARINGS = 4;

type Precision = Pick<Engine, 'truncation' | 'fractionBits'>;

/** 1 + linear·t + square·t², whose coefficients have `bits` fractional bits at the most. */
interface Base {
  readonly linear: number;
  readonly square: number;
  readonly bits: number;
}

function baseOf({ truncation }: Pick<Engine, 'truncation'>, m: number): Base {
  if (truncation === 'local') return { linear: 1, square: 1 / 2, bits: 1 };
  return { linear: 1 - 7 / 4 ** (m + 2), square: 1 / 2 - 5 / 2 ** (m + 3), bits: m + 3 };
}

/** What stands for exp(x) after `m` squarings, but for rounding. */
export function approximation(engine: Pick<Engine, 'truncation'>, x: number, m: number): number {
  const { linear, square } = baseOf(engine, m);
  const t = x / 2 ** m;
  return (1 + linear * t + square * t * t) ** (2 ** m);
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

/** Fractional bits that t may have. */
function mostBits({ bits }: Base, w: number): number {
  return (chainBits(w) - bits) >> 1;
}

/** max(x, −CLIP) with the engine's fractional bits: x may have more. */
export async function clip(engine: Engine, x: Value): Promise<Value> {
  const { y } = await reluOf(engine, engine.addPublic(x, CLIP));
  return engine.addPublic(y, -CLIP);
}

/** exp of a value in [−CLIP, 0] (see `clip`), by m squarings; it enters products with what else truncations have left in no round. */
export async function exponential(engine: Engine, x: Value, m: number = SQUARINGS): Promise<Value> {
  const w = workingBits(engine);
  const base = baseOf(engine, m);
  const divided = engine.reinterpret(x, x.fractionBits + m); // x / 2^m
  const surplus = divided.fractionBits - mostBits(base, w);
  const t = surplus > 0 ? await engine.truncate(divided, surplus) : divided;
  const square = await engine.mul(t, t);
  const bits = square.fractionBits + base.bits;
  const terms = [
    [BigInt(base.linear * 2 ** (bits - t.fractionBits)), t],
    [BigInt(base.square * 2 ** base.bits), square],
  ] as const;
  let power = engine.reshape(engine.addPublic(engine.combine(terms, bits), 1), [1, sizeOf(x.shape)]);
  const drops = chainDrops(bits, w, m);
  for (const drop of drops.slice(0, m)) power = (await engine.truncateProducts(power, drop, SQUARE)).products;
  return engine.reshape((await engine.truncateProducts(power, drops[m], [])).y, x.shape);
}

/** Clip and exponential of `count` values with `surplus` fractional bits more than the engine's. */
export function cost(model: CostModel, count: number, surplus = 0, m: number = SQUARINGS): Cost {
  const clipped = surplus > 0 ? model.truncateRelu(count, surplus) : model.relu(count);
  return inSequence(clipped, exponentialCost(model, count, m));
}

/** The exponential alone. `opened`: of values that entered a product before. */
export function exponentialCost(model: CostModel, count: number, m: number = SQUARINGS, opened = false): Cost {
  const w = workingBits(model);
  const base = baseOf(model, m);
  const surplus = Math.max(0, model.fractionBits + m - mostBits(base, w));
  const drops = chainDrops(2 * (model.fractionBits + m - surplus) + base.bits, w, m);
  const squaring = (bits: number): Cost => model.truncateProducts({ rows: 1, columns: count, bits, pairs: SQUARE });
  const dealt = model.truncation === 'local' ? model.part(count) : FREE;
  return inSequence(
    surplus > 0 ? model.truncate(count, surplus) : FREE,
    opened && surplus === 0 ? FREE : model.product(count),
    dealt,
    ...drops.slice(0, m).map(squaring),
    model.truncateProducts({ rows: 1, columns: count, bits: drops[m], pairs: [] }),
  );
}
