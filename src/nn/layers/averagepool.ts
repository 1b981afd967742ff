/**
 * The mean over each window: sums, times 1 / (elements of a window), exactly for powers of two, otherwise to 10 to 17 bits: as many as the ring has
 * room for. Padding is zeros, which count as elements unless `countPadding` is false: then windows at the border have factors of their own.
 */
import * as z from 'zod';
import type { Engine, Value } from '../../engine/engine.ts';
import { truncated } from '../../functions/formats.ts';
import { windowOutput } from '../../ring/windows.ts';
import { type LayerType, type Pass, through } from './layer.ts';
import {
  overlaid,
  planes,
  pooled,
  type Pooling,
  poolingFields,
  poolingShape,
  poolingWords,
  type Windows,
  windowsOf,
} from './pooling.ts';

export interface AveragepoolSpec extends Pooling {
  readonly type: 'averagepool';
  /** Whether padding counts; true when absent, as in PyTorch. */
  readonly countPadding?: boolean | undefined;
}

export const averagepool: LayerType<AveragepoolSpec> = {
  type: 'averagepool',
  about: 'the mean of each window; gives `[⌊(h + padding − window) / stride⌋ + 1, …, channels]`',
  fields: { ...poolingFields, countPadding: z.boolean('true or false').optional() },
  words: poolingWords,
  shape: poolingShape,
  forward: (engine, spec, [x]) => averaged(engine, x, windowsOf(x, spec), spec.countPadding ?? true),
};

/** The means, as an image, and their way back. */
export async function averaged(engine: Engine, x: Value, windows: Windows, countPadding: boolean): Promise<Pass> {
  const { window, border } = windows;
  const elements = window.windowHeight * window.windowWidth;
  const mean = border === undefined || countPadding ? evenly(elements) : byCount(windows);
  const y = await mean(engine, engine.sumRows(await planes(engine, x, windows, 'zero')));
  const { shape } = y;
  const tape = through(async (fork, delta) => {
    const row = fork.reshape(await truncated(fork, delta), shape);
    const share = await truncated(fork, await mean(fork, row));
    return overlaid(fork, fork.concatRows(new Array<Value>(elements).fill(share)), windows, 'zero');
  });
  return { y: engine.reshape(y, pooled(window)), tape };
}

/** Multiplies sums (1, windows · channels) of the same number of elements each, with more fractional bits. */
type Mean = (engine: Engine, sums: Value) => Promise<Value>;

/** Significant bits of a factor 1 / elements, at most and at least. */
const MOST_BITS = 17;
const LEAST_BITS = 10;
/** Fractional bits of a mean for more bits than these at least: it stays below 2^12. And at most: below 2^8. */
const ROOM = 50;
const MOST = 54;

/** Sums that have room for factors 1 / n, n up to `elements`, and the fractional bits of these. */
async function withFactors(engine: Engine, given: Value, elements: number): Promise<{ sums: Value; e: number }> {
  const whole = Math.ceil(Math.log2(elements));
  const bits = (count: number): number => whole + count - 1;
  const sums = given.fractionBits + bits(LEAST_BITS) > MOST ? await truncated(engine, given) : given;
  // Local truncation goes wrong the more often the more bits there are.
  const room = engine.truncation === 'local' ? 0 : ROOM - sums.fractionBits;
  return { sums, e: Math.min(Math.max(room, bits(LEAST_BITS)), bits(MOST_BITS)) };
}

function evenly(elements: number): Mean {
  const power = Math.log2(elements);
  if (Number.isInteger(power))
    return (engine, sums) => Promise.resolve(engine.reinterpret(sums, sums.fractionBits + power));
  return async (engine, given) => {
    const { sums, e } = await withFactors(engine, given, elements);
    const c = Math.round(2 ** e / elements);
    return engine.reinterpret(engine.scale(sums, BigInt(c)), sums.fractionBits + e);
  };
}

function byCount({ window, border, image }: Windows): Mean {
  const [rows, columns] = windowOutput(window);
  const inside = (count: number, step: number, side: number, before: number, length: number): number[] =>
    Array.from({ length: count }, (_, i) => {
      const start = i * step - before;
      return Math.min(start + side, length) - Math.max(start, 0);
    });
  const down = inside(rows, window.strideHeight, window.windowHeight, border!.top, image[1]);
  const across = inside(columns, window.strideWidth, window.windowWidth, border!.left, image[2]);
  return async (engine, given) => {
    const { sums, e } = await withFactors(engine, given, window.windowHeight * window.windowWidth);
    const ofImage = rows * columns * window.channels;
    const factors = new BigUint64Array(window.batch * ofImage);
    let at = 0;
    for (const height of down)
      for (const width of across) {
        factors.fill(BigInt(Math.round(2 ** e / (height * width))), at, at + window.channels);
        at += window.channels;
      }
    for (; at < factors.length; at += ofImage) factors.copyWithin(at, 0, ofImage);
    return engine.reinterpret(engine.weigh(sums, factors), sums.fractionBits + e);
  };
}
