/**
 * Softmax and softmax cross-entropy (PROTOCOLS §5): subtract the row maximum, clip, exponentials, their sum in [1, n], its
 * reciprocal, one product.
 *
 * crossEntropy: Σ over rows of ln Σ_j exp(x_j) − x_label on the shifted and clipped logits x, so one row's loss is at most
 * 16 + ln n. ln is a Chebyshev polynomial of degree 8 on [1, n] (error 2e-3 for n = 10); it is shown, never trained on.
 */
import { type Cost, type CostModel, inSequence, truncatedProduct } from './cost.ts';
import type { Engine, Value } from './engine.ts';
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
  const c = chebyshevLog(n);
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

/** constant + Σ coefficients[i] · powers[i], at 2w fractional bits. */
function combine(
  engine: Engine,
  powers: readonly Value[],
  coefficients: readonly number[],
  constant: number,
  w: number,
): Value {
  let total: Value | undefined;
  coefficients.forEach((coefficient, i) => {
    const term = engine.reinterpret(engine.scale(powers[i], BigInt(Math.round(coefficient * 2 ** w))), 2 * w);
    total = total === undefined ? term : engine.add(total, term);
  });
  return engine.addPublic(total!, constant);
}

/** Monomial coefficients in t of the degree-8 Chebyshev interpolant of ln((n+1)/2 + t(n−1)/2). */
function chebyshevLog(n: number): number[] {
  const nodes = DEGREE + 1;
  const series = Array.from({ length: nodes }, (_, k) => {
    let sum = 0;
    for (let j = 0; j < nodes; j++) {
      const angle = (Math.PI * (j + 0.5)) / nodes;
      sum += Math.log((n + 1) / 2 + (Math.cos(angle) * (n - 1)) / 2) * Math.cos(k * angle);
    }
    return ((k === 0 ? 1 : 2) / nodes) * sum;
  });
  // T_0 = 1, T_1 = t, T_{k+1} = 2t·T_k − T_{k−1}
  const monomials = new Array<number>(nodes).fill(0);
  let previous = [1];
  let current = [0, 1];
  series.forEach((coefficient, k) => {
    const polynomial = k === 0 ? previous : current;
    polynomial.forEach((value, i) => (monomials[i] += coefficient * value));
    if (k === 0) return;
    const next = [0, ...current.map((value) => 2 * value)];
    previous.forEach((value, i) => (next[i] -= value));
    previous = current;
    current = next;
  });
  return monomials;
}
