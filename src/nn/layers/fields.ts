/** Fields that layers have in common, in JSON and in shapes. A schema's message says what is expected (`networkFile.ts`). */
import * as z from 'zod';
import type { Border } from '../../ring/pad.ts';
import type { Shape } from '../../ring/shape.ts';
import { windowCount } from '../../ring/windows.ts';

/** One number for both directions, or height and width. */
export type Extent = number | readonly [height: number, width: number];
/** One number for all four sides, one for top and bottom and one for left and right, or each side's own. */
export type Padding =
  | number
  | readonly [vertical: number, horizontal: number]
  | readonly [top: number, left: number, bottom: number, right: number];

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
const step = whole(1, MOST_STEPS);
export const stride: z.ZodType<Extent | undefined> = z
  .union([step, z.tuple([step, step])], `a whole number from 1 to ${MOST_STEPS}, or [down, across]`)
  .optional();
const side = whole(0, MOST_STEPS);
export const padding: z.ZodType<Padding | undefined> = z
  .union(
    [side, z.tuple([side, side]), z.tuple([side, side, side, side])],
    `a whole number from 0 to ${MOST_STEPS}, [vertical, horizontal], or [top, left, bottom, right]`,
  )
  .optional();

/** Height and width of an extent. */
export function pairOf(value: Extent): [height: number, width: number] {
  return typeof value === 'number' ? [value, value] : [value[0], value[1]];
}

export function borderOf(padding: Padding = 0): Border {
  const sides = typeof padding === 'number' ? [padding, padding] : padding;
  const [top, left, bottom = top, right = left] = sides;
  return { top, left, bottom, right };
}

/** Whether all four sides are alike. */
export function isEven({ top, left, bottom, right }: Border): boolean {
  return top === left && top === bottom && top === right;
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
export function slide(image: Shape, window: Extent, stride: Extent, border: Border): [height: number, width: number] {
  const [sides, steps] = [pairOf(window), pairOf(stride)];
  const lengths = [image[0] + border.top + border.bottom, image[1] + border.left + border.right];
  if (sides.some((side, i) => side > lengths[i])) {
    const all = [border.top, border.left, border.bottom, border.right];
    const padded = all.some((n) => n > 0) ? ` with padding ${isEven(border) ? border.top : shapeWords(all)}` : '';
    throw new Error(`larger than its input ${shapeWords(image)}${padded}`);
  }
  return [windowCount(lengths[0], sides[0], steps[0]), windowCount(lengths[1], sides[1], steps[1])];
}
