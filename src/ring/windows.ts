/**
 * Windows over images, for pooling: a strided copy of an image into planes, and its transpose. Channels-last, any 64-bit elements.
 * Windows lie wholly inside the image: rows and columns behind the last window belong to none.
 */
import { halves } from './z64.ts';

export interface WindowShape {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly windowHeight: number;
  readonly windowWidth: number;
  readonly stride: number;
}

/** Whole windows along one dimension with zeros at both ends; below 1 when none fits. */
export function windowCount(length: number, window: number, stride: number, padding = 0): number {
  return Math.floor((length + 2 * padding - window) / stride) + 1;
}

/** Windows down and across. */
export function windowOutput(shape: WindowShape): [height: number, width: number] {
  const { height, width, windowHeight, windowWidth, stride } = shape;
  if (windowHeight > height || windowWidth > width) {
    throw new RangeError(`window ${windowHeight}x${windowWidth} is larger than the image ${height}x${width}`);
  }
  return [windowCount(height, windowHeight, stride), windowCount(width, windowWidth, stride)];
}

/** Calls `visit` for every run of channels: its start in the image and its start in the planes, in elements. */
function forEachRun(shape: WindowShape, visit: (image: number, plane: number) => void): void {
  const { batch, height, width, channels, windowHeight, windowWidth, stride } = shape;
  const [rows, columns] = windowOutput(shape);
  let plane = 0;
  for (let i = 0; i < windowHeight; i++) {
    for (let j = 0; j < windowWidth; j++) {
      for (let b = 0; b < batch; b++) {
        for (let r = 0; r < rows; r++) {
          let image = ((b * height + r * stride + i) * width + j) * channels;
          for (let c = 0; c < columns; c++, image += stride * channels, plane += channels) visit(image, plane);
        }
      }
    }
  }
}

/** (batch, height, width, channels) → (windowHeight · windowWidth, batch · rows · columns · channels). */
export function windows(image: BigUint64Array, shape: WindowShape): BigUint64Array {
  const [rows, columns] = windowOutput(shape);
  const { channels } = shape;
  const out = new BigUint64Array(shape.windowHeight * shape.windowWidth * shape.batch * rows * columns * channels);
  const from = halves(image);
  const to = halves(out);
  forEachRun(shape, (i, p) => {
    for (let s = 2 * i, t = 2 * p, end = 2 * (p + channels); t < end; s++, t++) to[t] = from[s];
  });
  return out;
}

/** The transpose of `windows`: every plane added back to where it came from. */
export function overlay(planes: BigUint64Array, shape: WindowShape): BigUint64Array {
  const { batch, height, width, channels, windowHeight, windowWidth, stride } = shape;
  const out = new BigUint64Array(batch * height * width * channels);
  const from = halves(planes);
  const to = halves(out);
  const overlapping = stride < windowHeight || stride < windowWidth;
  forEachRun(shape, (i, p) => {
    for (let t = 2 * i, s = 2 * p, end = 2 * (p + channels); s < end; s += 2, t += 2) {
      const low = from[s];
      if (!overlapping) {
        to[t] = low;
        to[t + 1] = from[s + 1];
        continue;
      }
      const sum = (to[t] + low) >>> 0;
      to[t + 1] += from[s + 1] + (sum < low ? 1 : 0);
      to[t] = sum;
    }
  });
  return out;
}
