/**
 * Unit vectors of each row's maximum (PROTOCOLS §3), ties to the left, of x truncated to the engine's fractional bits.
 *
 * Few columns, all pairs at once: by the engine's own protocol where its suite has one (`Engine.argmax`), else b_ij = [x_i ≥ x_j] for i < j,
 * wins of i = Σ_{j>i} b_ij + Σ_{j<i} (1 − b_ji). Exactly one column wins n − 1 times, the left one of equals, and ReLU(wins − (n − 2)) is 1 there and
 * 0 elsewhere. Two ReLUs one after the other, whatever n, for n(n−1)/2 + n comparisons a row instead of a tree's n − 1: a link's latency costs more
 * than they do.
 * Many columns: a tree that carries the index, and the unit vector of that.
 *
 * Nothing is opened but inside the engine's own operations, so each party sees what they show it.
 * Differences of two entries must lie inside the comparison window.
 */
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, inSequence } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { MOST_COLUMNS } from '../protocols/direct/argmax.ts';
import { type Shape, sizeOf } from '../ring/shape.ts';
import { truncated } from './formats.ts';
import { indexCost, indexOfMaximum } from './rowMaximum.ts';

/** x (m,n) → unit vectors (m,n), integers. */
export async function argmax(engine: Engine, x: Value): Promise<Value> {
  const [m, n] = x.shape;
  if (n === 1) return filled(engine, [m, 1], 1);
  if (n <= MOST_COLUMNS && engine.argmax !== undefined) return engine.argmax(x);
  const whole = await truncated(engine, x);
  if (n > MOST_COLUMNS) return engine.unitVectors(engine.reshape(await indexOfMaximum(engine, whole), [m]), n);

  // Columns as rows, which are views. By distance: i against i + d.
  const rows = engine.transpose(whole);
  const distances = Array.from({ length: n - 1 }, (_, i) => i + 1);
  const differences = distances.map((d) => engine.sub(engine.slice(rows, 0, n - d), engine.slice(rows, d, n)));
  const { sign } = await engine.relu(engine.concatRows(differences));
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

function filled(engine: Engine, shape: Shape, number: number): Value {
  return engine.constant(shape, new Float64Array(sizeOf(shape)).fill(number), 0);
}

/** (m,n) unit vectors → (m,1) indices. Local. */
export function indexOf(engine: Engine, unit: Value): Value {
  const [, n] = unit.shape;
  return engine.sumColumns(
    engine.weigh(
      unit,
      BigUint64Array.from({ length: sizeOf(unit.shape) }, (_, k) => BigInt(k % n)),
    ),
  );
}

/** Of an x that has the engine's fractional bits. */
export function argmaxCost(model: CostModel, m: number, n: number): Cost {
  if (n > MOST_COLUMNS) return inSequence(indexCost(model, m, n), model.unitVectors(m, n));
  if (n === 1) return inSequence();
  if (model.argmax !== undefined) return model.argmax(m, n);
  const pairs = (m * n * (n - 1)) / 2;
  return inSequence(model.relu(pairs), model.relu(m * n));
}
