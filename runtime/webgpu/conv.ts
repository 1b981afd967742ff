/** Convolutions on the GPU (shaders/convPortable.wgsl, convBytes.wgsl): a product whose operands are read from the tensors. */
import { convOutput, type ConvJob, type ConvMap, type ConvShape } from '../compute.ts';
import { lengths } from '../wasm/convPlan.ts';
import type { Dispatcher } from './dispatch.ts';
import { runProduct, type ProductOptions, type ProductSizes, type Tier } from './product.ts';

const FILES: Readonly<Record<Tier, string>> = { portable: 'convPortable.wgsl', bytes: 'convBytes.wgsl' };

/** As in shaders/shared/convOperands.wgsl. */
const MAPS: Readonly<Record<ConvMap, number>> = { forward: 0, inputGradient: 1, weightGradient: 2 };

/** Elements of the operands and the result. */
export function convLengths({ shape }: ConvJob): number[] {
  return Object.values(lengths(shape));
}

/** The result; the job has passed checkConv. */
export async function gpuConv(dispatcher: Dispatcher, options: ProductOptions, job: ConvJob): Promise<BigUint64Array> {
  const { map, shape, terms, addend } = job;
  const { height, width, channels, kernelWidth, filters, stride, padding } = shape;
  return runProduct(dispatcher, options, {
    ...sizesOf(map, shape),
    file: FILES[options.tier],
    constants: { MAP: MAPS[map] },
    // Channels (of an error: filters) are last, and they are the inner dimension of A but for the weight gradient, where they are rows.
    innerFirst: { a: map !== 'weightGradient', b: map === 'inputGradient' },
    terms: terms.map(({ x, y }) => ({ a: x, b: y })),
    addend,
    operandLayout: [height, width, channels, kernelWidth, filters, stride, padding, ...convOutput(shape)],
  });
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
