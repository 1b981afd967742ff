/** Images as programs have them, as values and what becomes of them before they are masked. Pure. */
import type { Elements } from '../data/elements.ts';
import { withChannels } from '../data/pixels.ts';
import { Problem } from '../data/problem.ts';
import { OF_BYTES, type Scaling } from '../data/scaling.ts';
import { sizeOf } from '../ring/shape.ts';

/** What a canvas gives (`ImageData`): red, green, blue and alpha of each pixel, row after row. */
export interface CanvasPixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** One image or several, one after the other. */
export type Image = Uint8Array | Uint8ClampedArray | Float32Array | Float64Array | readonly number[] | CanvasPixels;

export interface GivenValues {
  readonly values: Elements;
  readonly scaling: Scaling;
}

const AS_THEY_ARE: Scaling = { ...OF_BYTES, divideBy: 1 };

/** @param shape of one image @param scaling of bytes */
export function givenValues(image: Image, shape: readonly number[], scaling: Scaling): GivenValues {
  const given = 'width' in image ? { values: pixelsOf(image, shape), scaling } : valuesOf(image, scaling);
  const size = sizeOf(shape);
  const { length } = given.values;
  if (length === 0 || length % size !== 0) {
    throw new Problem(
      `${length} values are no images of ${shape.join(' x ')}`,
      `give ${size} values for each image, row after row, channels innermost`,
    );
  }
  return given;
}

function valuesOf(image: Exclude<Image, CanvasPixels>, scaling: Scaling): GivenValues {
  if (image instanceof Uint8Array) return { values: image, scaling };
  if (image instanceof Uint8ClampedArray) return { values: unclamped(image), scaling };
  const values = image instanceof Float32Array || image instanceof Float64Array ? image : Float64Array.from(image);
  checkNumbers(values, 'the image');
  return { values, scaling: AS_THEY_ARE };
}

/** The same memory. */
export function unclamped({ buffer, byteOffset, length }: Uint8ClampedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

/** @param of whose they are, for the error */
export function checkNumbers(values: Float32Array | Float64Array, of: string): void {
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new Problem(`value ${wrong} of ${of} is ${values[wrong]}`, 'give numbers');
}

/** Over black where it is transparent; one channel takes grey alone, as files do. */
function pixelsOf({ data, width, height }: CanvasPixels, shape: readonly number[]): Elements {
  // A network of vectors takes a picture of as many values, row after row.
  const [rows, columns, channels] = shape.length === 1 ? [height, width, shape[0] / (height * width)] : shape;
  if (shape.length === 2 || rows !== height || columns !== width || (channels !== 1 && channels !== 3)) {
    throw new Problem(
      `a picture of ${height} x ${width} pixels is no image of ${shape.join(' x ')}`,
      'draw it to a canvas of that size first; values of other shapes are given as an array',
    );
  }
  if (data.length !== 4 * width * height)
    throw new Problem('the picture has not all its pixels', 'give it as getImageData does');
  const values = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const alpha = data[4 * i + 3];
    for (let c = 0; c < 3; c++) values[3 * i + c] = Math.round((data[4 * i + c] * alpha) / 255);
  }
  return withChannels({ rows, columns, channels: 3, values }, channels, 'the picture');
}
