/**
 * Row maximum and its index by a balanced tree (PROTOCOLS §3): max(x, y) = y + ReLU(x − y).
 *
 * rowMaximum      (m,n) → (m,1).   ⌈log2 n⌉ levels of one ReLU each.
 * indexOfMaximum  (m,n) → (m,1).   One more select a level, with the bits already compared; ties go to the left.
 *
 * Differences of two entries must lie inside the comparison window.
 */
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, inSequence } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';

export async function rowMaximum(engine: Engine, x: Value): Promise<Value> {
  // Columns as rows, which are views.
  let rows = engine.transpose(x);
  while (rows.shape[0] > 1) {
    const n = rows.shape[0];
    const half = n >> 1;
    const [left, right] = [engine.slice(rows, 0, half), engine.slice(rows, half, 2 * half)];
    const { y } = await engine.relu(engine.sub(left, right));
    const larger = engine.add(right, y);
    rows = n % 2 === 1 ? engine.concatRows([larger, engine.slice(rows, n - 1, n)]) : larger;
  }
  return engine.reshape(rows, [x.shape[0], 1]);
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

export function rowMaximumCost(model: CostModel, m: number, n: number): Cost {
  return perLevel(m, n, (elements) => model.relu(elements));
}

export function indexCost(model: CostModel, m: number, n: number): Cost {
  return perLevel(m, n, (elements) => inSequence(model.relu(elements), model.select(elements)));
}
