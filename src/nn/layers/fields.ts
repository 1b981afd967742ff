/** Fields that layers have in common, in JSON and in shapes. A schema's message says what is expected (`networkFile.ts`). */
import { z } from 'zod';
import type { Shape } from '../../ring/shape.ts';
import { windowCount } from '../../ring/windows.ts';

/** One number for both directions, or height and width. */
export type Extent = number | readonly [height: number, width: number];

export const LARGEST = 65536;
const MOST_STEPS = 1024;

export function whole(minimum: number, maximum: number): z.ZodInt {
  const error = `a whole number from ${minimum} to ${maximum}`;
  return z.int(error).min(minimum, error).max(maximum, error);
}

export const size: z.ZodInt = whole(1, LARGEST);
export const extent: z.ZodType<Extent> = z.union(
  [size, z.tuple([size, size])],
  `a whole number from 1 to ${LARGEST}, or [height, width]`,
);
export const stride: z.ZodOptional<z.ZodInt> = whole(1, MOST_STEPS).optional();
export const padding: z.ZodOptional<z.ZodInt> = whole(0, MOST_STEPS).optional();

/** Height and width of an extent. */
export function pairOf(value: Extent): [height: number, width: number] {
  return typeof value === 'number' ? [value, value] : [value[0], value[1]];
}

/** `3x5`. */
export function sizeWords(value: Extent): string {
  return pairOf(value).join('x');
}

export function shapeWords(shape: Shape): string {
  return `[${shape.join(',')}]`;
}

export function imageOf([input]: readonly Shape[]): [height: number, width: number, channels: number] {
  if (input.length !== 3)
    throw new Error(`expected an image (height, width, channels), its input is ${shapeWords(input)}`);
  return [input[0], input[1], input[2]];
}

/** Windows down and across an image. */
export function slide(image: Shape, window: Extent, step: number, padding: number): [height: number, width: number] {
  const sides = pairOf(window);
  if (sides.some((side, i) => side > image[i] + 2 * padding)) {
    const padded = padding > 0 ? ` with padding ${padding}` : '';
    throw new Error(`larger than its input ${shapeWords(image)}${padded}`);
  }
  return [windowCount(image[0], sides[0], step, padding), windowCount(image[1], sides[1], step, padding)];
}
