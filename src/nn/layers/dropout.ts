/**
 * In a training, elements are set to zero by a public mask, and those that stay are multiplied by 1 / (1 − rate), exactly for powers of two and
 * to 10 bits otherwise; in an inference nothing happens. The mask follows from the public seed, the step and the layer's index, so a run that is
 * resumed drops the same. It sends nothing; where the factor is no integer, the layer behind truncates.
 */
import * as z from 'zod';
import type { Engine, Value } from '../../engine/engine.ts';
import { truncated } from '../../functions/formats.ts';
import { type Shape, sizeOf } from '../../ring/shape.ts';
import { dyadic } from '../optimizer.ts';
import { publicStream, uint32 } from '../publicStream.ts';
import { type LayerType, type Place, through, type Wiring } from './layer.ts';

export interface DropoutSpec extends Wiring {
  readonly type: 'dropout';
  /** Of the elements, in [0, 1). */
  readonly rate: number;
}

const RATE = 'a number from 0 to 0.99';
/** More fractional bits than this are truncated before they grow. */
const MOST_BITS = 50;

export const dropout: LayerType<DropoutSpec> = {
  type: 'dropout',
  about: 'drops elements by a public mask in a training, nothing in an inference; gives as its input',
  fields: { rate: z.number(RATE).min(0, RATE).max(0.99, RATE) },
  passes: true,
  words: ({ rate }) => `dropout ${rate}`,
  shape: (_spec, [input]) => input,
  forward: async (engine, { rate }, [x], { index, training }) => {
    if (training === undefined || rate === 0) return { y: x, tape: through((_fork, delta) => Promise.resolve(delta)) };
    const kept = keptElements(training, index, x.shape, rate);
    const { c, e } = dyadic(1 / (1 - rate));
    const drop = async (fork: Engine, value: Value): Promise<Value> => {
      const before = value.fractionBits + e > MOST_BITS ? await truncated(fork, value) : value;
      return fork.reinterpret(
        fork.scale(fork.keep(before, kept), BigInt(c) << BigInt(Math.max(0, -e))),
        before.fractionBits + Math.max(0, e),
      );
    };
    return { y: await drop(engine, x), tape: through(drop) };
  },
};

/** 1 for each element that stays: of a part of a batch, as in the whole. */
function keptElements(
  { seed, step, samples }: NonNullable<Place['training']>,
  index: number,
  [rows, ...rest]: Shape,
  rate: number,
): Uint8Array {
  const dropped = Math.round(rate * 2 ** 32);
  const before = (samples?.from ?? 0) * sizeOf(rest);
  const words = uint32(publicStream(seed, `dropout/${index}/${step}`), before + rows * sizeOf(rest));
  return Uint8Array.from(words.subarray(before), (word) => (word >= dropped ? 1 : 0));
}
