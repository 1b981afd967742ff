/**
 * Unit vectors of each row's maximum (PROTOCOLS §3), ties to the left.
 *
 * Few columns, all pairs at once: b_ij = [x_i ≥ x_j] for i < j, wins of i = Σ_{j>i} b_ij + Σ_{j<i} (1 − b_ji). Exactly one column wins
 * n − 1 times, the left one of equals, and ReLU(wins − (n − 2)) is 1 there and 0 elsewhere. Two ReLUs one after the other, whatever n,
 * for n(n−1)/2 + n comparisons a row instead of a tree's n − 1: a link's latency costs more than they do.
 * Many columns: a tree that carries the index, and the unit vector of that.
 *
 * Nothing is opened but inside the engine's own operations, so each party sees what they show it.
 * Differences of two entries must lie inside the comparison window.
 */
import { type Cost, type CostModel, inSequence } from './cost.ts';
import type { Engine, Value } from './engine.ts';
import { indexCost, indexOfMaximum } from './rowMaximum.ts';

/** Above this, all pairs are too many: 120 comparisons a row. */
const ALL_PAIRS = 16;

/** x (m,n) → unit vectors (m,n), integers. */
export async function argmax(engine: Engine, x: Value): Promise<Value> {
  const [m, n] = x.shape;
  if (n > ALL_PAIRS) return engine.unitVectors(engine.reshape(await indexOfMaximum(engine, x), [m]), n);
  const filled = (columns: number, number: number): Value =>
    engine.constant([m, columns], new Float64Array(m * columns).fill(number), 0);
  if (n === 1) return filled(1, 1);

  // By distance: column i against column i + d.
  const distances = Array.from({ length: n - 1 }, (_, i) => i + 1);
  const differences = distances.map((d) => engine.sub(engine.columns(x, 0, n - d), engine.columns(x, d, n)));
  const { sign } = await engine.relu(engine.concatColumns(differences));
  const bits = engine.bits(sign);

  let wins = filled(n, 0);
  let at = 0;
  for (const d of distances) {
    const left = engine.columns(bits, at, at + n - d);
    const right = engine.sub(filled(n - d, 1), left);
    const none = filled(d, 0);
    wins = engine.add(wins, engine.concatColumns([left, none]));
    wins = engine.add(wins, engine.concatColumns([none, right]));
    at += n - d;
  }
  const { y } = await engine.relu(engine.addPublic(wins, 2 - n));
  return y;
}

/** (m,n) unit vectors → (m,1) indices. Local. */
export function indexOf(engine: Engine, unit: Value): Value {
  const columns = Array.from({ length: unit.shape[1] }, (_, i) =>
    engine.scale(engine.columns(unit, i, i + 1), BigInt(i)),
  );
  return columns.reduce((sum, column) => engine.add(sum, column));
}

export function argmaxCost(model: CostModel, m: number, n: number): Cost {
  if (n > ALL_PAIRS) return inSequence(indexCost(model, m, n), model.unitVectors(m, n));
  if (n === 1) return inSequence();
  const pairs = (m * n * (n - 1)) / 2;
  return inSequence(model.relu(pairs), model.relu(m * n));
}
