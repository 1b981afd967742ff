/**
 * 1 / s for s in [1, n] (PROTOCOLS §5), without a table: a linear first guess, then Newton–Raphson in its product form
 * (Goldschmidt), which squares the error e and updates the guess y in one product:
 *   y₀ = a − b·s,  e₀ = 1 − s·y₀,   y ← y·(1 + e),  e ← e²
 * a and b are Chebyshev's: max |e₀| over [1, n] is least, namely 1 / T₂((n+1)/(n−1)). After t steps the relative error is e₀^(2^t);
 * t is chosen so that it is at most 2 ulps of the engine's f fractional bits: a tenth of what the exponentials are wrong by, of which s is the
 * sum. An ulp of s lost early is multiplied by what is still missing from the guess, at most 1 / y₀(1): `errorUlps` bounds the error.
 * Cost: 2 truncations, a product, and t truncations with their products.
 */
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, FREE, inSequence, repeated } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import type { Pair } from '../protocols/direct/productShape.ts';

/** Of the rows y and e: y·e and e². The last step needs no e after it. */
const STEP: readonly Pair[] = [
  [0, 1],
  [1, 1],
];
const LAST_STEP: readonly Pair[] = [[0, 1]];
/** Further fractional bits of the slope b, which is small and meets s up to n. */
const SLOPE_BITS = 8;

interface Guess {
  readonly a: number;
  readonly b: number;
  /** max |1 − s(a − b·s)| over [1, n]. */
  readonly error: number;
}

/** 1 − a·s + b·s² = T₂((n + 1 − 2s) / (n − 1)) / T₂((n + 1) / (n − 1)), T₂(t) = 2t² − 1. */
function firstGuess(n: number): Guess {
  if (!(n > 1)) throw new RangeError(`reciprocal: domain [1, ${n}] is empty`);
  const top = 2 * ((n + 1) / (n - 1)) ** 2 - 1;
  const factor = 8 / ((n - 1) ** 2 * top);
  return { a: factor * (n + 1), b: factor, error: 1 / top };
}

/** Of y₀: its rounding, times s, adds to the error of the guess. */
function firstError(n: number, w: number): number {
  return firstGuess(n).error + 2 * n * 2 ** -w;
}

function overflows(n: number, w: number): boolean {
  return n * 2 ** (2 * w) >= 2 ** 61;
}

/** Whether there is a reciprocal on [1, n] for values of w fractional bits. */
export function holds(n: number, w: number): boolean {
  return n > 1 && !overflows(n, w) && firstError(n, w) < 1;
}

/** Steps for s with w fractional bits, until the error is at most 2^(1−f). */
export function iterations(n: number, w: number, f: number): number {
  if (overflows(n, w)) throw new RangeError(`reciprocal on [1, ${n}]: products overflow at ${w} fractional bits`);
  const error = firstError(n, w);
  if (error >= 1) throw new RangeError(`reciprocal on [1, ${n}]: ${w} fractional bits are too few`);
  return Math.max(1, Math.ceil(Math.log2((f - 1) / Math.log2(1 / error))));
}

/** Bound of the absolute error, in units of 2^−w. */
export function errorUlps(n: number, w: number, f: number): number {
  const { a, b } = firstGuess(n);
  return 2 ** (w - f + 1) + (iterations(n, w, f) + 4) * Math.max(1, 1 / (a - b));
}

/** s is (m,1) in [1, n]; returns (m,1) with the same fractional bits. */
export async function reciprocal(engine: Engine, s: Value, n: number): Promise<Value> {
  const w = s.fractionBits;
  const { a, b } = firstGuess(n);
  const shift = w + SLOPE_BITS;
  const slope = engine.scale(s, -BigInt(Math.round(b * 2 ** shift)));
  const [m] = s.shape;
  let y: Value = engine.addPublic(await engine.truncate(engine.reinterpret(slope, w + shift), shift), a);
  let e: Value = engine.addPublic(engine.scale(await engine.mul(s, y), -1n), 1);
  for (let i = iterations(n, w, engine.fractionBits); i > 0; i--) {
    const guess = engine.reshape(engine.extend(y, 2 * w - y.fractionBits), [1, m]);
    const rows = engine.concatRows([guess, engine.reshape(e, [1, m])]);
    const { y: truncated, products } = await engine.truncateProducts(rows, w, i > 1 ? STEP : LAST_STEP);
    // y·(1 + e) with 2w fractional bits
    y = engine.add(engine.extend(engine.slice(truncated, 0, 1), w), engine.slice(products, 0, 1));
    if (i > 1) e = engine.slice(products, 1, 2);
  }
  return engine.reshape(await engine.truncate(y, w), s.shape);
}

/** Of `m` values in [1, n] with w fractional bits. */
export function cost(model: CostModel, m: number, n: number, w: number): Cost {
  const step = (pairs: readonly Pair[]): Cost => model.truncateProducts({ rows: 2, columns: m, bits: w, pairs });
  return inSequence(
    model.truncate(m, w + SLOPE_BITS),
    model.product(2 * m),
    model.truncation === 'local' ? model.part(2 * m) : FREE,
    repeated(iterations(n, w, model.fractionBits) - 1, step(STEP)),
    step(LAST_STEP),
    model.truncate(m, w),
  );
}
