/**
 * Maximum of n candidates in the direct suite (PROTOCOLS §3): a balanced tree of max(x, y) = y + ReLU(x − y), ⌈log2 n⌉ levels of one
 * ReLU each, where the paper's Maxpool needs n − 1 in sequence. The derivative costs no comparison: it goes down the same tree with
 * the bits kept on the way up (`treeRoute.ts`).
 *
 * Candidates may be products, so pooling can come before truncation and only the winners are truncated; each level then adds a
 * fractional bit.
 * Ties go to either candidate. Differences must lie inside the comparison window.
 */
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, FREE, inSequence } from '../party/cost.ts';
import type { Engine, Level, Sign, Value } from '../engine/engine.ts';
import type { Maximum } from './maxpool.ts';
import { cost as routeCost } from '../protocols/direct/treeRoute.ts';

/** Candidates (n,m) → their maximum over the first dimension. */
export async function maxpoolTree(engine: Engine, candidates: Value): Promise<Maximum> {
  const levels: Level[] = [];
  let current = candidates;
  while (current.shape[0] > 1) {
    const { y, level } = await halve(engine, current);
    if (current !== candidates) engine.free(current);
    current = y;
    levels.push(level);
  }
  const over = (fork: Engine): void => {
    for (const { sign } of levels) fork.free(sign);
  };
  return { y: current, route: (fork, delta) => fork.route(levels, delta), over };
}

/** max(candidates, 0) of a few products (n,m), n ≥ 2, truncated to the engine's fractional bits; no way back. */
export async function maxpoolRelu(engine: Engine, candidates: Value): Promise<Value> {
  let current = candidates;
  while (current.shape[0] > 2) current = (await halve(engine, current)).y;
  const [x, y] = [engine.slice(current, 0, 1), engine.slice(current, 1, 2)];
  return engine.largerRelu(x, y, current.fractionBits - engine.fractionBits);
}

/** One level. */
async function halve(engine: Engine, current: Value): Promise<{ y: Value; level: Level }> {
  const count = current.shape[0];
  const half = count >> 1;
  const left = engine.slice(current, 0, half);
  const right = engine.slice(current, half, 2 * half);
  const { y, sign } = await larger(engine, left, right);
  const level = { sign, half };
  if (count % 2 === 0) return { y, level };
  const waits = engine.slice(current, count - 1, count);
  return { y: engine.concatRows([y, engine.extend(waits, y.fractionBits - waits.fractionBits)]), level };
}

/** Products stay in three parts and gain a bit (`larger.ts`); values that need no truncation after this keep their fractional bits. */
async function larger(engine: Engine, x: Value, y: Value): Promise<{ y: Value; sign: Sign }> {
  if (x.fractionBits > engine.fractionBits) return engine.larger(x, y);
  const { y: positive, sign } = await engine.relu(engine.sub(x, y));
  return { y: engine.add(y, positive), sign };
}

function perLevel(n: number, m: number, level: (elements: number) => Cost): Cost {
  const levels: Cost[] = [];
  for (let count = n; count > 1; count -= count >> 1) levels.push(level((count >> 1) * m));
  return inSequence(...levels);
}

/** `drop`: the candidates' surplus fractional bits. */
export function treeCost(model: CostModel, n: number, m: number, drop: number): Cost {
  return perLevel(n, m, (elements) => model.relu(elements, drop));
}

export function treeRouteCost(n: number, m: number): Cost {
  const counts: number[] = [];
  for (let count = n; count > 1; count -= count >> 1) counts.unshift((count >> 1) * m);
  return counts.length === 0 ? FREE : routeCost(counts, m);
}
