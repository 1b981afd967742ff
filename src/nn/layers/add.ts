/** The sum of layers of the same shape: where a shortcut comes back. Local. */
import type { Value } from '../../engine/engine.ts';
import { alike, truncated } from '../../functions/formats.ts';
import { sameShape } from '../../ring/shape.ts';
import { shapeWords } from './fields.ts';
import { type LayerType, throughAll, type Wiring } from './layer.ts';

export interface AddSpec extends Wiring {
  readonly type: 'add';
  readonly from: readonly string[];
}

export const add: LayerType<AddSpec> = {
  type: 'add',
  about: 'the sum of the layers that `from` lists, all of the same shape; gives that shape',
  fields: {},
  joins: true,
  words: () => 'add',
  shape: ({ from }, inputs) => {
    const other = inputs.findIndex((shape) => !sameShape(shape, inputs[0]));
    if (other >= 0)
      throw new Error(
        `its inputs differ: ${JSON.stringify(from[0])} gives ${shapeWords(inputs[0])}, ` +
          `${JSON.stringify(from[other])} gives ${shapeWords(inputs[other])}`,
      );
    return inputs[0];
  },
  forward: (engine, _spec, inputs) => {
    const aligned = alike(engine, inputs);
    const y = engine.combine(
      aligned.map((x) => [1n, x]),
      aligned[0].fractionBits,
    );
    const readers = inputs.length;
    const tape = throughAll(async (fork, delta) => {
      const error = await truncated(fork, delta); // once for all
      return new Array<Value>(readers).fill(error);
    });
    return Promise.resolve({ y, tape });
  },
};
