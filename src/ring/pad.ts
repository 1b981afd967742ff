/**
 * Borders around images: a copy into a larger image, and its transpose. Channels-last, any 64-bit elements. Of `zero` the border is 0 and the
 * transpose cuts it off; of `edge` every element of the border is the nearest one of the image, to which the transpose adds it back.
 */
import { type Shape, sizeOf } from './shape.ts';
import * as z64 from './z64.ts';

export interface Border {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

export type Fill = 'zero' | 'edge';

/** (batch, height, width, channels) with a border. */
export function paddedShape([batch, height, width, channels]: Shape, { top, left, bottom, right }: Border): Shape {
  return [batch, top + height + bottom, left + width + right, channels];
}

export function pad(image: BigUint64Array, shape: Shape, border: Border, fill: Fill): BigUint64Array {
  const { rows, row, run, left, channels, size } = plan(shape, border);
  const out = new BigUint64Array(size);
  for (const { at, from, inside } of rows) {
    if (fill === 'zero' && !inside) continue;
    const line = image.subarray(from, from + run);
    out.set(line, at + left);
    if (fill === 'zero') continue;
    for (let x = 0; x < left; x += channels) out.set(line.subarray(0, channels), at + x);
    for (let x = left + run; x < row; x += channels) out.set(line.subarray(run - channels), at + x);
  }
  return out;
}

export function unpad(padded: BigUint64Array, shape: Shape, border: Border, fill: Fill): BigUint64Array {
  const { rows, row, run, left, channels } = plan(shape, border);
  const out = new BigUint64Array(sizeOf(shape));
  for (const { at, from, inside } of rows) {
    if (fill === 'zero' && !inside) continue;
    const line = out.subarray(from, from + run);
    z64.accumulate(line, padded.subarray(at + left, at + left + run));
    if (fill === 'zero') continue;
    const [first, last] = [line.subarray(0, channels), line.subarray(run - channels)];
    for (let x = 0; x < left; x += channels) z64.accumulate(first, padded.subarray(at + x, at + x + channels));
    for (let x = left + run; x < row; x += channels) z64.accumulate(last, padded.subarray(at + x, at + x + channels));
  }
  return out;
}

interface Row {
  /** Where the padded row begins, and that of the image that it holds or repeats. */
  readonly at: number;
  readonly from: number;
  readonly inside: boolean;
}

/** All lengths in elements. */
interface Plan {
  readonly rows: Iterable<Row>;
  /** Of a padded row, of one of the image, and of the border before it. */
  readonly row: number;
  readonly run: number;
  readonly left: number;
  readonly channels: number;
  /** Of all padded images. */
  readonly size: number;
}

function plan(shape: Shape, border: Border): Plan {
  const [batch, height, width, channels] = shape;
  const [, rows, columns] = paddedShape(shape, border);
  const [row, run] = [columns * channels, width * channels];
  function* each(): Generator<Row> {
    for (let b = 0; b < batch; b++) {
      for (let r = 0; r < rows; r++) {
        const y = r - border.top;
        const nearest = Math.min(height - 1, Math.max(0, y));
        yield { at: (b * rows + r) * row, from: (b * height + nearest) * run, inside: y === nearest };
      }
    }
  }
  const left = border.left * channels;
  return { rows: each(), row, run, left, channels, size: batch * rows * row };
}
