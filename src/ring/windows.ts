/**
 * Windows over images, for pooling: a strided copy of an image into planes, and its transpose. Channels-last, any 64-bit elements.
 * Windows lie wholly inside the image: rows and columns behind the last window belong to none.
 */
import { fresh, zeros } from './pool.ts';
import { type Runs, Slab } from './vector.ts';

export interface WindowShape {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly windowHeight: number;
  readonly windowWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
}

/** Whole windows along one dimension with zeros at both ends; below 1 when none fits. */
export function windowCount(length: number, window: number, stride: number, padding = 0): number {
  return Math.floor((length + 2 * padding - window) / stride) + 1;
}

/** Windows down and across. */
export function windowOutput(shape: WindowShape): [height: number, width: number] {
  const { height, width, windowHeight, windowWidth, strideHeight, strideWidth } = shape;
  if (windowHeight > height || windowWidth > width) {
    throw new RangeError(`window ${windowHeight}x${windowWidth} is larger than the image ${height}x${width}`);
  }
  return [windowCount(height, windowHeight, strideHeight), windowCount(width, windowWidth, strideWidth)];
}

/** Elements of an image that are worked on at a time, unless one row of windows takes more. */
const SLAB = 16_384;

/** A band of an image, the rows that some rows of windows cover, and where its runs lie in it and in the planes. */
interface Band {
  readonly start: number;
  readonly end: number;
  readonly runs: Runs;
  /** For each place in the window: its first element in the band, and that of its runs in the planes. */
  readonly places: readonly { readonly image: number; readonly plane: number }[];
}

function* bands(shape: WindowShape): Generator<Band> {
  const { batch, height, width, channels, windowHeight, windowWidth, strideHeight, strideWidth } = shape;
  const [rows, columns] = windowOutput(shape);
  const row = width * channels;
  const most = Math.max(1, Math.floor((SLAB / row - windowHeight) / strideHeight) + 1);
  for (let b = 0; b < batch; b++) {
    for (let r = 0; r < rows; r += most) {
      const count = Math.min(most, rows - r);
      const start = (b * height + r * strideHeight) * row;
      const places: Band['places'][number][] = [];
      for (let place = 0; place < windowHeight * windowWidth; place++) {
        const [i, j] = [Math.floor(place / windowWidth), place % windowWidth];
        const plane = ((place * batch + b) * rows + r) * columns * channels;
        places.push({ image: i * row + j * channels, plane });
      }
      const runs = { rows: count, columns, run: channels, rowStep: strideHeight * row, step: strideWidth * channels };
      yield { start, end: start + ((count - 1) * strideHeight + windowHeight) * row, runs, places };
    }
  }
}

/** A map between images and planes: fills `out`, which `roomFor` gives, band by band, and lets go in between. */
export type Banded = (from: BigUint64Array, shape: WindowShape, out: BigUint64Array) => Generator<void, void>;

/** `size` elements for the map to fill: zeros, unless it writes all of them. */
export function roomFor(map: Banded, shape: WindowShape, size: number): BigUint64Array {
  const { height, windowHeight, strideHeight } = shape;
  const everyRow = windowHeight === strideHeight && windowOutput(shape)[0] * strideHeight === height;
  return map === windows || everyRow ? fresh(size) : zeros(size);
}

/** (batch, height, width, channels) → (windowHeight · windowWidth, batch · rows · columns · channels). */
export const windows: Banded = function* (image, shape, out) {
  for (const { start, end, runs, places } of bands(shape)) {
    const slab = new Slab(end - start, image.subarray(start, end));
    for (const place of places) slab.gather(runs, place.image, out, place.plane);
    yield;
  }
};

/** The transpose of `windows`: every plane added back to where it came from. */
export const overlay: Banded = function* (planes, shape, out) {
  for (const { start, end, runs, places } of bands(shape)) {
    // Rows that bands share belong to both.
    const slab = new Slab(end - start, sharesRows(shape) ? out.subarray(start, end) : undefined);
    for (const place of places) slab.scatter(runs, planes, place.plane, place.image);
    out.set(slab.values, start);
    yield;
  }
};

function sharesRows({ windowHeight, strideHeight }: WindowShape): boolean {
  return windowHeight > strideHeight;
}
