/**
 * Optimizers in fixed point (PROTOCOLS §6). What a parameter's optimizer remembers stands in the training state beside the parameter,
 * under a name of its own (`velocity/NAME`), so a checkpoint of the state is all that a run needs to go on.
 *
 * SGD with momentum: v ← μ·v + (rate / batch)·g, W ← W − v, with one truncation for momentum, mean and learning rate together:
 * dividing the gradient early would lose its small entries. rate / batch is c · 2^−e with an integer c below 2^10 (exact for powers of
 * two); g has G fractional bits, v and W have f. With s = G + e − f both terms stand at f + s fractional bits:
 * v · round(μ·2^s) + g · c, truncated by s. With dealt truncation it is W · 2^s less those terms that is truncated: the new W comes out
 * masked and opened for the next step, and v is the difference of the two. Where f + s is more than 58 (f = 24, or a very small rate), g is
 * truncated first so that it is 52: those bits of g are beyond what W can feel.
 *
 * Adam (Kingma, Ba 2015, the order of its §2): m ← β1·m + (1−β1)·g, v ← β2·v + (1−β2)·g²,
 * W ← W − rate_t · m / √(v + ε²) with rate_t = rate · √(1 − β2^t) / (1 − β1^t), all of it public but m and v.
 * AMSGrad (Reddi et al. 2018): the root of v̂ ← max(v̂, v) instead. `first/NAME` is m, `second/NAME` v, `maximum/NAME` v̂.
 * - β1 = 922/1024 (0.9004) and β2 = 1023/1024 (0.99902), so that a moment is one truncation by 10 bits.
 * - g is the mean gradient up to a factor: the sum over 2^⌈log2 batch⌉, since m / √v does not change with the scale of g.
 * - g has h = min(f + 5, 21) fractional bits, m h + 2, and v 2h, as g² has: no gradient of 2^−h or more underflows.
 * - |g| < 2^5, or v leaves the 2h + 10 bits it may have before its truncation. Nothing is clipped: a mean gradient of 32 in one
 *   weight belongs to a training that has diverged, and two comparisons a weight would be its price.
 * - ε² is 16 ulps of v, the size of the rounding noise v gathers: ε = 2^(2−h), 1.9e-6 for f = 16, beside the uncorrected √v.
 * Cost a weight: 5 comparisons (AMSGrad 6) in the inverse root (`inverseSqrt.ts`), 6 products, 8 truncations. In the direct suite 1.1 kB
 * (AMSGrad 1.3) in 34 (38) rounds, where SGD sends 28 in two, with the weight's opening for the next step. Only with dealt truncation: v fills the ring before its own, where local
 * truncation fails.
 */
import type { Engine, Value } from '../engine/engine.ts';
import { withBits } from '../functions/formats.ts';
import { inverseSqrt, inverseSqrtOf, isNonNegative, normalize, ROOT_BITS } from '../functions/inverseSqrt.ts';

export const OPTIMIZERS = ['sgd', 'adam', 'amsgrad'] as const;
export type OptimizerName = (typeof OPTIMIZERS)[number];

/** Everything that a training run carries from step to step: parameters under their names, and what optimizers remember. */
export type State = Map<string, Value>;

export interface UpdateOptions {
  readonly optimizer: OptimizerName;
  /** Of this step: the schedule is applied already. */
  readonly learningRate: number;
  readonly momentum: number;
  readonly batch: number;
  /** Counts from 1. */
  readonly step: number;
}

/** rate = c · 2^−e with c odd and below 2^10, to a relative 2^-10. */
export function dyadic(rate: number): { c: number; e: number } {
  if (!(rate > 0 && Number.isFinite(rate)))
    throw new RangeError(`learning rate / batch = ${rate}: expected a positive number`);
  let e = 9 - Math.floor(Math.log2(rate));
  let c = Math.round(rate * 2 ** e);
  while (c % 2 === 0) {
    c /= 2;
    e -= 1;
  }
  return { c, e };
}

/**
 * Bits that the widest truncation of an update drops, of MOST_BITS at most: as public as the rate. Beyond that no weight would move.
 */
export function droppedBits(
  { fractionBits: f, truncation }: Pick<Engine, 'fractionBits' | 'truncation'>,
  { optimizer, learningRate, batch, step }: Omit<UpdateOptions, 'momentum'>,
): number {
  const rate = optimizer === 'sgd' ? learningRate / batch : correctedRate(learningRate, step);
  if (rate === 0) return Infinity; // It has underflowed.
  const { e } = dyadic(rate);
  // The gradient of a weight is a product, or twice one (`linear.ts`); that of a bias has fewer bits.
  if (optimizer === 'sgd') return f + (truncation === 'dealt' ? 1 : 0) + e;
  const maximum = optimizer === 'amsgrad' && step > 1 ? 1 : 0;
  return momentBits(f) + FIRST_GUARD + ROOT_BITS + RANGE_BITS + maximum + e - f;
}

/** Updates one parameter and what its optimizer remembers. `gradient` is summed over the batch, with f fractional bits or those of a product. */
export async function update(
  engine: Engine,
  name: string,
  gradient: Value,
  state: State,
  options: UpdateOptions,
): Promise<void> {
  const parameter = state.get(name)!;
  const g = engine.reshape(gradient, parameter.shape);
  switch (options.optimizer) {
    case 'sgd':
      return sgd(engine, name, g, state, options);
    case 'adam':
    case 'amsgrad':
      return adam(engine, name, g, state, options);
  }
}

/** See `droppedBits`. */
function idleRate(learningRate: number, f: number): RangeError {
  return new RangeError(`learning rate ${learningRate}: no weight of ${f} fractional bits moves; give a larger one`);
}

/** What is truncated stays below 2^RING_BITS. */
const RING_BITS = 62;
/** A weight below 2^WEIGHT_RANGE_BITS may stand at f + s fractional bits. */
const WEIGHT_RANGE_BITS = 10;
/** With more fractional bits than this a change of 16 would leave the ring. */
const MOST_CHANGE_BITS = 58;

async function sgd(engine: Engine, name: string, gradient: Value, state: State, options: UpdateOptions): Promise<void> {
  const parameter = state.get(name)!;
  const velocity = state.get(`velocity/${name}`);
  const f = engine.fractionBits;
  const { c, e } = dyadic(options.learningRate / options.batch);
  const wanted = gradient.fractionBits + e;
  if (wanted - f > MOST_BITS) throw idleRate(options.learningRate, f);
  const surplus = wanted > MOST_CHANGE_BITS ? wanted - (RING_BITS - WEIGHT_RANGE_BITS) : 0;
  const step = wanted - surplus;
  const bits = Math.max(step, f);
  const s = bits - f;
  const g = surplus > 0 ? await engine.truncate(gradient, surplus) : gradient;
  const terms: [factor: bigint, x: Value][] = [[BigInt(c) << BigInt(bits - step), g]];
  if (velocity !== undefined && options.momentum > 0)
    terms.push([BigInt(Math.round(options.momentum * 2 ** s)), velocity]);
  const keep = (next: Value, v: () => Value): void => {
    state.set(name, next);
    if (options.momentum > 0) state.set(`velocity/${name}`, v());
  };
  if (engine.truncation === 'dealt' && !name.endsWith('.bias') && s > 0 && bits <= RING_BITS - WEIGHT_RANGE_BITS) {
    const change = terms.map(([factor, x]): [bigint, Value] => [-factor, x]);
    const changed = engine.combine([[1n << BigInt(s), parameter], ...change], bits);
    const next = await engine.truncateOperand(changed, s);
    engine.free(changed);
    return keep(next, () => engine.sub(parameter, next));
  }
  const sum = engine.combine(terms, bits);
  const v = s > 0 ? await engine.truncate(sum, s) : sum;
  keep(engine.sub(parameter, v), () => v);
}

/** Moments are means with public weights in 1024ths, so that one truncation by 10 bits brings them back. */
const WEIGHT_BITS = 10;
const BETA1 = 922;
const BETA2 = 1023;
const WEIGHTS = 1 << WEIGHT_BITS;
/** |g| < 2^RANGE_BITS. */
const RANGE_BITS = 5;
/** Fractional bits of g beyond f, and at most: g² and the 10 bits of its weight stay below 2^62. */
const GRADIENT_GUARD = 5;
const GRADIENT_BITS = 21;
/** Fractional bits of the first moment beyond those of g: its rounding is multiplied by up to 1/ε. */
const FIRST_GUARD = 2;
/** ε² in ulps of v. */
const FLOOR = 16;
/** Most that one truncation drops. */
export const MOST_BITS = 61;

/** Fractional bits of g, from those of a weight. */
function momentBits(f: number): number {
  return Math.min(f + GRADIENT_GUARD, GRADIENT_BITS);
}

/** The rate of step t, with what the moments lack for having begun at 0. */
function correctedRate(learningRate: number, t: number): number {
  return (learningRate * Math.sqrt(1 - (BETA2 / WEIGHTS) ** t)) / (1 - (BETA1 / WEIGHTS) ** t);
}

async function adam(
  engine: Engine,
  name: string,
  gradient: Value,
  state: State,
  { optimizer, learningRate, batch, step: t }: UpdateOptions,
): Promise<void> {
  if (engine.truncation !== 'dealt')
    throw new RangeError(
      `optimizer ${optimizer}: needs dealt truncation, found local; give --truncation dealt, or --optimizer sgd`,
    );
  const parameter = state.get(name)!;
  const f = engine.fractionBits;
  const h = momentBits(f);
  const mean = engine.reinterpret(gradient, gradient.fractionBits + Math.ceil(Math.log2(batch)));
  const g = await withBits(engine, mean, h);
  const [m, inverse] = await engine.all([
    (fork) => moment(fork, state, `first/${name}`, fork.extend(g, FIRST_GUARD), BETA1),
    async (fork) => {
      const v = await moment(fork, state, `second/${name}`, await fork.mul(g, g), BETA2);
      return optimizer === 'adam' ? inverseRoot(fork, v) : inverseRootOfMaximum(fork, state, `maximum/${name}`, v);
    },
  ]);
  const quotient = await engine.mul(m, inverse);
  const { c, e } = dyadic(correctedRate(learningRate, t));
  const bits = quotient.fractionBits + e - f;
  if (bits > MOST_BITS) throw idleRate(learningRate, f);
  const change = await engine.truncate(engine.reinterpret(engine.scale(quotient, BigInt(c)), f + bits), bits);
  state.set(name, engine.sub(parameter, change));
}

/** β·old + (1 − β)·x, β = beta / 1024; kept in the state. A moment starts at 0. */
async function moment(engine: Engine, state: State, name: string, x: Value, beta: number): Promise<Value> {
  const old = state.get(name);
  const terms: [factor: bigint, x: Value][] = [[BigInt(WEIGHTS - beta), x]];
  if (old !== undefined) terms.push([BigInt(beta), old]);
  const result = await engine.truncate(engine.combine(terms, x.fractionBits + WEIGHT_BITS), WEIGHT_BITS);
  state.set(name, result);
  return result;
}

/** 1 / √(v + ε²). */
async function inverseRoot(engine: Engine, v: Value): Promise<Value> {
  const U = v.fractionBits + 2 * RANGE_BITS; // v < 2^10: read as v / 2^10, in [0, 1)
  const low = FLOOR * 2 ** -U;
  const root = await inverseSqrt(engine, engine.addPublic(engine.reinterpret(v, U), low), low);
  return engine.reinterpret(root, root.fractionBits + RANGE_BITS);
}

/**
 * 1 / √(v̂ + ε²) with v̂ = max(old v̂, v), kept in the state. v − v̂ is wider than any comparison window, so it is normalised together with
 * v + v̂, which takes no comparison more, and compared after: exact to a relative 2^−(f+4). max = (v + v̂ + |v − v̂|) / 2.
 */
async function inverseRootOfMaximum(engine: Engine, state: State, name: string, v: Value): Promise<Value> {
  const old = state.get(name);
  if (old === undefined) {
    state.set(name, v);
    return inverseRoot(engine, v);
  }
  const U = v.fractionBits + 2 * RANGE_BITS + 2; // both below 1/4, their sum below 1/2
  const low = 2 * FLOOR * 2 ** -U;
  const difference = engine.sub(v, old);
  const sum = engine.addPublic(engine.reinterpret(engine.add(v, old), U), low);
  const { x, others, factor, low: least } = await normalize(engine, sum, low, [engine.reinterpret(difference, U)]);
  const sign = await isNonNegative(engine, others[0]);
  const [growth, positive] = await engine.all([
    (fork) => fork.select(sign, difference),
    (fork) => fork.select(sign, others[0]),
  ]);
  state.set(name, engine.add(old, growth));
  const twice = engine.add(engine.sub(x, others[0]), engine.scale(positive, 2n)); // x + |others|
  const maximum = engine.reinterpret(twice, U + 1);
  const root = await inverseSqrtOf(engine, { x: maximum, factor, low: least / 2 });
  return engine.reinterpret(root, root.fractionBits + RANGE_BITS + 1);
}
