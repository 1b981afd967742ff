/** Convolutions on the GPU (shaders/conv….wgsl): a product whose operands are read from the tensors. */
import { convOutput, type ConvJob, type ConvMap, type ConvShape } from '../compute.ts';
import type { Product, ProductSizes } from './product.ts';

/** As in shaders/shared/convOperands.wgsl. */
const MAPS: Readonly<Record<ConvMap, number>> = { forward: 0, inputGradient: 1, weightGradient: 2 };

/** The job, which has passed checkConv, for the kernels. */
export function convProduct(job: ConvJob): Product {
  const { map, shape, terms, addend } = job;
  const { height, width, channels, kernelWidth, filters, stride, padding } = shape;
  return {
    ...sizesOf(map, shape),
    kind: 'conv',
    constants: { MAP: MAPS[map] },
    // Channels (of an error: filters) are last, and they are the inner dimension of A but for the weight gradient, where they are rows.
    innerFirst: { a: map !== 'weightGradient', b: map === 'inputGradient' },
    terms: terms.map(({ x, y }) => ({ a: x, b: y })),
    addend,
    operandLayout: [height, width, channels, kernelWidth, filters, stride, padding, ...convOutput(shape)],
  };
}

function sizesOf(map: ConvMap, shape: ConvShape): ProductSizes {
  const { batch, height, width, channels, kernelHeight, kernelWidth, filters } = shape;
  const [outHeight, outWidth] = convOutput(shape);
  const windows = batch * outHeight * outWidth;
  const taps = kernelHeight * kernelWidth;
  switch (map) {
    case 'forward':
      return { m: windows, k: taps * channels, n: filters };
    case 'inputGradient':
      return { m: batch * height * width, k: taps * filters, n: channels };
    case 'weightGradient':
      return { m: taps * channels, k: windows, n: filters };
  }
}
