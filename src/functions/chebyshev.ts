/** Chebyshev interpolation of a public function, and public linear combinations of powers: polynomials without a table. */
import type { Engine, Value } from '../engine/engine.ts';

/** Monomial coefficients in t ∈ [−1, 1] of the interpolant of g((high+low)/2 + t(high−low)/2) at the Chebyshev nodes. */
export function interpolate(g: (x: number) => number, low: number, high: number, degree: number): number[] {
  const nodes = degree + 1;
  const series = Array.from({ length: nodes }, (_, k) => {
    let sum = 0;
    for (let j = 0; j < nodes; j++) {
      const angle = (Math.PI * (j + 0.5)) / nodes;
      sum += g((high + low) / 2 + (Math.cos(angle) * (high - low)) / 2) * Math.cos(k * angle);
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

/** constant + Σ coefficients[i] · powers[i] of values with w fractional bits, at 2w fractional bits: local. */
export function combine(
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
