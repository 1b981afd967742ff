/**
 * 1 / s for s in [1, n] (PROTOCOLS §5), without a table: a linear first guess, then Newton–Raphson in its product form
 * (Goldschmidt), which squares the error e and updates the guess y in one product:
 *   y₀ = a − b·s,  e₀ = 1 − s·y₀ = 1 − a·s + b·s²,   y ← y·(1 + e),  e ← e²
 * After t steps the relative error is e₀^(2^t), for y = (1 − e) / s throughout. t is chosen so that it is at most 2 ulps of the engine's f
 * fractional bits: a tenth of what the exponentials are wrong by, of which s is the sum.
 *
 * The guess. Chebyshev's parabola has the least max |e₀| over [1, n], namely 1 / T₂((n+1)/(n−1)). b gets the few fractional bits that e₀ has room for
 * beside s², and a is the best for that b; for many classes, where b is rounded to 0, y₀ is a constant and s² is not needed. So y₀ and
 * e₀ are exact, both are truncated once, side by side, and where s comes from truncations (`Engine.mul`) e₀ takes no round.
 *
 * An ulp of y lost early is multiplied by what is still missing from the guess, at most 1 / y₀(1): `errorUlps` bounds the error.
 * Cost: a square, t truncations with their products, and a truncation.
 */
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, FREE, inSequence } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { chainBits, chainDrops } from './formats.ts';
import type { Pair } from '../protocols/direct/productShape.ts';

/** Of the rows y and e: y·e and e². The last step needs no e after it. */
const STEP: readonly Pair[] = [
  [0, 1],
  [1, 1],
];
const LAST_STEP: readonly Pair[] = [[0, 1]];
/** With fewer the last truncation would drop other bits than those before it. */
const LEAST_STEPS = 2;
/** Fractional bits of e₀ with local truncation, whose errors become more likely with them, and of b at the least. */
const LOCAL_BITS = 40;
const LOCAL_SLOPE_BITS = 8;

type Precision = Pick<Engine, 'truncation' | 'fractionBits'>;

interface Guess {
  readonly a: number;
  readonly b: number;
  /** max |1 − s(a − b·s)| over [1, n]. */
  readonly error: number;
}

/** Fractional bits of b, for s with w. */
function slopeBits({ truncation }: Precision, w: number): number {
  return truncation === 'dealt' ? chainBits(w) - 2 * w : Math.max(LOCAL_SLOPE_BITS, LOCAL_BITS - 2 * w);
}

/** The best guess whose b has so many fractional bits. */
function firstGuess(n: number, bits: number): Guess {
  if (!(n > 1)) throw new RangeError(`reciprocal: domain [1, ${n}] is empty`);
  // 1 − a·s + b·s² = T₂((n + 1 − 2s) / (n − 1)) / T₂((n + 1) / (n − 1)), T₂(t) = 2t² − 1
  const b = 8 / ((n - 1) ** 2 * (2 * ((n + 1) / (n - 1)) ** 2 - 1));
  const [low, high] = [Math.floor, Math.ceil].map((round) => withSlope(n, round(b * 2 ** bits) / 2 ** bits));
  return low.error < high.error ? low : high;
}

/** The largest |e₀| lies at 1, at n or at the vertex, and is least where two of these are equal and opposite. */
function withSlope(n: number, b: number): Guess {
  const equal = [(2 + b * (1 + n * n)) / (n + 1)];
  if (b > 0) equal.push(2 * b * (Math.sqrt(2 + 2 / b) - 1), 2 * b * (Math.sqrt(2 * n * n + 2 / b) - n));
  const guesses = equal.map((a) => {
    const vertex = b > 0 ? Math.min(n, Math.max(1, a / (2 * b))) : 1;
    return { a, b, error: Math.max(...[1, n, vertex].map((s) => Math.abs(1 - a * s + b * s * s))) };
  });
  return guesses.reduce((best, guess) => (guess.error < best.error ? guess : best));
}

/** With the rounding of a, and of e₀. */
function firstError(precision: Precision, n: number, w: number): number {
  const bits = slopeBits(precision, w);
  return firstGuess(n, bits).error + n * 2 ** -(w + bits) + 2 ** -w;
}

function overflows(n: number, w: number): boolean {
  return n * 2 ** (2 * w) >= 2 ** 61;
}

/** Whether there is a reciprocal on [1, n] for values of w fractional bits. */
export function holds(precision: Precision, n: number, w: number): boolean {
  return n > 1 && !overflows(n, w) && firstError(precision, n, w) < 1;
}

/** Steps for s with w fractional bits. */
export function iterations(precision: Precision, n: number, w: number): number {
  if (overflows(n, w)) throw new RangeError(`reciprocal on [1, ${n}]: products overflow at ${w} fractional bits`);
  const error = firstError(precision, n, w);
  if (error >= 1) throw new RangeError(`reciprocal on [1, ${n}]: ${w} fractional bits are too few`);
  const steps = Math.ceil(Math.log2((precision.fractionBits - 1) / Math.log2(1 / error)));
  return Math.max(LEAST_STEPS, steps);
}

/** Bound of the absolute error, in units of 2^−w. */
export function errorUlps(precision: Precision, n: number, w: number): number {
  const { a, b } = firstGuess(n, slopeBits(precision, w));
  const steps = iterations(precision, n, w);
  return 2 ** (w - precision.fractionBits + 1) + (steps + 4) * Math.max(1, 1 / (a - b));
}

/** s is (m,1) in [1, n]; returns (m,1) with the same fractional bits, left by a truncation as those of `exponential` are. */
export async function reciprocal(engine: Engine, s: Value, n: number): Promise<Value> {
  const w = s.fractionBits;
  const bits = slopeBits(engine, w);
  const guess = firstGuess(n, bits);
  const slope = BigInt(guess.b * 2 ** bits);
  const a = BigInt(Math.round(guess.a * 2 ** (w + bits)));
  const [m] = s.shape;
  let y: Value = engine.addPublic(engine.reinterpret(engine.scale(s, -slope), w + bits), Number(a) / 2 ** (w + bits));
  const linear = [-a, s] as const;
  const terms = slope === 0n ? [linear] : [linear, [slope, await engine.mul(s, s)] as const];
  let e: Value = engine.addPublic(engine.combine(terms, 2 * w + bits), 1);
  const steps = iterations(engine, n, w);
  const drops = chainDrops(e.fractionBits, w, steps);
  for (let i = 0; i < steps; i++) {
    const row = engine.reshape(engine.extend(y, e.fractionBits - y.fractionBits), [1, m]);
    const rows = engine.concatRows([row, engine.reshape(e, [1, m])]);
    const last = i === steps - 1;
    const { y: truncated, products } = await engine.truncateProducts(rows, drops[i], last ? LAST_STEP : STEP);
    // y·(1 + e) with twice the fractional bits
    y = engine.add(engine.extend(engine.slice(truncated, 0, 1), truncated.fractionBits), engine.slice(products, 0, 1));
    if (!last) e = engine.slice(products, 1, 2);
  }
  return engine.reshape((await engine.truncateProducts(y, drops[steps], [])).y, s.shape);
}

/** Of `m` values in [1, n] with w fractional bits. @param terms of how many values that truncations by w have left they are the sums; 0: of none */
export function cost(model: CostModel, m: number, n: number, w: number, terms = 0): Cost {
  const bits = slopeBits(model, w);
  const steps = iterations(model, n, w);
  const drops = chainDrops(2 * w + bits, w, steps);
  const step = (drop: number, i: number): Cost =>
    model.truncateProducts({ rows: 2, columns: m, bits: drop, pairs: i === steps - 1 ? LAST_STEP : STEP });
  const local = model.truncation === 'local';
  const square =
    terms > 0 && !local
      ? model.leftProduct(m, w, [terms])
      : inSequence(model.product(m), local ? model.part(2 * m) : FREE);
  return inSequence(
    firstGuess(n, bits).b === 0 ? FREE : square,
    ...drops.slice(0, steps).map(step),
    model.truncateProducts({ rows: 1, columns: m, bits: drops[steps], pairs: [] }),
  );
}
