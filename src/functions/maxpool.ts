/**
 * Maxpool (Alg. 9) and its derivative (Alg. 10) of the paper suite, as printed: a running maximum and its index, then the unit vector
 * of the index. The direct suite has a tree instead (`maxpoolTree.ts`).
 *
 * Alg. 9:  max = x_1, ind = 1; for i = 2 … n: β = DReLU(x_i − max), max = SelectShare(β, max, x_i), ind = SelectShare(β, ind, i)
 *          Here max + ReLU(x_i − max) is that first SelectShare, and indices count from 0.
 *          No comparison waits for an index: ind takes its step while the next comparison runs.
 * Alg. 10: the unit vector of ind (`unitVectors.ts`), times the error.
 * Rounds:  (n − 1) ReLU + SelectShare; the derivative 2 + 1.
 */
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, inSequence, repeated } from '../party/cost.ts';
import type { Engine, Sign, Value } from '../engine/engine.ts';

export interface Maximum {
  /** (1,m), the candidates' fractional bits. */
  readonly y: Value;
  /** An error δ (1,m) → (n,m): δ where the maximum was, else 0. δ's fractional bits. */
  readonly route: (engine: Engine, delta: Value) => Promise<Value>;
  /** Nobody asks for that any more. */
  readonly over: (engine: Engine) => void;
}

/** Candidates (n,m) → their maximum over the first dimension. */
export async function maxpool(engine: Engine, candidates: Value): Promise<Maximum> {
  const [n, m] = candidates.shape;
  let max = engine.slice(candidates, 0, 1);
  let index = engine.constant([1, m], new Float64Array(m), 0);
  /** Of the comparison before the one under way. */
  let larger: Sign | undefined;
  const takeStep = async (fork: Engine, i: number): Promise<void> => {
    if (larger === undefined) return;
    index = fork.add(index, await fork.select(larger, fork.addPublic(fork.scale(index, -1n), i)));
  };
  for (let i = 1; i < n; i++) {
    const [{ y, sign }] = await engine.all([
      (fork) => fork.relu(fork.sub(engine.slice(candidates, i, i + 1), max)),
      (fork) => takeStep(fork, i - 1),
    ]);
    max = engine.add(max, y);
    larger = sign;
  }
  await takeStep(engine, n - 1);
  return { y: max, route: (fork, delta) => maxpoolDerivative(fork, index, n, delta), over: (fork) => fork.free(index) };
}

/** Alg. 10, times the error: δ (1,m) → (n,m). */
async function maxpoolDerivative(engine: Engine, index: Value, n: number, delta: Value): Promise<Value> {
  const m = index.shape[1];
  const unit = await engine.unitVectors(index, n);
  const routed = await engine.mul(unit, engine.reshape(delta, [m, 1]));
  return engine.transpose(routed);
}

export function cost(model: CostModel, n: number, m: number): Cost {
  const [comparisons, steps] = [repeated(n - 1, model.relu(m)), repeated(n - 1, model.select(m))];
  return {
    rounds: comparisons.rounds + Math.min(1, n - 1) * model.select(m).rounds,
    bytes: comparisons.bytes + steps.bytes,
  };
}

export function derivativeCost(model: CostModel, n: number, m: number): Cost {
  return inSequence(model.unitVectors(m, n), model.product(m + n * m), model.part(n * m));
}
