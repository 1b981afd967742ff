/** The hyperbolic tangent, to 2e-3. */
import * as functions from '../../functions/sigmoid.ts';
import { type LayerType, through, type Wiring } from './layer.ts';

export interface TanhSpec extends Wiring {
  readonly type: 'tanh';
}

export const tanh: LayerType<TanhSpec> = {
  type: 'tanh',
  about: 'the hyperbolic tangent, to 2e-3; gives as its input',
  fields: {},
  monotone: true,
  compares: true,
  needsDealt: true,
  words: () => 'tanh',
  shape: (_spec, [input]) => input,
  forward: async (engine, _spec, [x]) => {
    const y = await functions.tanh(engine, x);
    return { y, tape: through((fork, delta) => functions.tanhError(fork, y, delta)) };
  },
};
