/** What the pooling layers share: windows over an image, with a border perhaps. */
import type { z } from 'zod';
import type { Engine, Value } from '../../engine/engine.ts';
import { type Border, type Fill, paddedShape } from '../../ring/pad.ts';
import type { Shape } from '../../ring/shape.ts';
import { windowOutput, type WindowShape } from '../../ring/windows.ts';
import {
  borderOf,
  type Extent,
  extent,
  imageOf,
  type Padding,
  padding,
  pairOf,
  sizeWords,
  slide,
  stride,
} from './fields.ts';
import type { Wiring } from './layer.ts';

export interface Pooling extends Wiring {
  readonly window: Extent;
  /** The window when absent. Rows and columns behind the last whole window are dropped. */
  readonly stride?: Extent | undefined;
  readonly padding?: Padding | undefined;
}

export const poolingFields: Readonly<Record<string, z.ZodType>> = { window: extent, stride, padding };

export function poolingShape({ window, stride, padding }: Pooling, inputs: readonly Shape[]): Shape {
  const image = imageOf(inputs);
  const border = borderOf(padding);
  const [height, width] = pairOf(window);
  const steps = pairOf(stride ?? window);
  const output = slide(image, window, steps, border);
  // Every window has an element of the image: there is none that begins behind it, or ends before it.
  const reaches = (count: number, step: number, before: number, side: number, length: number): boolean =>
    before < side && (count - 1) * step - before < length;
  if (
    !reaches(output[0], steps[0], border.top, height, image[0]) ||
    !reaches(output[1], steps[1], border.left, width, image[1])
  )
    throw new Error(`a window would lie wholly in the padding of its input [${image.join(',')}]: give less padding`);
  return [...output, image[2]];
}

export function poolingWords({ type, window }: Pooling & { readonly type: string }): string {
  return `${type} ${sizeWords(window)}`;
}

/** Where the windows of a pooling layer lie. */
export interface Windows {
  readonly window: WindowShape;
  /** Made before, if there is one. */
  readonly border: Border | undefined;
  /** Of the image itself. */
  readonly image: Shape;
}

export function windowsOf(x: Value, { window, stride, padding }: Pooling): Windows {
  const sides = borderOf(padding);
  const border = Object.values(sides).every((side) => side === 0) ? undefined : sides;
  const [batch, height, width, channels] = border === undefined ? x.shape : paddedShape(x.shape, border);
  const [windowHeight, windowWidth] = pairOf(window);
  const [strideHeight, strideWidth] = pairOf(stride ?? window);
  const shape = { batch, height, width, channels, windowHeight, windowWidth, strideHeight, strideWidth };
  return { window: shape, border, image: x.shape };
}

/** Planes of all windows' elements. */
export function planes(engine: Engine, x: Value, { window, border }: Windows, fill: Fill): Promise<Value> {
  return engine.windows(border === undefined ? x : engine.pad(x, border, fill), window);
}

/** The transpose of `planes`. */
export async function overlaid(
  engine: Engine,
  x: Value,
  { window, border, image }: Windows,
  fill: Fill,
): Promise<Value> {
  const sum = await engine.overlay(x, window);
  return border === undefined ? sum : engine.unpad(sum, image, border, fill);
}

/** (batch, rows, columns, channels) of what a pooling layer gives. */
export function pooled(window: WindowShape): Shape {
  return [window.batch, ...windowOutput(window), window.channels];
}
