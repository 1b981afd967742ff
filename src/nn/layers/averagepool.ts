/** The mean over each window: sums, times 1 / (elements of a window) to 10 bits and exactly for powers of two. */
import type { Engine, Value } from '../../engine/engine.ts';
import { dyadic } from '../optimizer.ts';
import { type LayerType, through, truncated } from './layer.ts';
import { pooled, type Pooling, poolingFields, poolingShape, poolingWords, windowShape } from './pooling.ts';

export interface AveragepoolSpec extends Pooling {
  readonly type: 'averagepool';
}

export const averagepool: LayerType<AveragepoolSpec> = {
  type: 'averagepool',
  about: 'the mean of each window; gives `[⌊(h − window) / stride⌋ + 1, …, channels]`',
  fields: poolingFields,
  words: poolingWords,
  shape: poolingShape,
  forward: async (engine, spec, [x]) => {
    const window = windowShape(x, spec);
    const count = window.windowHeight * window.windowWidth;
    const { c, e } = dyadic(1 / count);
    const mean = (fork: Engine, sum: Value): Value =>
      fork.reinterpret(fork.scale(sum, BigInt(c)), sum.fractionBits + e);
    const y = mean(engine, engine.sumRows(await engine.windows(x, window)));
    const tape = through(async (fork, delta) => {
      const share = await truncated(fork, mean(fork, await truncated(fork, delta)));
      const row = fork.reshape(share, y.shape);
      return fork.overlay(fork.concatRows(new Array<Value>(count).fill(row)), window);
    });
    return { y: engine.reshape(y, pooled(window)), tape };
  },
};
