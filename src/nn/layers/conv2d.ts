/**
 * y = x * W + b: x (batch, height, width, channels), W (kernel height, kernel width, channels, filters), b (1, filters).
 *
 * Kernels take one stride and one padding for all sides. What the sides have beyond the least of them is a border of zeros, made before; of two
 * strides the convolution takes the greatest common divisor, and what lies between is dropped after. Both are local.
 */
import type { ConvShape } from '../../../runtime/compute.ts';
import type { Engine, Value } from '../../engine/engine.ts';
import { truncated } from '../../functions/formats.ts';
import { type Border, paddedShape } from '../../ring/pad.ts';
import { type Shape, sizeOf } from '../../ring/shape.ts';
import type { WindowShape } from '../../ring/windows.ts';
import {
  borderOf,
  type Extent,
  extent,
  imageOf,
  isEven,
  type Padding,
  padding,
  pairOf,
  size,
  sizeWords,
  slide,
  stride,
} from './fields.ts';
import type { LayerType, Wiring } from './layer.ts';
import { pooled } from './pooling.ts';

export interface Conv2dSpec extends Wiring {
  readonly type: 'conv2d';
  readonly filters: number;
  readonly kernel: Extent;
  /** 1 when absent. */
  readonly stride?: Extent | undefined;
  /** Zeros; none when absent. */
  readonly padding?: Padding | undefined;
}

export const conv2d: LayerType<Conv2dSpec> = {
  type: 'conv2d',
  about: 'a convolution with biases; gives `[⌊(h + padding − kernel) / stride⌋ + 1, …, filters]`',
  fields: { filters: size, kernel: extent, stride, padding },
  apart: () => true,
  words: ({ kernel, filters }) => `conv2d ${sizeWords(kernel)}, ${filters} filters`,
  shape: ({ kernel, stride = 1, padding, filters }, inputs) => [
    ...slide(imageOf(inputs), kernel, stride, borderOf(padding)),
    filters,
  ],
  parameters: ({ kernel, filters }, [[, , channels]]) => {
    const inputs = [...pairOf(kernel), channels];
    return [
      {
        name: 'weight',
        shape: [...inputs, filters],
        initial: { fanIn: sizeOf(inputs) },
        trained: true,
        operand: true,
      },
      { name: 'bias', shape: [1, filters], initial: 0, trained: true },
    ];
  },
  forward: async (engine, spec, [input], place) => {
    const image = input.shape;
    const { shape, border, thin } = planOf(spec, image);
    const bordered = border === undefined ? input : engine.pad(input, border, 'zero');
    const x = await truncated(engine, bordered);
    const [W, b] = [place.parameter('weight'), place.parameter('bias')];
    const rows = (value: Value): Shape => [value.shape[0] * value.shape[1] * value.shape[2], spec.filters];
    const thick = await engine.conv('forward', shape, x, W, b);
    const kept = await engine.operand(x);
    const apart = kept !== x;
    if (x !== input && apart) engine.free(x);
    const y = thin === undefined ? thick : engine.reshape(await engine.windows(thick, thin), pooled(thin));
    const spread = (fork: Engine, delta: Value): Promise<Value> =>
      thin === undefined ? Promise.resolve(delta) : fork.overlay(fork.reshape(delta, [1, sizeOf(delta.shape)]), thin);
    return {
      y,
      tape: {
        parameters: ['weight', 'bias'],
        shared: async (fork, delta) => [await spread(fork, delta)],
        gradients: async (fork, delta, [spreadDelta]) => {
          const gradient = await fork.conv('weightGradient', shape, kept, spreadDelta);
          if (apart) fork.free(kept);
          return [gradient, fork.sumRows(fork.reshape(delta, rows(delta)))];
        },
        inputs: async (fork, _delta, [spreadDelta]) => {
          const error = await fork.conv('inputGradient', shape, spreadDelta, W);
          return [border === undefined ? error : fork.unpad(error, image, border, 'zero')];
        },
      },
    };
  },
};

interface Plan {
  readonly shape: ConvShape;
  /** Zeros made before. */
  readonly border: Border | undefined;
  /** What is kept after. */
  readonly thin: WindowShape | undefined;
}

function planOf({ kernel, filters, stride = 1, padding }: Conv2dSpec, image: Shape): Plan {
  const sides = borderOf(padding);
  const least = Math.min(sides.top, sides.left, sides.bottom, sides.right);
  const border = isEven(sides)
    ? undefined
    : { top: sides.top - least, left: sides.left - least, bottom: sides.bottom - least, right: sides.right - least };
  const [batch, height, width, channels] = border === undefined ? image : paddedShape(image, border);
  const [kernelHeight, kernelWidth] = pairOf(kernel);
  const [down, across] = pairOf(stride);
  const step = divisor(down, across);
  const sizes = { batch, height, width, channels, kernelHeight, kernelWidth, filters };
  const shape = { ...sizes, stride: step, padding: least };
  if (down === across) return { shape, border, thin: undefined };
  const even = { top: least, left: least, bottom: least, right: least };
  const [rows, columns] = slide([height, width, channels], kernel, step, even);
  const thin = {
    ...{ batch, height: rows, width: columns, channels: filters, windowHeight: 1, windowWidth: 1 },
    ...{ strideHeight: down / step, strideWidth: across / step },
  };
  return { shape, border, thin };
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
