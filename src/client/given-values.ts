/** Images as programs have them, as values and what becomes of them before they are masked. Pure. */
import type { Elements } from '../data/elements.ts';
import { withChannels } from '../data/pixels.ts';
import { Problem } from '../data/problem.ts';
import { OF_BYTES, type Scaling, scalingForDepth } from '../data/scaling.ts';
import { LARGEST } from '../data/statistics.ts';
import { sizeOf } from '../ring/shape.ts';

/** What a canvas gives (`ImageData`): red, green, blue and alpha of each pixel, row after row. */
export interface CanvasPixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/**
 * One image or several, one after the other. Bytes and `ImageData` are pixels, 0 … 255, and a Uint16Array has pixels of 16 bits, 0 … 65,535: they
 * are scaled as the model takes its pictures, whatever depth those had. Other numbers are values as the network takes them.
 */
export type Image =
  Uint8Array | Uint8ClampedArray | Uint16Array | Float32Array | Float64Array | readonly number[] | CanvasPixels;

export interface GivenValues {
  readonly values: Elements;
  readonly scaling: Scaling;
}

const AS_THEY_ARE: Scaling = { ...OF_BYTES, divideBy: 1 };

/**
 * @param shape of one image
 * @param scaling of the pictures that the model was trained on
 * @param limit that scaled values stay below, on both sides of 0
 */
export function givenValues(
  image: Image,
  shape: readonly number[],
  scaling: Scaling,
  limit: number = LARGEST,
): GivenValues {
  const given = 'width' in image ? pixelValues(pixelsOf(image, shape), scaling) : valuesOf(image, scaling);
  const size = sizeOf(shape);
  const { length } = given.values;
  if (length === 0 || length % size !== 0) {
    throw new Problem(
      `${length} values are no images of ${shape.join(' x ')}`,
      `give ${size} values for each image, row after row, channels innermost`,
    );
  }
  checkRange(given, limit);
  return given;
}

function valuesOf(image: Exclude<Image, CanvasPixels>, scaling: Scaling): GivenValues {
  const kind = kindOf(image);
  if (kind === 'Uint8Array' || kind === 'Uint8ClampedArray') {
    return pixelValues(unclamped(image as Uint8Array | Uint8ClampedArray), scaling);
  }
  if (kind === 'Uint16Array') {
    const { buffer, byteOffset, length } = image as Uint16Array;
    return pixelValues(new Uint16Array(buffer, byteOffset, length), scaling);
  }
  const values = image instanceof Float32Array || image instanceof Float64Array ? image : Float64Array.from(image);
  checkNumbers(values, 'the image');
  return { values, scaling: AS_THEY_ARE };
}

/** By name: an array of a frame, or of a test's own world, is of another class of the same name. */
function kindOf(values: unknown): string {
  return Object.prototype.toString.call(values).slice('[object '.length, -1);
}

/** What is given says its own depth, which need not be that of the model's pictures. */
function pixelValues(values: Uint8Array | Uint16Array, scaling: Scaling): GivenValues {
  const own = scalingForDepth(values, scaling);
  if (own !== undefined) return { values, scaling: own };
  const bytes = values instanceof Uint8Array;
  throw new Problem(
    bytes
      ? `the image has 8 bits a value; the model takes values of more, divided by ${scaling.divideBy}`
      : `the image has 16 bits a value; the model takes values of fewer, divided by ${scaling.divideBy}`,
    bytes
      ? 'give a Uint16Array with values like those of its training, or numbers as the network takes them'
      : 'give a Uint8Array if its values are bytes, or numbers as the network takes them',
  );
}

/** Values so large wrap around in the ring: the answer would be wrong, and nobody could tell. */
function checkRange({ values, scaling }: GivenValues, limit: number): void {
  const { divideBy, mean, std } = scaling;
  for (let i = 0; i < values.length; i++) {
    const x = (values[i] / divideBy - mean[i % mean.length]) / std[i % std.length];
    if (Math.abs(x) < limit) continue;
    throw new Problem(
      `value ${i} of the image is out of range: values must be above -${limit} and below ${limit} as the network takes them`,
      'scale them as those that the model was trained on: to values around 1',
    );
  }
}

/** The same memory. */
export function unclamped({ buffer, byteOffset, length }: Uint8Array | Uint8ClampedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

/** @param of whose they are, for the error */
export function checkNumbers(values: Float32Array | Float64Array, of: string): void {
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new Problem(`value ${wrong} of ${of} is ${values[wrong]}`, 'give numbers');
}

/** Over black where it is transparent; one channel takes grey alone, as files do. */
function pixelsOf({ data, width, height }: CanvasPixels, shape: readonly number[]): Uint8Array | Uint16Array {
  // A network of vectors takes a picture of as many values, row after row.
  const [rows, columns, channels] = shape.length === 1 ? [height, width, shape[0] / (height * width)] : shape;
  if (shape.length === 2 || rows !== height || columns !== width || (channels !== 1 && channels !== 3)) {
    throw new Problem(
      `a picture of ${height} x ${width} pixels is no image of ${shape.join(' x ')}`,
      'draw it to a canvas of that size first; values of other shapes are given as an array',
    );
  }
  if (!/^Uint8(Clamped)?Array$/.test(kindOf(data))) {
    throw new Problem(
      'the picture has pixels of another kind than 8 bits a value',
      "take them with getImageData and pixelFormat: 'rgba-unorm8', as it is where nothing else is said",
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
