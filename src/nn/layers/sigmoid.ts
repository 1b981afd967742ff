/** σ(x) = 1 / (1 + exp(−x)), to 1e-3. */
import * as functions from '../../functions/sigmoid.ts';
import { type LayerType, through, type Wiring } from './layer.ts';

export interface SigmoidSpec extends Wiring {
  readonly type: 'sigmoid';
}

export const sigmoid: LayerType<SigmoidSpec> = {
  type: 'sigmoid',
  about: '1 / (1 + exp(−x)), to 1e-3; gives as its input',
  fields: {},
  monotone: true,
  compares: true,
  needsDealt: true,
  words: () => 'sigmoid',
  shape: (_spec, [input]) => input,
  forward: async (engine, _spec, [x]) => {
    const y = await functions.sigmoid(engine, x);
    return { y, tape: through((fork, delta) => functions.sigmoidError(fork, y, delta)) };
  },
};
