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
  words: () => 'relu',
  shape: (_spec, [input]) => input,
  forward: async (engine, _spec, [x]) => {
    const { y, sign } = await reluOf(engine, x);
    return { y, tape: through((fork, delta) => selected(fork, sign, delta)) };
  },
};
