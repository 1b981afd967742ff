/** max(x, 0). */
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
    const surplus = x.fractionBits - engine.fractionBits;
    const { y, sign } = surplus > 0 ? await engine.truncateRelu(x, surplus) : await engine.relu(x);
    const tape = through((fork, delta) => {
      const more = delta.fractionBits - fork.fractionBits;
      return more > 0 ? fork.truncateSelect(sign, delta, more) : fork.select(sign, delta);
    });
    return { y, tape };
  },
};
