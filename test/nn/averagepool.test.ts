/** Means of windows: as exact as the ring has room for, of values with f fractional bits and of those right behind a product. */
import { expect, it } from 'vitest';
import { truncated } from '../../src/functions/formats.ts';
import { UNCUT } from '../../src/functions/wholeBatch.ts';
import { averagepool, type AveragepoolSpec } from '../../src/nn/layers/averagepool.ts';
import { sizeOf } from '../../src/ring/shape.ts';
import { plain, type Script, secure, SETTINGS } from '../twins.ts';
import { testRandom } from '../reference.ts';

const SIDE = 6;
const SIZE = 100;

/** The means of a row of images 6x6, by hand. */
function means(x: readonly number[], spec: AveragepoolSpec): number[] {
  const [window, stride, padding] = [spec.window as number, spec.stride as number, (spec.padding ?? 0) as number];
  const count = Math.floor((SIDE + 2 * padding - window) / stride) + 1;
  return Array.from({ length: count * count }, (_, at) => {
    const [top, left] = [Math.floor(at / count) * stride - padding, (at % count) * stride - padding];
    const inside = x.filter((_value, i) => {
      const [row, column] = [Math.floor(i / SIDE) - top, (i % SIDE) - left];
      return row >= 0 && row < window && column >= 0 && column < window;
    });
    const elements = spec.countPadding === false ? inside.length : window ** 2;
    return inside.reduce((sum, value) => sum + value, 0) / elements;
  });
}

const SPECS: AveragepoolSpec[] = [
  { type: 'averagepool', window: 3, stride: 1 },
  { type: 'averagepool', window: 6, stride: 6 },
  { type: 'averagepool', window: 4, stride: 2 },
  { type: 'averagepool', window: 3, stride: 2, padding: 1, countPadding: false },
];

/** Relative errors of the factors: of values with f bits, and behind a product with `more` bits. */
const CASES = [
  { setting: SETTINGS[0], more: 0, relative: 2 ** -17 },
  { setting: SETTINGS[0], more: 17, relative: 2 ** -10 },
  { setting: SETTINGS[1], more: 0, relative: 2 ** -17 },
  { setting: { ...SETTINGS[1], fractionBits: 24 }, more: 0, relative: 2 ** -17 },
  { setting: { ...SETTINGS[1], fractionBits: 24 }, more: 25, relative: 2 ** -17 },
  { setting: SETTINGS[2], more: 0, relative: 2 ** -10 },
];

it.each(SPECS)('window $window, stride $stride', async (spec) => {
  const random = testRandom(8);
  const numbers = Array.from({ length: SIDE * SIDE }, () => Math.round((2 * random() - 1) * SIZE * 64) / 64);
  for (const { setting, more, relative } of CASES) {
    const { fractionBits } = setting;
    const inputs = [{ shape: [1, SIDE, SIDE, 1], numbers }];
    const script: Script = async (engine, x) => {
      const place = { index: 0, training: undefined, batch: UNCUT, prepared: () => undefined, parameter: () => x };
      const { y } = await averagepool.forward(engine, spec, [engine.extend(x, more)], place);
      return truncated(engine, engine.reshape(y, [1, sizeOf(y.shape)]));
    };
    const { numbers: found } = await plain(setting, inputs, script);
    const bound = SIZE * relative + 2 * 2 ** -fractionBits;
    means(numbers, spec).forEach((mean, i) => expect(Math.abs(found[i] - mean)).toBeLessThan(bound));
    if (more > 0) continue;
    const { numbers: opened } = await secure(setting, inputs, script);
    opened.forEach((mean, i) => expect(Math.abs(mean - found[i])).toBeLessThanOrEqual(2 * 2 ** -fractionBits));
  }
});
