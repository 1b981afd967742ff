/** min(max(x, 0), 6) = ReLU(x) − ReLU(x − 6): two comparisons side by side. */
import type { Engine, Sign, Value } from '../../engine/engine.ts';
import { sizeOf } from '../../ring/shape.ts';
import { type LayerType, through, type Wiring } from './layer.ts';

export interface Relu6Spec extends Wiring {
  readonly type: 'relu6';
}

export const relu6: LayerType<Relu6Spec> = {
  type: 'relu6',
  about: 'min(max(x, 0), 6); gives as its input',
  fields: {},
  monotone: true,
  words: () => 'relu6',
  shape: (_spec, [input]) => input,
  forward: async (engine, _spec, [x]) => {
    const both = twice(engine, x, engine.addPublic(x, -6));
    const surplus = x.fractionBits - engine.fractionBits;
    const { y, sign } = surplus > 0 ? await engine.truncateRelu(both, surplus) : await engine.relu(both);
    return { y: difference(engine, y, x), tape: through((fork, delta) => between(fork, sign, delta)) };
  },
};

/** δ where 0 ≤ x < 6: where x is not negative, less where x − 6 is not. */
async function between(engine: Engine, sign: Sign, delta: Value): Promise<Value> {
  const both = twice(engine, delta, delta);
  const more = delta.fractionBits - engine.fractionBits;
  return difference(
    engine,
    await (more > 0 ? engine.truncateSelect(sign, both, more) : engine.select(sign, both)),
    delta,
  );
}

/** Side by side, sample after sample. */
function twice(engine: Engine, x: Value, y: Value): Value {
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
