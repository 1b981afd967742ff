/** y = x * W + b: x (batch, height, width, channels), W (kernel height, kernel width, channels, filters), b (1, filters). */
import type { ConvShape } from '../../../runtime/compute.ts';
import type { Value } from '../../engine/engine.ts';
import { type Shape, sizeOf } from '../../ring/shape.ts';
import { type Extent, extent, imageOf, padding, pairOf, size, sizeWords, slide, stride } from './fields.ts';
import { type LayerType, truncated, type Wiring } from './layer.ts';

export interface Conv2dSpec extends Wiring {
  readonly type: 'conv2d';
  readonly filters: number;
  readonly kernel: Extent;
  /** 1 when absent. */
  readonly stride?: number | undefined;
  /** Zeros on all four sides; 0 when absent. */
  readonly padding?: number | undefined;
}

export const conv2d: LayerType<Conv2dSpec> = {
  type: 'conv2d',
  about: 'a convolution with biases; gives `[⌊(h + 2·padding − kernel) / stride⌋ + 1, …, filters]`',
  fields: { filters: size, kernel: extent, stride, padding },
  words: ({ kernel, filters }) => `conv2d ${sizeWords(kernel)}, ${filters} filters`,
  shape: ({ kernel, stride = 1, padding = 0, filters }, inputs) => [
    ...slide(imageOf(inputs), kernel, stride, padding),
    filters,
  ],
  parameters: ({ kernel, filters }, [[, , channels]]) => {
    const inputs = [...pairOf(kernel), channels];
    return [
      { name: 'weight', shape: [...inputs, filters], initial: { fanIn: sizeOf(inputs) }, trained: true },
      { name: 'bias', shape: [1, filters], initial: 0, trained: true },
    ];
  },
  forward: async (engine, spec, [input], place) => {
    const x = await truncated(engine, input);
    const [W, b] = [place.parameter('weight'), place.parameter('bias')];
    const shape = shapeOf(spec, x.shape);
    const rows = (value: Value): Shape => [value.shape[0] * value.shape[1] * value.shape[2], spec.filters];
    return {
      y: await engine.conv('forward', shape, x, W, b),
      tape: {
        parameters: ['weight', 'bias'],
        gradients: async (fork, delta) => [
          await fork.conv('weightGradient', shape, x, delta),
          fork.sumRows(fork.reshape(delta, rows(delta))),
        ],
        inputs: async (fork, delta) => [await fork.conv('inputGradient', shape, delta, W)],
      },
    };
  },
};

function shapeOf({ kernel, filters, stride = 1, padding = 0 }: Conv2dSpec, image: Shape): ConvShape {
  const [batch, height, width, channels] = image;
  const [kernelHeight, kernelWidth] = pairOf(kernel);
  return { batch, height, width, channels, kernelHeight, kernelWidth, filters, stride, padding };
}
