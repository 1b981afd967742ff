/**
 * Convolutions of small images under much padding: a row or column of the kernel that meets nothing but padding, whatever the window, takes no
 * part. Without those the kernel is smaller, and the result the same: of a 3x3 kernel on an image of one pixel one tap in nine is left.
 */
import { convOutput, type ConvJob, type ConvShape } from '../compute.ts';
import type { Span } from './gemm.ts';

export interface Cropped {
  readonly job: ConvJob;
  /** The result of the job as it was given, from that of the smaller one. */
  restore(result: BigUint64Array): BigUint64Array;
}

/** The job without the taps that meet padding alone; undefined if there are none, or if what is left is no convolution with even padding. */
export function withoutPadding(job: ConvJob): Cropped | undefined {
  const { map, shape, terms, addend } = job;
  const [outHeight, outWidth] = convOutput(shape);
  const rows = liveTaps(shape.height, shape.kernelHeight, outHeight, shape);
  const columns = liveTaps(shape.width, shape.kernelWidth, outWidth, shape);
  const [kernelHeight, kernelWidth] = [rows.end - rows.start, columns.end - columns.start];
  if (kernelHeight < 1 || kernelWidth < 1 || rows.start !== columns.start) return undefined;
  if (kernelHeight === shape.kernelHeight && kernelWidth === shape.kernelWidth) return undefined;
  const smaller: ConvShape = { ...shape, kernelHeight, kernelWidth, padding: shape.padding - rows.start };
  const [height, width] = convOutput(smaller);
  if (height !== outHeight || width !== outWidth) return undefined;
  const crop = (filter: BigUint64Array): BigUint64Array => cropFilter(shape, filter, rows, columns);
  if (map !== 'weightGradient') {
    const cropped = terms.map(({ x, y }) => ({ x, y: crop(y) }));
    return { job: { ...job, shape: smaller, terms: cropped }, restore: (result) => result };
  }
  return {
    job: { ...job, shape: smaller, ...(addend === undefined ? {} : { addend: crop(addend) }) },
    restore: (result) => {
      const { channels, filters } = shape;
      const whole = addend?.slice() ?? new BigUint64Array(shape.kernelHeight * shape.kernelWidth * channels * filters);
      const run = kernelWidth * channels * filters;
      eachRow(shape, rows, columns, (at, row) => whole.set(result.subarray(row * run, (row + 1) * run), at));
      return whole;
    },
  };
}

/** From the first to the last tap that lies on the image in some window. */
function liveTaps(length: number, kernel: number, windows: number, { stride, padding }: ConvShape): Span {
  let [start, end] = [kernel, 0];
  for (let tap = 0; tap < kernel; tap++) {
    for (let window = 0; window < windows; window++) {
      const at = window * stride + tap - padding;
      if (at < 0 || at >= length) continue;
      start = Math.min(start, tap);
      end = tap + 1;
      break;
    }
  }
  return { start, end };
}

function cropFilter(shape: ConvShape, filter: BigUint64Array, rows: Span, columns: Span): BigUint64Array {
  const run = (columns.end - columns.start) * shape.channels * shape.filters;
  const out = new BigUint64Array((rows.end - rows.start) * run);
  eachRow(shape, rows, columns, (at, row) => out.set(filter.subarray(at, at + run), row * run));
  return out;
}

/** Where each row of what is left begins in the whole filter. */
function eachRow(
  { kernelWidth, channels, filters }: ConvShape,
  rows: Span,
  columns: Span,
  visit: (at: number, row: number) => void,
): void {
  for (let row = rows.start; row < rows.end; row++)
    visit((row * kernelWidth + columns.start) * channels * filters, row - rows.start);
}
