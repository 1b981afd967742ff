/** Which convolutions are computed by fewer products (assembly/convSplit.ts), and what memory that takes. */
import { convOutput, type ConvJob, type ConvShape } from '../compute.ts';
import { size, type Piece } from './convPlan.ts';
import { roomFor } from './kernels.ts';

/** Below these, additions cost more than the products that they save. */
const LEAST_CHANNELS = 8;
const LEAST_FILTERS = 8;
/** How often windows are halved at most: few windows and taps are left, and products of those are slow. */
const MOST_LEVELS = 3;

/** How often the windows of a call are halved, and bytes of work that the kernel takes for it: an upper bound. */
export interface Split {
  readonly levels: number;
  readonly bytes: number;
}

/** Of one term, over all taps and filters. */
export function splitOf({ shape, terms, addend }: ConvJob, { images, windows, taps, filters }: Piece): Split {
  const { channels, kernelHeight, kernelWidth } = shape;
  const whole = size(taps) === kernelHeight && size(filters) === shape.filters;
  const single = terms.length === 1 && addend === undefined && shape.stride === 1;
  let [rows, columns] = [size(windows), convOutput(shape)[1]];
  let [tapRows, tapColumns] = [kernelHeight, kernelWidth];
  let [levels, bytes] = [0, 0];
  if (!whole || !single || channels < LEAST_CHANNELS || shape.filters < LEAST_FILTERS) return { levels, bytes };
  while (levels < MOST_LEVELS && rows % 2 === 0 && columns % 2 === 0 && tapRows > 1 && tapColumns > 1) {
    levels++;
    [rows, columns, tapRows, tapColumns] = [rows / 2, columns / 2, Math.ceil(tapRows / 2), Math.ceil(tapColumns / 2)];
    bytes += 2 * roomFor(0) + operandBytes(shape, size(images), [rows, columns], [tapRows, tapColumns]);
  }
  return { levels, bytes };
}

/** Of image, filter and output. */
function operandBytes(
  { channels, filters }: ConvShape,
  images: number,
  [rows, columns]: readonly [number, number],
  [tapRows, tapColumns]: readonly [number, number],
): number {
  const image = images * (rows + tapRows - 1) * (columns + tapColumns - 1) * channels;
  const filter = tapRows * tapColumns * channels * filters;
  return [image, filter, images * rows * columns * filters].reduce((sum, length) => sum + roomFor(8 * length), 0);
}
