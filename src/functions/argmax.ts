/**
 * Unit vectors of each row's maximum (PROTOCOLS §3), ties to the left.
 *
 * Few columns, all pairs at once: b_ij = [x_i ≥ x_j] for i < j, wins of i = Σ_{j>i} b_ij + Σ_{j<i} (1 − b_ji). Exactly one column wins
 * n − 1 times, the left one of equals, and ReLU(wins − (n − 2)) is 1 there and 0 elsewhere. Two ReLUs one after the other, whatever n,
 * for n(n−1)/2 + n comparisons a row instead of a tree's n − 1: a link's latency costs more than they do.
 * Where products of kept bits take no round (`Engine.conjunctions`), they are these unit vectors: one ReLU.
 * Many columns: a tree that carries the index, and the unit vector of that.
 *
 * Nothing is opened but inside the engine's own operations, so each party sees what they show it.
 * Differences of two entries must lie inside the comparison window.
 */
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, inSequence } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { type Shape, sizeOf } from '../ring/shape.ts';
import { indexCost, indexOfMaximum } from './rowMaximum.ts';

/** Above this, all pairs are too many: 120 comparisons a row. */
const ALL_PAIRS = 16;

/** x (m,n) → unit vectors (m,n), integers. */
export async function argmax(engine: Engine, x: Value): Promise<Value> {
  const [m, n] = x.shape;
  if (n > ALL_PAIRS) return engine.unitVectors(engine.reshape(await indexOfMaximum(engine, x), [m]), n);
  if (n === 1) return filled(engine, [m, 1], 1);

  // Columns as rows, which are views. By distance: i against i + d.
  const rows = engine.transpose(x);
  const distances = Array.from({ length: n - 1 }, (_, i) => i + 1);
  const differences = distances.map((d) => engine.sub(engine.slice(rows, 0, n - d), engine.slice(rows, d, n)));
  const { sign } = await engine.relu(engine.concatRows(differences));
  const unit = engine.conjunctions?.(sign, winning(n));
  if (unit !== undefined) return engine.transpose(await unit);
  const bits = engine.bits(sign);

  // Wins − (n − 2) = i − (n − 2) + Σ_{j>i} b_ij − Σ_{j<i} b_ji.
  let score: Value = engine.constant(
    [n, m],
    Float64Array.from({ length: n * m }, (_, k) => Math.floor(k / m) + 2 - n),
    0,
  );
  let at = 0;
  for (const d of distances) {
    const won = engine.slice(bits, at, at + n - d);
    const none = filled(engine, [d, m], 0);
    score = engine.add(score, engine.sub(engine.concatRows([won, none]), engine.concatRows([none, won])));
    at += n - d;
  }
  const { y } = await engine.relu(score);
  return engine.transpose(y);
}

/** Of each column, which of the pairs must be how for it to win them all. Pairs (i, i + d) by distance, as above. */
function winning(n: number): { row: number; bit: 0 | 1 }[][] {
  const first = (d: number): number => ((d - 1) * (2 * n - d)) / 2;
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => j)
      .filter((j) => j !== i)
      .map((j) => (j > i ? { row: first(j - i) + i, bit: 1 } : { row: first(i - j) + j, bit: 0 })),
  );
}

function filled(engine: Engine, shape: Shape, number: number): Value {
  return engine.constant(shape, new Float64Array(sizeOf(shape)).fill(number), 0);
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
