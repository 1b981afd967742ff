/** min(max(x, low), high) = low + ReLU(x − low) − ReLU(x − high): two comparisons side by side. */
import type { Engine, Sign, Value } from '../engine/engine.ts';
import { sizeOf } from '../ring/shape.ts';
import { reluOf, selected } from './formats.ts';

/** Of x with f or more fractional bits; with f. `sign`: what the way back needs. */
export async function clamp(
  engine: Engine,
  x: Value,
  low: number,
  high: number,
): Promise<{ readonly y: Value; readonly sign: Sign }> {
  const from = (number: number): Value => (number === 0 ? x : engine.addPublic(x, -number));
  const { y, sign } = await reluOf(engine, sideBySide(engine, from(low), from(high)));
  const between = difference(engine, y, x);
  return { y: low === 0 ? between : engine.addPublic(between, low), sign };
}

/** δ where low ≤ x < high, else 0: where x − low is not negative, less where x − high is not. */
export async function clampError(engine: Engine, sign: Sign, delta: Value): Promise<Value> {
  return difference(engine, await selected(engine, sign, sideBySide(engine, delta, delta)), delta);
}

/** Sample after sample, of each both. */
function sideBySide(engine: Engine, x: Value, y: Value): Value {
  const [batch] = x.shape;
  const rows = [batch, sizeOf(x.shape) / batch];
  return engine.concatColumns([engine.reshape(x, rows), engine.reshape(y, rows)]);
}

/** The left half less the right one, in the shape of `like`. */
function difference(engine: Engine, both: Value, like: Value): Value {
  const width = both.shape[1] / 2;
  const parts = [engine.columns(both, 0, width), engine.columns(both, width, 2 * width)];
  return engine.reshape(engine.sub(parts[0], parts[1]), like.shape);
}
