/**
 * Optimizers in fixed point (PROTOCOLS §6). What a parameter's optimizer remembers stands in the training state beside the parameter,
 * under a name of its own (`velocity/NAME`), so a checkpoint of the state is all that a run needs to go on.
 *
 * SGD with momentum: v ← μ·v + (rate / batch)·g, W ← W − v, with one truncation for momentum, mean and learning rate together:
 * dividing the gradient early would lose its small entries. rate / batch is c · 2^−e with an integer c below 2^10 (exact for powers of
 * two); g has G fractional bits, v and W have f. With s = G + e − f both terms stand at f + s fractional bits:
 * v · round(μ·2^s) + g · c, truncated by s.
 */
import type { Engine, Value } from '../protocols/engine.ts';

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

/** Updates one parameter and what its optimizer remembers. `gradient` is summed over the batch, with f or 2f fractional bits. */
export async function update(
  engine: Engine,
  name: string,
  gradient: Value,
  state: State,
  options: UpdateOptions,
): Promise<void> {
  if (options.optimizer !== 'sgd') throw new RangeError(`optimizer ${options.optimizer}: not known`);
  await sgd(engine, name, gradient, state, options);
}

async function sgd(engine: Engine, name: string, gradient: Value, state: State, options: UpdateOptions): Promise<void> {
  const parameter = state.get(name)!;
  const velocity = state.get(`velocity/${name}`);
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
  state.set(name, engine.sub(parameter, v));
  if (options.momentum > 0) state.set(`velocity/${name}`, v);
}
