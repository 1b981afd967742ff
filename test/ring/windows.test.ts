import { describe, expect, it } from 'vitest';
import { fresh, recycle } from '../../src/ring/pool.ts';
import { type Banded, overlay, roomFor, windowOutput, windows, type WindowShape } from '../../src/ring/windows.ts';
import { mod64, randomRing, ring } from '../reference.ts';

const SHAPES: [number, number, number, number, number, number, number, number][] = [
  // batch, height, width, channels, window height, window width, stride down and across
  [2, 4, 4, 3, 2, 2, 2, 2],
  [2, 7, 6, 2, 3, 2, 2, 3],
  [1, 6, 9, 3, 1, 1, 2, 4],
  [1, 5, 7, 2, 2, 2, 2, 2],
  [2, 6, 5, 1, 3, 3, 2, 2],
  [1, 4, 4, 2, 3, 2, 1, 1],
  [1, 3, 3, 1, 1, 1, 2, 2],
  [1, 2, 3, 4, 2, 3, 5, 5],
  // Several bands an image (windows.ts) that overlap, and one row of windows that is longer than a band.
  [1, 9, 300, 9, 2, 2, 1, 1],
  [1, 3, 3, 6001, 2, 2, 1, 1],
  // Large enough for memory that is used again: windows side by side, with a row behind the last, with rows in between.
  [2, 48, 49, 2, 2, 2, 2, 2],
  [1, 97, 48, 2, 2, 2, 2, 2],
  [2, 50, 50, 2, 2, 2, 3, 3],
];

function shapeOf([
  batch,
  height,
  width,
  channels,
  windowHeight,
  windowWidth,
  strideHeight,
  strideWidth,
]: (typeof SHAPES)[0]): WindowShape {
  return { batch, height, width, channels, windowHeight, windowWidth, strideHeight, strideWidth };
}

/** The element of the image behind every element of the planes. */
function indices(s: WindowShape): number[] {
  const [rows, columns] = windowOutput(s);
  const out: number[] = [];
  for (let i = 0; i < s.windowHeight; i++)
    for (let j = 0; j < s.windowWidth; j++)
      for (let b = 0; b < s.batch; b++)
        for (let r = 0; r < rows; r++)
          for (let c = 0; c < columns; c++)
            for (let k = 0; k < s.channels; k++)
              out.push(((b * s.height + r * s.strideHeight + i) * s.width + c * s.strideWidth + j) * s.channels + k);
  return out;
}

function filled(map: Banded, from: BigUint64Array, shape: WindowShape, size: number): BigUint64Array {
  // Where something lay before: only memory of some size is used again.
  recycle(fresh(size).fill(0x55n));
  const out = roomFor(map, shape, size);
  Array.from(map(from, shape, out));
  return out;
}

describe.each(SHAPES.map(shapeOf))(
  '$windowHeight x $windowWidth every $strideHeight x $strideWidth of $height x $width x $channels',
  (shape) => {
    const index = indices(shape);
    const image = randomRing(shape.batch * shape.height * shape.width * shape.channels);

    it('windows are copied plane by plane', () => {
      expect(filled(windows, image, shape, index.length)).toEqual(ring(index.map((i) => image[i])));
    });

    it('overlay adds every plane back where it came from', () => {
      const planes = randomRing(index.length);
      const sums = new Array<bigint>(image.length).fill(0n);
      index.forEach((i, p) => (sums[i] = mod64(sums[i] + planes[p])));
      expect(filled(overlay, planes, shape, image.length)).toEqual(ring(sums));
    });
  },
);

it('a window larger than the image is refused', () => {
  expect(() => windowOutput(shapeOf([1, 3, 3, 1, 4, 2, 1, 1]))).toThrow('window 4x2 is larger than the image 3x3');
});
