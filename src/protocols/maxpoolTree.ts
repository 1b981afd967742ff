/**
 * Maximum of n candidates in the direct suite (PROTOCOLS §3): a balanced tree of max(x, y) = y + ReLU(x − y), ⌈log2 n⌉ levels of one
 * ReLU each, where the paper's Maxpool needs n − 1 in sequence. The derivative costs no comparison: it goes down the same tree with
 * the bits kept on the way up.
 *
 * Candidates may have 2f fractional bits, so pooling can come before truncation and only the winners are truncated.
 * Ties go to either candidate. Differences must lie inside the comparison window.
 */
import { type Cost, type CostModel, inSequence } from './cost.ts';
import type { Engine, Sign, Value } from './engine.ts';
import type { Maximum } from './maxpool.ts';

interface Level {
  readonly sign: Sign;
  /** Candidates of each half; one more waits for the next level when their number is odd. */
  readonly half: number;
}

/** Candidates (n,m) → their maximum over the first dimension. */
export async function maxpoolTree(engine: Engine, candidates: Value): Promise<Maximum> {
  const levels: Level[] = [];
  let current = candidates;
  while (current.shape[0] > 1) {
    const count = current.shape[0];
    const half = count >> 1;
    const left = engine.slice(current, 0, half);
    const right = engine.slice(current, half, 2 * half);
    const { y, sign } = await engine.relu(engine.sub(left, right));
    const larger = engine.add(right, y);
    current = count % 2 === 0 ? larger : engine.concatRows([larger, engine.slice(current, count - 1, count)]);
    levels.push({ sign, half });
  }
  return { y: current, route: (fork, delta) => routeDown(fork, levels, delta) };
}

async function routeDown(engine: Engine, levels: readonly Level[], delta: Value): Promise<Value> {
  let current = delta;
  for (const { sign, half } of levels.toReversed()) {
    const winners = engine.slice(current, 0, half);
    const left = await engine.select(sign, winners);
    current = engine.concatRows([left, engine.sub(winners, left), engine.slice(current, half, current.shape[0])]);
  }
  return current;
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

export function treeRouteCost(model: CostModel, n: number, m: number): Cost {
  return perLevel(n, m, (elements) => model.select(elements));
}
