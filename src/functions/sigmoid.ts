/**
 * Sigmoid and hyperbolic tangent: clipped, then an odd polynomial. tanh x = 2σ(2x) − 1, so one polynomial serves both.
 *
 * σ(x) is taken on [−8, 8], tanh on [−4, 4]; outside it is what it is at the ends. With u = x/8 in [−1, 1] (x read with three more fractional
 * bits) σ = 1/2 + u·H(u²), H of degree 8 in t = 2u² − 1, interpolating at Chebyshev nodes:
 *   H = c_0 + c_1·t + c_2·t² + c_3·t³ + t⁴·(c_4 + … + c_8·t⁴), so u·H = u·low + (u·t⁴)·high
 * Powers have POWER_BITS fractional bits and come out of their truncations as operands, open (`truncateOperand`).
 *
 * Domain: that of a comparison. Error: σ 1e-3, tanh 2e-3, everywhere, and an ulp. Values may pass 0 and 1 (−1 and 1) by as much.
 * Derivatives: y·(1 − y) and 1 − y², from y, which is open. Only with dealt truncation: products fill the ring.
 * Cost an element: two comparisons side by side, an opening and eight truncations into operands: 0.38 kB and 16 rounds in the direct suite. Back:
 * an opening and a truncation into an operand, 42 bytes and 3 rounds.
 */
import { combine, interpolate } from './chebyshev.ts';
import { clamp } from './clamp.ts';
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, FREE, inSequence, sideBySide } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { alike, truncatedOperand } from './formats.ts';

/** σ is taken on ±2^BOUND_BITS, and u is x over that. */
const BOUND_BITS = 3;
const POWER_BITS = 20;
const DEGREE = 8;
/** Bits that a truncation into an operand drops at least (`truncateOperand.ts`). */
const LEAST = 8;

/** H as a polynomial in t. */
const COEFFICIENTS: readonly number[] = interpolate(
  (v) => {
    const u = Math.sqrt(v);
    return (1 / (1 + Math.exp(-u * 2 ** BOUND_BITS)) - 1 / 2) / u;
  },
  0,
  1,
  DEGREE,
);

function checkTruncation(engine: Pick<Engine, 'truncation'>): void {
  if (engine.truncation !== 'dealt')
    throw new RangeError('sigmoid and tanh: need dealt truncation, found local; give --truncation dealt');
}

/** σ(x) of an x with f or more fractional bits, as an operand with f. */
export async function sigmoid(engine: Engine, x: Value): Promise<Value> {
  return truncatedOperand(engine, engine.addPublic(await centred(engine, x, BOUND_BITS), 1 / 2));
}

/** tanh x of an x with f or more fractional bits, as an operand with f. */
export async function tanh(engine: Engine, x: Value): Promise<Value> {
  const half = await centred(engine, x, BOUND_BITS - 1);
  return truncatedOperand(engine, engine.reinterpret(half, half.fractionBits - 1));
}

/** δ·σ'(x), from y = σ(x). */
export async function sigmoidError(engine: Engine, y: Value, delta: Value): Promise<Value> {
  const f = y.fractionBits;
  const square = await engine.mul(y, y);
  const terms = [
    [1n << BigInt(f), y],
    [-1n, square],
  ] as const;
  return chained(engine, engine.combine(terms, square.fractionBits), delta);
}

/** δ·tanh'(x), from y = tanh x. */
export async function tanhError(engine: Engine, y: Value, delta: Value): Promise<Value> {
  const square = await engine.mul(y, y);
  return chained(engine, engine.addPublic(engine.scale(square, -1n), 1), delta);
}

async function chained(engine: Engine, derivative: Value, delta: Value): Promise<Value> {
  const [left, right] = await engine.all([
    (fork) => truncatedOperand(fork, delta),
    (fork) => truncatedOperand(fork, derivative),
  ]);
  return engine.mul(left, right);
}

/** σ − 1/2 of x·2^(BOUND_BITS − bits), for |x| up to 2^bits, and of those ends beyond; a product. */
async function centred(engine: Engine, x: Value, bits: number): Promise<Value> {
  checkTruncation(engine);
  const w = POWER_BITS;
  const c = COEFFICIENTS;
  const { y: cut } = await clamp(engine, x, -(2 ** bits), 2 ** bits);
  const u = engine.reinterpret(cut, cut.fractionBits + bits);
  const square = await engine.mul(u, u);
  const doubled = engine.addPublic(engine.reinterpret(square, square.fractionBits - 1), -1);
  const surplus = doubled.fractionBits - w;
  const t = await (surplus > 0 ? engine.truncateOperand(doubled, surplus) : engine.extend(doubled, -surplus));
  const product = async (fork: Engine, a: Value, b: Value): Promise<Value> => {
    const ab = await fork.mul(a, b);
    return fork.truncateOperand(ab, ab.fractionBits - w);
  };
  const t2 = await product(engine, t, t);
  const [t3, t4] = await engine.all([(fork) => product(fork, t, t2), (fork) => product(fork, t2, t2)]);
  const [ut4, low, high] = await engine.all([
    (fork) => product(fork, u, t4),
    (fork) => fork.truncateOperand(combine(fork, [t, t2, t3], c.slice(1, 4), c[0], w), w),
    (fork) => fork.truncateOperand(combine(fork, [t, t2, t3, t4], c.slice(5), c[4], w), w),
  ]);
  const halves = await engine.all([(fork) => fork.mul(u, low), (fork) => fork.mul(ut4, high)]);
  const [first, second] = alike(engine, halves);
  return engine.add(first, second);
}

/** Of `sigmoid` or `tanh` of `count` elements with `surplus` bits beyond f. */
export function cost(model: CostModel, count: number, surplus: number, kind: 'sigmoid' | 'tanh'): Cost {
  const f = model.fractionBits;
  const w = POWER_BITS;
  const uBits = f + BOUND_BITS - (kind === 'tanh' ? 1 : 0);
  const into = (bits: number): Cost =>
    inSequence(
      bits > 0 ? model.truncateOperand(count, bits) : model.part(count),
      bits < LEAST ? model.product(count) : FREE,
    );
  return inSequence(
    surplus > 0 ? model.truncateRelu(2 * count, surplus) : model.relu(2 * count),
    model.product(count),
    into(2 * uBits - 1 - w),
    into(w),
    sideBySide(into(w), into(w)),
    sideBySide(into(uBits), into(w), into(w)),
    model.truncateOperand(count, Math.max(uBits + w, 2 * w) - f - (kind === 'tanh' ? 1 : 0)),
  );
}

/** Of their errors on the way back, from a δ in shares with f bits. */
export function errorCost(model: CostModel, count: number): Cost {
  return inSequence(model.truncateOperand(count, model.fractionBits), model.product(count));
}
