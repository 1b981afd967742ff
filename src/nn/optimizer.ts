/**
 * SGD with momentum in fixed point (PROTOCOLS §6): v ← μ·v + (rate / batch)·g, W ← W − v, with one truncation for momentum, mean
 * and learning rate together: dividing the gradient early would lose its small entries.
 *
 * rate / batch is c · 2^−e with an integer c below 2^10 (exact for powers of two); g has G fractional bits, v and W have f. With
 * s = G + e − f both terms stand at f + s fractional bits: v · round(μ·2^s) + g · c, truncated by s.
 */
import type { Engine, Value } from '../protocols/engine.ts';

export interface SgdOptions {
  readonly learningRate: number;
  readonly momentum: number;
  readonly batch: number;
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

export interface Updated {
  readonly parameter: Value;
  readonly velocity: Value | undefined;
}

/** One parameter after one step. `velocity` is absent before the first step, and always when there is no momentum. */
export async function sgd(
  engine: Engine,
  parameter: Value,
  velocity: Value | undefined,
  gradient: Value,
  options: SgdOptions,
): Promise<Updated> {
  const f = engine.fractionBits;
  const { c, e } = dyadic(options.learningRate / options.batch);
  let step = engine.scale(engine.reshape(gradient, parameter.shape), BigInt(c));
  step = engine.reinterpret(step, step.fractionBits + e);
  if (step.fractionBits < f) step = engine.extend(step, f - step.fractionBits);
  const s = step.fractionBits - f;
  if (velocity !== undefined && options.momentum > 0) {
    const decayed = engine.scale(velocity, BigInt(Math.round(options.momentum * 2 ** s)));
    step = engine.add(engine.reinterpret(decayed, f + s), step);
  }
  const v = s > 0 ? await engine.truncate(step, s) : step;
  return { parameter: engine.sub(parameter, v), velocity: options.momentum > 0 ? v : undefined };
}
