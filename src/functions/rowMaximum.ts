/**
 * Row maximum and its index by a balanced tree (PROTOCOLS §3).
 *
 * rowMaximum      (m,n) → (m,1).   ⌈log2 n⌉ levels of one ReLU each (`maxpoolTree.ts`): entries may be products, and then each level
 *                                  adds a fractional bit. It is an entry, less than an ulp a level below the largest one.
 * indexOfMaximum  (m,n) → (m,1).   max(x, y) = y + ReLU(x − y), and one more select a level with the bits already compared; ties go to
 *                                  the left.
 *
 * Differences of two entries must lie inside the comparison window.
 */
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, inSequence } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { maxpoolTree, treeCost } from './maxpoolTree.ts';

export async function rowMaximum(engine: Engine, x: Value): Promise<Value> {
  // Columns as rows, which are views.
  const { y, over } = await maxpoolTree(engine, engine.transpose(x));
  over(engine);
  return engine.reshape(y, [x.shape[0], 1]);
}

export async function indexOfMaximum(engine: Engine, x: Value): Promise<Value> {
  const [m, n] = x.shape;
  let current = x;
  let carried = engine.constant(
    [m, n],
    Array.from({ length: m * n }, (_, i) => i % n),
    0,
  );
  while (current.shape[1] > 1) {
    const v = pair(engine, current);
    const p = pair(engine, carried);
    const { y, sign } = await engine.relu(engine.sub(v.left, v.right));
    const chosen = await engine.select(sign, engine.sub(p.left, p.right));
    current = join(engine, engine.add(v.right, y), v.rest);
    carried = join(engine, engine.add(p.right, chosen), p.rest);
  }
  return carried;
}

/** Neighbouring columns against each other, so that ties keep going to the left; an odd last one waits for the next level. */
function pair(engine: Engine, x: Value): { left: Value; right: Value; rest: Value | undefined } {
  const n = x.shape[1];
  const even = n - (n % 2);
  return {
    left: engine.columns(x, 0, even, 2),
    right: engine.columns(x, 1, even, 2),
    rest: n % 2 === 1 ? engine.columns(x, n - 1, n) : undefined,
  };
}

function join(engine: Engine, x: Value, rest: Value | undefined): Value {
  return rest === undefined ? x : engine.concatColumns([x, rest]);
}

function perLevel(m: number, n: number, cost: (elements: number) => Cost): Cost {
  const levels: Cost[] = [];
  for (let width = n; width > 1; width = (width >> 1) + (width % 2)) levels.push(cost(m * (width >> 1)));
  return inSequence(...levels);
}

/** Fractional bits that the maximum of n products has more than they. */
export function growth(n: number): number {
  return Math.ceil(Math.log2(n));
}

/** `drop`: the entries' surplus fractional bits. */
export function rowMaximumCost(model: CostModel, m: number, n: number, drop = 0): Cost {
  return treeCost(model, n, m, drop);
}

export function indexCost(model: CostModel, m: number, n: number): Cost {
  return perLevel(m, n, (elements) => inSequence(model.relu(elements), model.select(elements)));
}
