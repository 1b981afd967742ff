/**
 * The largest value of each window, taken before truncation, of which the winners alone need one. A ReLU right before it runs after it
 * (`schedule.ts`): on a quarter of the elements for a 2x2 window.
 *
 * Padding never wins: the border repeats the nearest element of the image, which lies in every window that reaches so far.
 */
import type { Engine, Value } from '../../engine/engine.ts';
import { truncated } from '../../functions/formats.ts';
import { maximum } from '../../functions/maximum.ts';
import { maxpoolRelu } from '../../functions/maxpoolTree.ts';
import { sizeOf } from '../../ring/shape.ts';
import { pairOf } from './fields.ts';
import { type LayerType, through } from './layer.ts';
import {
  overlaid,
  planes,
  pooled,
  type Pooling,
  poolingFields,
  poolingShape,
  poolingWords,
  windowsOf,
} from './pooling.ts';

export interface MaxpoolSpec extends Pooling {
  readonly type: 'maxpool';
}

export const maxpool: LayerType<MaxpoolSpec> = {
  type: 'maxpool',
  about: 'the largest value of each window; gives `[⌊(h + padding − window) / stride⌋ + 1, …, channels]`',
  fields: poolingFields,
  compares: true,
  apart,
  words: poolingWords,
  shape: poolingShape,
  forward: async (engine, spec, [x]) => {
    const windows = windowsOf(x, spec);
    const candidates = await planes(engine, x, windows, 'edge');
    const { y, route, over } = await maximum(engine, candidates);
    if (y !== candidates) engine.free(candidates);
    const { shape } = y;
    const tape = through(async (fork, delta) => {
      const winners = await truncated(fork, delta); // before it is spread over the windows
      const routed = await route(fork, fork.reshape(winners, shape));
      over(fork);
      if (winners !== delta && apart(spec)) fork.free(winners);
      return overlaid(fork, routed, windows, 'edge');
    });
    return { y: engine.reshape(y, pooled(windows.window)), tape };
  },
  fusion: {
    with: 'relu',
    pays: takesRelu,
    run: async (engine, spec, x) => {
      const windows = windowsOf(x, spec);
      const y = await maxpoolRelu(engine, await planes(engine, x, windows, 'edge'));
      return engine.reshape(y, pooled(windows.window));
    },
  },
};

/** The only element of a window is its largest, and its error what is sent down. */
function apart({ window }: MaxpoolSpec): boolean {
  const [height, width] = pairOf(window);
  return height * width > 1;
}

/** Pooled values that are few: below this three rounds cost more than a comparison, and some 130 bytes, for each. */
const FEW = 4096;

/** Of few values a maxpool takes the ReLU after it along. */
function takesRelu(engine: Engine, spec: MaxpoolSpec, x: Value): boolean {
  const { window } = windowsOf(x, spec);
  const products = x.fractionBits > engine.fractionBits;
  const direct = engine.suite === 'direct' && engine.truncation === 'dealt';
  return direct && products && window.windowHeight * window.windowWidth > 1 && sizeOf(pooled(window)) <= FEW;
}
