/** max(x, 0). */
import { reluOf, selected } from '../../functions/formats.ts';
import { type LayerType, through, type Wiring } from './layer.ts';

export interface ReluSpec extends Wiring {
  readonly type: 'relu';
}

export const relu: LayerType<ReluSpec> = {
  type: 'relu',
  about: 'max(x, 0); gives as its input',
  fields: {},
  monotone: true,
  compares: true,
  apart: () => true,
  words: () => 'relu',
  shape: (_spec, [input]) => input,
  forward: async (engine, _spec, [x]) => {
    const { y, sign } = await reluOf(engine, x);
    return {
      y,
      tape: through(async (fork, delta) => {
        const error = await selected(fork, sign, delta);
        fork.free(sign);
        return error;
      }),
    };
  },
};
