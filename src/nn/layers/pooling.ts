/** What the pooling layers share: windows over an image. */
import type { z } from 'zod';
import type { Value } from '../../engine/engine.ts';
import type { Shape } from '../../ring/shape.ts';
import { windowOutput, type WindowShape } from '../../ring/windows.ts';
import { type Extent, extent, imageOf, pairOf, sizeWords, slide, stride } from './fields.ts';
import type { Wiring } from './layer.ts';

export interface Pooling extends Wiring {
  readonly window: Extent;
  /** The window when absent (which is square then). Rows and columns behind the last whole window are dropped. */
  readonly stride?: number | undefined;
}

export const poolingFields: Readonly<Record<string, z.ZodType>> = { window: extent, stride };

export function poolingShape(spec: Pooling, inputs: readonly Shape[]): Shape {
  const [height, width, channels] = imageOf(inputs);
  return [...slide([height, width, channels], spec.window, strideOf(spec), 0), channels];
}

export function poolingWords({ type, window }: Pooling & { readonly type: string }): string {
  return `${type} ${sizeWords(window)}`;
}

export function windowShape(x: Value, spec: Pooling): WindowShape {
  const [batch, height, width, channels] = x.shape;
  const [windowHeight, windowWidth] = pairOf(spec.window);
  return { batch, height, width, channels, windowHeight, windowWidth, stride: strideOf(spec) };
}

/** (batch, rows, columns, channels) of what a pooling layer gives. */
export function pooled(window: WindowShape): Shape {
  return [window.batch, ...windowOutput(window), window.channels];
}

function strideOf({ window, stride }: Pooling): number {
  const [height, width] = pairOf(window);
  if (stride === undefined && height !== width) throw new Error('a window that is not square needs a stride');
  return stride ?? height;
}
