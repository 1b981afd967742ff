/**
 * What of batch normalisation outlives a batch: running statistics, as PyTorch keeps them, and the affine map that stands for the layer once
 * they are fixed.
 *
 * Running: value ← (1 − momentum)·value + momentum·(the batch's), of the variance the unbiased one, Σd² / (m − 1). momentum is a multiple of
 * 2^−16, statistics have f fractional bits: each step rounds by an ulp, which adds up to 2 ulps at momentum 0.1.
 * Affine: y = x·a + (β − μ·a) with a = γ / √(σ² + ε), a having w fractional bits (`batchNorm.ts`): y and the error of a are as there, and of a
 * the relative 1e-5, and what rounding γ to 2^−f makes, where γ is one of `exactScales`.
 * Domain: σ² + ε < 2^12, ε ≥ 2^−34.
 * Cost: running statistics two truncations, of a row's size. The affine map's rows take 14 rounds, once; then, of a product x, the truncation
 * into an operand, an element.
 */
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, inSequence } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { checkTruncation, lowOf, RANGE_BITS, rootBits, scaledCost, scaledRoots, type Statistics } from './batchNorm.ts';
import { truncatedOperand } from './formats.ts';
import { cost as rootCost, FEW_BITS, inverseSqrtInTheClear, inverseSqrtOfFew } from './inverseSqrtFew.ts';

const MOMENTUM_BITS = 16;
/** Beyond f: of the variance while it is added to the running one, and of Σd² / 2^K before. */
const VARIANCE_GUARD = 24;

export interface Running {
  /** (1,n), f fractional bits. */
  readonly mean: Value;
  readonly variance: Value;
}

export async function updated(
  engine: Engine,
  { mean, variance }: Running,
  { negativeMean, squares, bits: K, count }: Statistics,
  momentum: number,
): Promise<Running> {
  const f = engine.fractionBits;
  const [n] = mean.shape.slice(1);
  const few = await engine.truncate(squares, FEW_BITS - (f + MOMENTUM_BITS));
  const taken = Math.round(momentum * 2 ** MOMENTUM_BITS);
  const kept = 2 ** MOMENTUM_BITS - taken;
  const bits = f + VARIANCE_GUARD;
  const by = 2 ** (VARIANCE_GUARD - MOMENTUM_BITS);
  const unbiased = Math.round((taken / 2 ** MOMENTUM_BITS) * (2 ** (K + bits - few.fractionBits) / (count - 1)));
  const means = engine.combine(
    [
      [BigInt(kept * by), mean],
      [BigInt(-taken * by), negativeMean],
    ],
    bits,
  );
  const variances = engine.combine(
    [
      [BigInt(kept * by), variance],
      [BigInt(unbiased), few],
    ],
    bits,
  );
  const next = await engine.truncate(engine.concatRows([means, variances]), VARIANCE_GUARD);
  const row = (i: number): Value => engine.reshape(engine.slice(next, i, i + 1), [1, n]);
  return { mean: row(0), variance: row(1) };
}

export interface Affine {
  /** a (1,n), w fractional bits. */
  readonly slope: Value;
  /** β − μ·a (1,n), f + w fractional bits. */
  readonly offset: Value;
}

export async function affineOf(
  engine: Engine,
  scale: Value,
  shift: Value,
  { mean, variance }: Running,
  epsilon: number,
): Promise<Affine> {
  checkTruncation(engine);
  const f = engine.fractionBits;
  const w = rootBits(f);
  const floor = epsilon * 2 ** -RANGE_BITS;
  const reduced = engine.reinterpret(variance, f + RANGE_BITS);
  const s = engine.addPublic(engine.extend(reduced, FEW_BITS - f - RANGE_BITS), floor);
  const root = await inverseSqrtOfFew(engine, s, lowOf(floor));
  const scaled = await scaledRoots(engine, root, [2 ** (-RANGE_BITS / 2)], scale, w);
  const slope = await engine.truncateOperand(scaled.slope, w);
  const offset = engine.sub(engine.extend(shift, w), await engine.mul(slope, mean));
  return { slope, offset };
}

/**
 * Scales for which `affineOf` gives the slopes that `scales` have in exact arithmetic: whoever knows scales and variances in the clear shares these,
 * and neither the root nor the variances' rounding makes an error.
 */
export function exactScales(
  scales: Float64Array,
  variances: Float64Array,
  epsilon: number,
  fractionBits: number,
): Float64Array {
  const floor = epsilon * 2 ** -RANGE_BITS;
  const unit = 2 ** fractionBits;
  const root = inverseSqrtInTheClear(lowOf(floor), fractionBits);
  return scales.map((scale, c) => {
    const s = (Math.round(variances[c] * unit) / unit) * 2 ** -RANGE_BITS + floor; // the variance that is shared
    const exact = scale / Math.sqrt(variances[c] + epsilon);
    return (exact * 2 ** (RANGE_BITS / 2)) / root(s);
  });
}

/** x (m,n) with f or more fractional bits → (m,n) with f + w. */
export async function affine(engine: Engine, x: Value, { slope, offset }: Affine): Promise<Value> {
  return engine.addRow(await engine.mul(await truncatedOperand(engine, x), slope), offset);
}

/** Of `updated`, n channels. */
export function updatedCost(model: CostModel, n: number): Cost {
  return inSequence(
    model.truncate(n, FEW_BITS - (model.fractionBits + MOMENTUM_BITS)),
    model.truncate(2 * n, VARIANCE_GUARD),
  );
}

/** Of `affineOf`, with the mean opened and P2's part of the offset not dealt yet. */
export function affineCost(model: CostModel, n: number, epsilon: number): Cost {
  const w = rootBits(model.fractionBits);
  return inSequence(
    rootCost(model, n, lowOf(epsilon * 2 ** -RANGE_BITS)),
    scaledCost(model, n, 1, w),
    model.truncateOperand(n, w),
    model.product(n),
  );
}
