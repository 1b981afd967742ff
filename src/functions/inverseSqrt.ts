/**
 * 1 / √s for s in [low, 1), `low` public and as small as 2^−48: an oblivious normalisation by comparisons, then a polynomial.
 *
 * Normalisation is a binary search for the power of four that brings s into [1/4, 1). A step with a public even shift c asks s ≥ 2^−c
 * and, where it is not, multiplies s by 2^c and the factor F by 2^(c/2). It turns a range of R = log2(1 / low) bits into one of
 * max(c, R − c), so about log2 R steps do: five for R = 48. Then 1/√s = F · P(s·F²) with P of degree 6, interpolating 1/√.
 *
 * Comparison: s has up to 56 fractional bits, far more than a window holds. What is compared is s − 2^−c truncated to w = f + 6
 * fractional bits, which fit any window that leaves six whole bits at f. The truncation never takes an s above 2^−c for one below;
 * an s less than 2^−w below may pass for one above, which leaves it a little under 1/4: `planNormalization` follows that bound.
 *
 * Error: relative 4e-4 (of the interpolation 3e-4). Domain: low ≥ 2^(4−U) for U fractional bits, f + 6 < U ≤ 56. Only with dealt
 * truncation: products reach 2^60, where local truncation would fail once in sixteen.
 * Cost: a truncate-and-ReLU and two selects (side by side) a step; then 4 products and 4 truncations.
 */
import { sizeOf } from '../ring/shape.ts';
import { combine, interpolate } from './chebyshev.ts';
import { type CostModel, truncatedProduct } from '../engine/costModel.ts';
import { type Cost, inSequence } from '../party/cost.ts';
import type { Engine, Sign, Value } from '../engine/engine.ts';

/** Whole bits that every comparison window leaves beside f fractional ones. */
const WHOLE_BITS = 6;
/** A shift stays this far from the bits compared, so that what they drop is below 2^−4 of the threshold. */
const COMPARE_GUARD = 4;
/** Where normalisation may stop: 1/4, less what a comparison may err by. */
const NORMAL = 2 ** -2.1;
const DEGREE = 6;
/** Fractional bits of the polynomial. */
export const ROOT_BITS = 18;

export interface Normalized {
  /** s · F². */
  readonly x: Value;
  /** F, a power of two: an integer. */
  readonly factor: Value;
  /** x is in [low, 1). */
  readonly low: number;
}

/** Fractional bits of what is compared. */
function comparedBits({ fractionBits }: Pick<Engine, 'fractionBits'>): number {
  return fractionBits + WHOLE_BITS;
}

/** The shifts for s in [low, 1), and the lower end of what they leave. */
export function planNormalization(low: number, compared: number): { shifts: number[]; low: number } {
  const most = 2 * Math.floor((compared - COMPARE_GUARD) / 2);
  const shifts: number[] = [];
  let least = low;
  while (least < NORMAL) {
    const c = Math.min(most, Math.max(2, 2 * Math.round(-Math.log2(least) / 4)));
    shifts.push(c);
    least = Math.min(2 ** -c - 2 ** -compared, least * 2 ** c);
  }
  return { shifts, low: least };
}

/** The bits [x ≥ 0] for |x| < 1, right unless −2^−w < x < 0. */
export async function isNonNegative(engine: Engine, x: Value): Promise<Sign> {
  const { sign } = await engine.truncateRelu(x, x.fractionBits - comparedBits(engine));
  return sign;
}

/** s in [low, 1). `others`, of the same shape, are multiplied by F² as s is. */
export async function normalize(
  engine: Engine,
  s: Value,
  low: number,
  others: readonly Value[] = [],
): Promise<Normalized & { readonly others: readonly Value[] }> {
  const plan = planNormalization(low, comparedBits(engine));
  const ones = new Float64Array(sizeOf(s.shape)).fill(1);
  let values = [engine.constant(s.shape, ones, 0), s, ...others];
  for (const c of plan.shifts) {
    const sign = await isNonNegative(engine, engine.addPublic(values[1], -(2 ** -c)));
    const kept = await engine.all(values.map((value) => (fork: Engine) => fork.select(sign, value)));
    values = values.map((value, i) => {
      const shifted = 1n << BigInt(i === 0 ? c / 2 : c);
      return engine.sub(engine.scale(value, shifted), engine.scale(kept[i], shifted - 1n));
    });
  }
  const [factor, x, ...rest] = values;
  return { x, others: rest, factor, low: plan.low };
}

/** 1 / √s of a normalised s, with ROOT_BITS fractional bits. */
export async function inverseSqrtOf(engine: Engine, { x, factor, low }: Normalized): Promise<Value> {
  const w = ROOT_BITS;
  const half = (1 - low) / 2;
  const c = interpolate((s) => 1 / Math.sqrt(s), low, 1, DEGREE).map((coefficient, i) => coefficient / half ** i);
  const t = engine.addPublic(await engine.truncate(x, x.fractionBits - w), -(1 + low) / 2);
  const t2 = await engine.truncate(await engine.mul(t, t), w);
  const t3 = await engine.truncate(await engine.mul(t2, t), w);
  // Σ c_i t^i = c_0 + c_1 t + c_2 t² + t³ (c_3 + c_4 t + c_5 t² + c_6 t³)
  const lower = combine(engine, [t, t2], c.slice(1, 3), c[0], w);
  const upper = await engine.truncate(combine(engine, [t, t2, t3], c.slice(4), c[3], w), w);
  const root = await engine.truncate(engine.add(lower, await engine.mul(t3, upper)), w);
  return engine.mul(root, factor);
}

/** 1 / √s for s in [low, 1), with ROOT_BITS fractional bits. */
export async function inverseSqrt(engine: Engine, s: Value, low: number): Promise<Value> {
  return inverseSqrtOf(engine, await normalize(engine, s, low));
}

/** Of `count` elements with U fractional bits; the result's part is not dealt yet. */
export function cost(model: CostModel, count: number, U: number, low: number): Cost {
  const compared = comparedBits(model);
  const select = model.select(count);
  const steps = planNormalization(low, compared).shifts.map(() =>
    inSequence(model.truncateRelu(count, U - compared), { rounds: select.rounds, bytes: 2 * select.bytes }),
  );
  const w = ROOT_BITS;
  return inSequence(
    ...steps,
    model.truncate(count, U - w),
    truncatedProduct(model, count, count, w), // t²; t is opened
    truncatedProduct(model, count, count, w), // t³; t² is opened
    model.truncate(count, w),
    truncatedProduct(model, 2 * count, count, w), // t³ and the upper half
    model.product(2 * count),
  );
}
