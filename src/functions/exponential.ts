/**
 * exp(x) for x ≤ 0 by repeated squaring of a polynomial, its base (PROTOCOLS §5):
 *   exp(x) ≈ (1 + c_1·t + c_2·t² + c_3·t³)^(2^m) with t = x / 2^m
 *
 * x is first clipped to [−16, 0]: exp(−16) is below one ulp of 2^−16. The clip's ReLU leaves its powers, too (`Engine.reluPowers`), so the base takes
 * no round. Reading x with m more fractional bits divides it by 2^m without an error, the base is truncated once, and the squarings run at
 * w = f + 8 bits (at most 26): the ±1 ulp of each truncation, doubled by every later squaring, ends below 2^(m+1) ulps of 2^−w.
 *
 * Bases. By Taylor a base of second order, c = (1, 1/2), errs by t³/6, always upwards, and exp by |x|³ / (6·4^m) of itself: 8.8e-4 at m = 4 (at
 * x = −3). c_1 = 1 − 7 / 4^(m+2), c_2 = 1/2 − 5 / 2^(m+3) take both what grows with x and what grows with x² off that cubic, so that the error has
 * both signs: at most 2.4e-4 at m = 4, a quarter of it with each further squaring. In the same way one of third order,
 * c = (1 − 3/4096, 1/2 − 47/4096, 1/8), errs by 9e-5 at m = 3: the first to be taken, where t³ fits the ring (f ≤ 16). exp(0) = 1. The c were found
 * by a search for the least largest error on [−16, 0].
 * With local truncation (error probability |z| / 2^64) c is Taylor's of second order, which takes six bits less, m = 4 and w = f.
 *
 * A first truncation may drop 32 bits (`truncateProducts.ts`): what a base has beyond w + 32 stays for the next. Where t² does not fit (f = 24) t takes
 * a truncation of its own.
 *
 * Result: w = `workingBits(engine)` fractional bits. Cost: ReLU with powers + m (truncation with product) + truncation.
 */
import { sizeOf } from '../ring/shape.ts';
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, FREE, inSequence } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { chainBits, chainDrops } from './formats.ts';

/** The row of a vector by itself. */
const SQUARE = [[0, 0]] as const;
/** exp is taken on [−CLIP, 0]. */
export const CLIP = 16;
/** Of the first base of second order. */
const LEAST_SQUARINGS = 4;

type Precision = Pick<Engine, 'truncation' | 'fractionBits'>;

/** 1 + Σ c_i·t^i, and how often it is squared. */
export interface Base {
  readonly squarings: number;
  /** c_1, c_2 … */
  readonly coefficients: readonly number[];
  /** Fractional bits of the last of them, of which no other needs more than there is room for. */
  readonly bits: number;
}

const CUBIC: Base = { squarings: 3, coefficients: [1 - 3 / 4096, 1 / 2 - 47 / 4096, 1 / 8], bits: 3 };

function quadratic({ truncation }: Precision, m: number): Base {
  if (truncation === 'local') return { squarings: m, coefficients: [1, 1 / 2], bits: 1 };
  return { squarings: m, coefficients: [1 - 7 / 4 ** (m + 2), 1 / 2 - 5 / 2 ** (m + 3)], bits: m + 3 };
}

/** The first base for which `enough` holds, of ever better and dearer ones. */
export function firstBase(engine: Precision, enough: (base: Base) => boolean = () => true): Base {
  if (engine.truncation === 'dealt' && surplusOf(engine, CUBIC) <= 0 && enough(CUBIC)) return CUBIC;
  let m = LEAST_SQUARINGS;
  while (!enough(quadratic(engine, m))) m++;
  return quadratic(engine, m);
}

/** What stands for exp(x), but for rounding. */
export function approximation({ squarings, coefficients }: Base, x: number): number {
  const t = x / 2 ** squarings;
  return (1 + coefficients.reduceRight((sum, c) => (sum + c) * t, 0)) ** (2 ** squarings);
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

/** Fractional bits that t has beyond those that its powers have room for. */
function surplusOf(engine: Precision, { squarings, coefficients, bits }: Base): number {
  const most = Math.floor((chainBits(workingBits(engine)) - bits) / coefficients.length);
  return engine.fractionBits + squarings - most;
}

/** The powers of t that a base takes of the clip. */
function degreeOf(engine: Precision, base: Base): number {
  return surplusOf(engine, base) > 0 ? 1 : base.coefficients.length;
}

/** x̂ = max(x, −CLIP) with the engine's fractional bits, x̂² … as a base takes them: x may have more. */
export async function clip(engine: Engine, x: Value, base: Base): Promise<readonly Value[]> {
  const surplus = x.fractionBits - engine.fractionBits;
  const powers = await engine.reluPowers(engine.addPublic(x, CLIP), surplus, degreeOf(engine, base));
  return powers.map((_, i) => shifted(engine, powers.slice(0, i + 1)));
}

/** (y − CLIP)^k of y, y² … y^k. */
function shifted(engine: Engine, powers: readonly Value[]): Value {
  const k = powers.length;
  const { fractionBits } = powers[k - 1];
  const terms: (readonly [bigint, Value])[] = [];
  let factor = 1; // binom(k, i)·(−CLIP)^(k−i)
  for (let i = k; i > 0; i--) {
    const y = powers[i - 1];
    terms.push([BigInt(factor) << BigInt(fractionBits - y.fractionBits), y]);
    factor *= (-CLIP * i) / (k - i + 1);
  }
  return engine.addPublic(engine.combine(terms, fractionBits), factor);
}

/** exp of a value in [−CLIP, 0], of which `clip` has left these powers; it enters products with what else truncations have left in no round. */
export async function exponential(engine: Engine, powers: readonly Value[], base: Base): Promise<Value> {
  const [x] = powers;
  const { squarings: m, coefficients } = base;
  const w = workingBits(engine);
  const surplus = surplusOf(engine, base);
  const of = surplus > 0 ? await truncatedPowers(engine, x, surplus) : powers.slice(0, coefficients.length);
  const bits = of.at(-1)!.fractionBits + of.length * m + base.bits;
  const terms = of.map((power, i) => {
    const factor = coefficients[i] * 2 ** (bits - power.fractionBits - (i + 1) * m); // read with m more bits, t is x / 2^m
    return [BigInt(Math.round(factor)), power] as const;
  });
  let power = engine.reshape(engine.addPublic(engine.combine(terms, bits), 1), [1, sizeOf(x.shape)]);
  const drops = chainDrops(bits, w, m);
  for (const drop of drops.slice(0, m)) power = (await engine.truncateProducts(power, drop, SQUARE)).products;
  return engine.reshape((await engine.truncateProducts(power, drops[m], [])).y, x.shape);
}

/** x and its square, with so many fractional bits less. */
async function truncatedPowers(engine: Engine, x: Value, surplus: number): Promise<Value[]> {
  const t = await engine.truncate(x, surplus);
  return [t, await engine.mul(t, t)];
}

/** Clip and exponential of `count` values with `surplus` fractional bits more than the engine's. */
export function cost(model: CostModel, count: number, base: Base, surplus = 0): Cost {
  return inSequence(model.reluPowers(count, surplus, degreeOf(model, base)), exponentialCost(model, count, base));
}

/** The exponential alone. */
export function exponentialCost(model: CostModel, count: number, base: Base): Cost {
  const { squarings: m, coefficients } = base;
  const w = workingBits(model);
  const surplus = Math.max(0, surplusOf(model, base));
  const drops = chainDrops(coefficients.length * (model.fractionBits + m - surplus) + base.bits, w, m);
  const squaring = (bits: number): Cost => model.truncateProducts({ rows: 1, columns: count, bits, pairs: SQUARE });
  return inSequence(
    surplus > 0 ? inSequence(model.truncate(count, surplus), model.product(count)) : FREE,
    model.truncation === 'local' ? model.part(count) : FREE,
    ...drops.slice(0, m).map(squaring),
    model.truncateProducts({ rows: 1, columns: count, bits: drops[m], pairs: [] }),
  );
}
