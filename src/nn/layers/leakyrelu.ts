/** x where it is positive, slope·x elsewhere: slope·x + (1 − slope)·ReLU(x), of which only ReLU sends messages. */
import * as z from 'zod';
import type { Engine, Value } from '../../engine/engine.ts';
import { reluOf, selected, truncated } from '../../functions/formats.ts';
import { type LayerType, through, type Wiring } from './layer.ts';

export interface LeakyreluSpec extends Wiring {
  readonly type: 'leakyrelu';
  /** In [0, 1], rounded to 16 bits; 0.01 when absent. */
  readonly slope?: number | undefined;
}

/** When absent, as in PyTorch. */
export const SLOPE = 0.01;
const SLOPES = 'a number from 0 to 1';
const SLOPE_BITS = 16;
/** More fractional bits than this are truncated before they grow by the slope's. */
const MOST_BITS = 50;

/** slope = c · 2^−e */
function rounded(slope: number): { c: bigint; e: number } {
  let c = Math.round(slope * 2 ** SLOPE_BITS);
  let e = SLOPE_BITS;
  while (e > 0 && c % 2 === 0) {
    c /= 2;
    e--;
  }
  return { c: BigInt(c), e };
}

export const leakyrelu: LayerType<LeakyreluSpec> = {
  type: 'leakyrelu',
  about: 'x, or `slope` · x where it is negative; gives as its input',
  fields: { slope: z.number(SLOPES).min(0, SLOPES).max(1, SLOPES).optional() },
  monotone: true,
  compares: true,
  words: ({ slope = SLOPE }) => `leakyrelu ${slope}`,
  shape: (_spec, [input]) => input,
  forward: async (engine, { slope = SLOPE }, [input]) => {
    const { c, e } = rounded(slope);
    const narrow = (fork: Engine, value: Value): Promise<Value> =>
      value.fractionBits + e > MOST_BITS ? truncated(fork, value) : Promise.resolve(value);
    /** slope·x + (1 − slope)·kept, kept having f fractional bits. */
    const mixed = (fork: Engine, x: Value, kept: Value): Value => {
      const rest = ((1n << BigInt(e)) - c) << BigInt(x.fractionBits - kept.fractionBits);
      return fork.combine(
        [
          [c, x],
          [rest, kept],
        ],
        x.fractionBits + e,
      );
    };
    const x = await narrow(engine, input);
    const { y, sign } = await reluOf(engine, x);
    const tape = through(async (fork, error) => {
      const delta = await narrow(fork, error);
      return mixed(fork, delta, await selected(fork, sign, delta));
    });
    return { y: mixed(engine, x, y), tape };
  },
};
