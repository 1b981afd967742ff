/** An image as a vector: row by row, channels innermost. */
import { sizeOf } from '../../ring/shape.ts';
import { type LayerType, through, type Wiring } from './layer.ts';

export interface FlattenSpec extends Wiring {
  readonly type: 'flatten';
}

export const flatten: LayerType<FlattenSpec> = {
  type: 'flatten',
  about: 'gives `[h · w · channels]`, row by row, channels innermost',
  fields: {},
  passes: true,
  words: () => 'flatten',
  shape: (_spec, [input]) => [sizeOf(input)],
  forward: (engine, _spec, [x]) => {
    const { shape } = x;
    const y = engine.reshape(x, [shape[0], sizeOf(shape.slice(1))]);
    return Promise.resolve({ y, tape: through((fork, delta) => Promise.resolve(fork.reshape(delta, shape))) });
  },
};
