/** Borders around images, against the definition; and that each map is the transpose of the other. */
import { describe, expect, it } from 'vitest';
import { type Border, type Fill, pad, paddedShape, unpad } from '../../src/ring/pad.ts';
import { type Shape, sizeOf } from '../../src/ring/shape.ts';
import { mod64, randomRing, ring } from '../reference.ts';

const CASES: [Shape, Border, Fill][] = (['zero', 'edge'] as const).flatMap((fill): [Shape, Border, Fill][] => [
  [[2, 3, 4, 2], { top: 1, left: 1, bottom: 1, right: 1 }, fill],
  [[1, 2, 2, 3], { top: 0, left: 3, bottom: 2, right: 0 }, fill],
  [[2, 1, 1, 1], { top: 2, left: 0, bottom: 0, right: 5 }, fill],
  [[1, 4, 3, 1], { top: 0, left: 0, bottom: 0, right: 0 }, fill],
]);

/** The element of the image behind each padded element, if there is one. */
function origins(shape: Shape, border: Border, fill: Fill): (number | undefined)[] {
  const [batch, height, width, channels] = shape;
  const [, rows, columns] = paddedShape(shape, border);
  const near = (i: number, length: number): number | undefined =>
    i >= 0 && i < length ? i : fill === 'edge' ? Math.min(length - 1, Math.max(0, i)) : undefined;
  const out: (number | undefined)[] = [];
  for (let b = 0; b < batch; b++)
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++)
        for (let k = 0; k < channels; k++) {
          const [y, x] = [near(r - border.top, height), near(c - border.left, width)];
          out.push(y === undefined || x === undefined ? undefined : ((b * height + y) * width + x) * channels + k);
        }
  return out;
}

describe.each(CASES)('%j with %j of %s', (shape, border, fill) => {
  const from = origins(shape, border, fill);

  it('pad copies', () => {
    const image = randomRing(sizeOf(shape));
    const expected = from.map((i) => (i === undefined ? 0n : image[i]));
    expect(pad(image, shape, border, fill)).toEqual(ring(expected));
    expect(sizeOf(paddedShape(shape, border))).toBe(expected.length);
  });

  it('unpad adds back', () => {
    const padded = randomRing(from.length);
    const sums = new Array<bigint>(sizeOf(shape)).fill(0n);
    from.forEach((i, p) => {
      if (i !== undefined) sums[i] = mod64(sums[i] + padded[p]);
    });
    expect(unpad(padded, shape, border, fill)).toEqual(ring(sums));
  });
});
