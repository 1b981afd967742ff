/** The mean over each channel of an image. */
import type { Engine, Value } from '../../engine/engine.ts';
import { imageOf } from './fields.ts';
import { averaged } from './averagepool.ts';
import type { LayerType, Wiring } from './layer.ts';
import { windowsOf } from './pooling.ts';

export interface GlobalAveragepoolSpec extends Wiring {
  readonly type: 'globalaveragepool';
}

export const globalaveragepool: LayerType<GlobalAveragepoolSpec> = {
  type: 'globalaveragepool',
  about: 'the mean of each channel over the whole image; gives `[channels]`',
  fields: {},
  words: () => 'globalaveragepool',
  shape: (_spec, inputs) => [imageOf(inputs)[2]],
  forward: async (engine, _spec, [x]) => {
    const [batch, height, width, channels] = x.shape;
    const { y, tape } = await averaged(engine, x, windowsOf(x, { window: [height, width] }), true);
    const { shape } = y;
    const inputs = (fork: Engine, delta: Value): Promise<readonly Value[]> =>
      tape.inputs(fork, fork.reshape(delta, shape), []);
    return { y: engine.reshape(y, [batch, channels]), tape: { ...tape, inputs } };
  },
};
