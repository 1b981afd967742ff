import { convOutput, type ConvJob, type ConvShape } from '../../runtime/compute.ts';

/** Convolution and its gradients by the definition, in BigInt. */
export function convReference(job: ConvJob): BigUint64Array {
  const { map, shape, terms, addend } = job;
  const [image, filter, output] = [imageLength(shape), filterLength(shape), outputLength(shape)];
  const sums = new Array<bigint>(map === 'forward' ? output : map === 'inputGradient' ? image : filter).fill(0n);
  for (const { x, y } of terms) {
    eachProduct(shape, (at, weight, out) => {
      if (map === 'forward') sums[out] += x[at] * y[weight];
      else if (map === 'inputGradient') sums[at] += x[out] * y[weight];
      else sums[weight] += x[at] * y[out];
    });
  }
  return BigUint64Array.from(sums, (sum, i) => BigInt.asUintN(64, sum + (addend?.[i] ?? 0n)));
}

export function imageLength({ batch, height, width, channels }: ConvShape): number {
  return batch * height * width * channels;
}

export function filterLength({ kernelHeight, kernelWidth, channels, filters }: ConvShape): number {
  return kernelHeight * kernelWidth * channels * filters;
}

export function outputLength(shape: ConvShape): number {
  const [height, width] = convOutput(shape);
  return shape.batch * height * width * shape.filters;
}

/** Visits every product of the convolution: the indices of a pixel, of a weight, and of the output they contribute to. */
function eachProduct(shape: ConvShape, visit: (image: number, filter: number, output: number) => void): void {
  const { batch, height, width, channels, kernelHeight, kernelWidth, filters, stride, padding } = shape;
  const [outHeight, outWidth] = convOutput(shape);
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        for (let ky = 0; ky < kernelHeight; ky++) {
          for (let kx = 0; kx < kernelWidth; kx++) {
            const y = oy * stride + ky - padding;
            const x = ox * stride + kx - padding;
            if (y < 0 || y >= height || x < 0 || x >= width) continue;
            for (let c = 0; c < channels; c++) {
              for (let f = 0; f < filters; f++) {
                visit(
                  ((n * height + y) * width + x) * channels + c,
                  ((ky * kernelWidth + kx) * channels + c) * filters + f,
                  ((n * outHeight + oy) * outWidth + ox) * filters + f,
                );
              }
            }
          }
        }
      }
    }
  }
}
