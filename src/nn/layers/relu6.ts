/** min(max(x, 0), 6). */
import { clamp, clampError } from '../../functions/clamp.ts';
import { type LayerType, through, type Wiring } from './layer.ts';

export interface Relu6Spec extends Wiring {
  readonly type: 'relu6';
}

export const relu6: LayerType<Relu6Spec> = {
  type: 'relu6',
  about: 'min(max(x, 0), 6); gives as its input',
  fields: {},
  monotone: true,
  compares: true,
  words: () => 'relu6',
  shape: (_spec, [input]) => input,
  forward: async (engine, _spec, [x]) => {
    const { y, sign } = await clamp(engine, x, 0, 6);
    return { y, tape: through((fork, delta) => clampError(fork, sign, delta)) };
  },
};
