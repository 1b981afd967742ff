/**
 * 1 / √s of a few values, s in [low, 1), in few rounds: `inverseSqrt.ts` for statistics of a channel, where a round costs more than a hundred
 * comparisons.
 *
 * Normalisation asks s ≥ 4^−j for j = 1 … J at once. The F that brings s into [1/4, 1) is linear in the answers b_j: F = 2^J − Σ b_j·2^(j−1),
 * F² = 4^J − Σ b_j·3·4^(j−1). What is compared has f + 6 fractional bits, as there, so one stage reaches down to 2^−(f+2), and two
 * to 2^−36 at f = 16. Then P of degree 6, interpolating 1/√ on [1/4, 1), in products that come with truncations (`truncateProducts.ts`): with
 * t = s·F² − centre, t² and t³ take a round each, and P = c_0 + c_1·t + c_2·t² + t³·(c_3 + c_4·t + c_5·t² + c_6·t³) one more.
 *
 * s has FEW_BITS fractional bits, low ≥ 2^(4 − FEW_BITS). Error: relative 4e-4. Only with dealt truncation. Cost: 4 rounds a stage and 4 more.
 */
import { interpolate } from './chebyshev.ts';
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, inSequence } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';

/** Fractional bits of s. */
export const FEW_BITS = 52;
/** Whole bits that every comparison window leaves beside f fractional ones. */
const WHOLE_BITS = 6;
/** The lowest threshold stays this far from the last bit compared. */
const COMPARE_GUARD = 4;
/** Where normalisation may stop: 1/4, less what a comparison may err by. */
const NORMAL = 2 ** -2.1;
const DEGREE = 6;
/** Most that a truncation with products drops. */
const DROP = 32;
/** Fractional bits of t and t², which leave as much as that. */
const POWER_BITS: number = FEW_BITS - DROP;
const COEFFICIENT_BITS = 18;
/** Of t³ times its factor. */
const UPPER_BITS: number = 2 * POWER_BITS + COEFFICIENT_BITS - DROP;
/** Fractional bits of F·P. */
export const ROOT_BITS: number = 2 * UPPER_BITS - DROP;

/** Of how many thresholds each stage asks, and the lower end of what they leave. */
export function planStages(low: number, fractionBits: number): { stages: number[]; low: number } {
  const compared = fractionBits + WHOLE_BITS;
  const most = Math.floor((compared - COMPARE_GUARD) / 2);
  const stages: number[] = [];
  let least = low;
  while (least < NORMAL) {
    const count = Math.min(most, Math.ceil(Math.log2(NORMAL / least) / 2));
    stages.push(count);
    // A threshold may count an s a little below it.
    least = Math.min(1 / 4 - 2 ** (2 * count - 2 - compared), least * 4 ** count);
  }
  return { stages, low: least };
}

/** F·P(s·F²) = 1 / √s for s (1,n), with ROOT_BITS fractional bits. */
export async function inverseSqrtOfFew(engine: Engine, s: Value, low: number): Promise<Value> {
  const [, n] = s.shape;
  const plan = planStages(low, engine.fractionBits);
  let x = s;
  let factor: Value | undefined;
  for (const count of plan.stages) {
    const thresholds = Array.from({ length: count }, (_, i) => 4 ** -(i + 1));
    const compared = engine.concatRows(thresholds.map((threshold) => engine.addPublic(x, -threshold)));
    const { sign } = await engine.truncateRelu(compared, FEW_BITS - engine.fractionBits - WHOLE_BITS);
    const bits = engine.bits(sign);
    const answers = thresholds.map((_, i) => engine.slice(bits, i, i + 1));
    const weighted = (base: bigint, first: bigint): Value =>
      engine.addPublic(
        engine.combine(
          answers.map((b, i) => [-first * base ** BigInt(i), b]),
          0,
        ),
        Number(base) ** count,
      );
    const F = weighted(2n, 1n);
    const [normal, whole] = await engine.all([
      (fork) => fork.mul(x, weighted(4n, 3n)),
      (fork) => (factor === undefined ? Promise.resolve(F) : fork.mul(factor, F)),
    ]);
    x = normal;
    factor = whole;
  }
  const root = await polynomial(engine, x, plan.low);
  factor ??= engine.constant([1, n], new Float64Array(n).fill(1), 0);
  const rows = engine.concatRows([root, engine.reinterpret(engine.extend(factor, DROP), root.fractionBits)]);
  const { products } = await engine.truncateProducts(rows, DROP, [[0, 1]]);
  return engine.reinterpret(products, ROOT_BITS); // the factor is an integer
}

/** What `inverseSqrtOfFew` gives for public s, but for roundings. */
export function inverseSqrtInTheClear(low: number, fractionBits: number): (s: number) => number {
  const plan = planStages(low, fractionBits);
  const c = coefficients(plan.low);
  return (s) => {
    let [x, factor] = [s, 1];
    for (const count of plan.stages) {
      for (let i = 0; i < count && x < 1 / 4; i++) [x, factor] = [4 * x, 2 * factor];
    }
    const t = x - (1 + plan.low) / 2;
    return factor * c.reduceRight((sum, coefficient) => sum * t + coefficient, 0);
  };
}

/** Of P, in powers of x less the middle of [low, 1). */
function coefficients(low: number): number[] {
  const half = (1 - low) / 2;
  return interpolate((s) => 1 / Math.sqrt(s), low, 1, DEGREE).map((coefficient, i) => coefficient / half ** i);
}

/** P(x) for x in [low, 1), with 2·UPPER_BITS fractional bits. */
async function polynomial(engine: Engine, x: Value, low: number): Promise<Value> {
  const w = POWER_BITS;
  const c = coefficients(low);
  const centred = engine.addPublic(x, -(1 + low) / 2);
  const first = await engine.truncateProducts(centred, DROP, [[0, 0]]);
  const t = first.y;
  const second = await engine.truncateProducts(engine.concatRows([engine.extend(t, w), first.products]), w, [[0, 1]]);
  const t2 = engine.slice(second.y, 1, 2);
  const t3 = second.products; // 2w
  /** Σ of powers times coefficients, and a constant, with 2w + COEFFICIENT_BITS fractional bits. */
  const sum = (terms: readonly (readonly [coefficient: number, power: Value])[], constant: number): Value => {
    const rounded = terms.map(([coefficient, power]) => {
      const factor = BigInt(Math.round(coefficient * 2 ** COEFFICIENT_BITS));
      return [factor << BigInt(2 * w - power.fractionBits), power] as const;
    });
    return engine.addPublic(engine.combine(rounded, 2 * w + COEFFICIENT_BITS), constant);
  };
  const upper = sum(
    [
      [c[4], t],
      [c[5], t2],
      [c[6], t3],
    ],
    c[3],
  );
  const rows = engine.concatRows([engine.extend(t3, COEFFICIENT_BITS), upper]);
  const { products } = await engine.truncateProducts(rows, DROP, [[0, 1]]);
  const bits = w + COEFFICIENT_BITS;
  const factors = [c[1], c[2]].map((coefficient) => BigInt(Math.round(coefficient * 2 ** COEFFICIENT_BITS)));
  const lower = engine.addPublic(
    engine.combine(
      [
        [factors[0], t],
        [factors[1], t2],
      ],
      bits,
    ),
    c[0],
  );
  return engine.add(engine.extend(lower, 2 * UPPER_BITS - bits), products);
}

/** Of n values in [low, 1), none of them a product in three parts. */
export function cost(model: CostModel, n: number, low: number): Cost {
  const { stages } = planStages(low, model.fractionBits);
  const step = (bits: number, rows: number): Cost =>
    model.truncateProducts({ rows, columns: n, bits, pairs: [[0, rows - 1]] });
  return inSequence(
    ...stages.map((count, i) =>
      inSequence(
        model.truncateRelu(count * n, FEW_BITS - model.fractionBits - WHOLE_BITS),
        // s and F², from the second stage on the two factors, too; what is a product by then is dealt first.
        inSequence(model.product((i === 0 ? 2 : 4) * n), model.part(Math.min(i, 2) * n)),
      ),
    ),
    step(DROP, 1),
    step(POWER_BITS, 2),
    step(DROP, 2),
    step(DROP, 2),
  );
}
