/**
 * ln s for s in [1, n], n public: s is brought into [1, 10] by comparisons with powers of two, and ln of that is a Chebyshev polynomial.
 *
 * A step with a public shift c asks s ≥ 2^c and, where it is so, divides s by 2^c and adds c·ln 2 to the result. It turns a range [1, R] into
 * [1, max(2^c, R / 2^c)]: none is needed up to n = 10, one up to 80, two up to 5120. Division is exact: s takes c more fractional bits, and
 * what stays as it is is multiplied by 2^c.
 *
 * Comparison: s − 2^c is read with so many more fractional bits that it stays below 2^5, inside any window that leaves six whole bits. Less than
 * 2^(⌈log2 R⌉ − 5 − f) below 2^c it may pass for more, which leaves s as much below 1, where the polynomial still holds.
 *
 * Error: that of the polynomial, 1.8e-3, whatever n. Cost: a comparison and a select a step; then 3 products and 5 truncations.
 */
import { combine, interpolate } from './chebyshev.ts';
import { type CostModel, truncatedProduct } from '../engine/costModel.ts';
import { type Cost, inSequence } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { workingBits } from './exponential.ts';

const DEGREE = 8;
/** The polynomial holds on [1, MOST]. */
const MOST = 10;
/** Whole bits that every comparison window leaves beside f fractional ones, less the sign. */
const WHOLE_BITS = 5;
/** Fractional bits of s times its slope, which is below 2^4. */
const PRODUCT_BITS = 57;

interface Step {
  readonly shift: number;
  /** Fractional bits by which s − 2^shift is made smaller for the comparison. */
  readonly scaled: number;
}

/** The shifts for s in [1, n], and the upper end of what they leave. */
function plan(n: number): { steps: Step[]; most: number } {
  const steps: Step[] = [];
  let most = n;
  while (most > MOST) {
    // The last shift leaves [1, 8] at the least; before it half of what is above that.
    const shift = 3 * Math.ceil(Math.log2(most / MOST) / 6);
    steps.push({ shift, scaled: Math.max(0, Math.ceil(Math.log2(most)) - WHOLE_BITS) });
    most = Math.max(2 ** shift, most / 2 ** shift);
  }
  return { steps, most };
}

/** ln s for s (m,1) in [1, n] with `workingBits`, at the engine's fractional bits. */
export async function logarithm(engine: Engine, s: Value, n: number): Promise<Value> {
  const w = workingBits(engine);
  const { steps, most } = plan(n);
  let x = s;
  let whole: Value | undefined;
  for (const { shift, scaled } of steps) {
    const compared = engine.addPublic(x, -(2 ** shift));
    const { sign } = await engine.relu(engine.reinterpret(compared, x.fractionBits + scaled));
    const large = await engine.select(sign, x);
    // 2^c·x, or x where it is large: over 2^c
    x = engine.sub(
      engine.extend(x, shift),
      engine.scale(engine.reinterpret(large, x.fractionBits + shift), (1n << BigInt(shift)) - 1n),
    );
    const ln = BigInt(Math.round(shift * Math.LN2 * 2 ** engine.fractionBits));
    const term = engine.reinterpret(engine.scale(engine.bits(sign), ln), engine.fractionBits);
    whole = whole === undefined ? term : engine.add(whole, term);
  }
  const rest = await polynomial(engine, x, most, w);
  return whole === undefined ? rest : engine.add(rest, whole);
}

/** ln x for x in [1, most]. */
async function polynomial(engine: Engine, x: Value, most: number, w: number): Promise<Value> {
  const c = interpolate(Math.log, 1, most, DEGREE);
  // t = (2x − (most + 1)) / (most − 1) in [−1, 1]
  const slopeBits = Math.min(w, PRODUCT_BITS - x.fractionBits);
  const slope = engine.scale(x, BigInt(Math.round((2 / (most - 1)) * 2 ** slopeBits)));
  const bits = x.fractionBits + slopeBits;
  const t = engine.addPublic(
    await engine.truncate(engine.reinterpret(slope, bits), bits - w),
    -(most + 1) / (most - 1),
  );
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

/** Of `m` values in [1, n]. */
export function logarithmCost(model: CostModel, m: number, n: number): Cost {
  const w = workingBits(model);
  const { steps } = plan(n);
  let bits = w;
  const normalized = steps.map(({ shift, scaled }) => {
    const drop = bits + scaled - model.fractionBits;
    bits += shift;
    return inSequence(model.relu(m, drop), model.select(m));
  });
  const slopeBits = Math.min(w, PRODUCT_BITS - bits);
  return inSequence(
    ...normalized,
    model.truncate(m, bits + slopeBits - w),
    truncatedProduct(model, m, m, w), // t²
    truncatedProduct(model, 4 * m, 2 * m, w), // t³, t⁴: of t and t² beside t² and t²
    model.truncate(m, w),
    truncatedProduct(model, 2 * m, m, 2 * w - model.fractionBits), // t⁴ and the upper half
  );
}
