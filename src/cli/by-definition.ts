/** Products as they are defined, on BigInt: slow, and short enough to be seen to be right. What the CPU kernels are tested against. */
import { convOutput, type ConvJob, type GemmJob } from '../../runtime/compute.ts';
import { ROLES, lengths } from '../../runtime/wasm/convPlan.ts';

/** (m,n); a BigUint64Array takes what is stored in it modulo 2^64. */
export function gemmByDefinition({ m, k, n, transposeA, transposeB, terms, addend }: GemmJob): BigUint64Array {
  const out = new BigUint64Array(m * n);
  for (let row = 0; row < m; row++) {
    for (let column = 0; column < n; column++) {
      let sum = addend?.[row * n + column] ?? 0n;
      for (const { a, b } of terms) {
        for (let i = 0; i < k; i++) {
          sum += a[transposeA ? i * m + row : row * k + i] * b[transposeB ? column * k + i : i * n + column];
        }
      }
      out[row * n + column] = sum;
    }
  }
  return out;
}

/** The three maps are one sum over pixels, taps, channels and filters; which of image, filter and output is the result differs. */
export function convByDefinition({ map, shape, terms, addend }: ConvJob): BigUint64Array {
  const { batch, height, width, channels, kernelHeight, kernelWidth, filters, stride, padding } = shape;
  const [outHeight, outWidth] = convOutput(shape);
  const { x, y, out } = ROLES[map];
  const result = addend?.slice() ?? new BigUint64Array(lengths(shape)[out]);
  const visit = (image: number, filter: number, output: number): void => {
    const at = { image, filter, output };
    for (const term of terms) result[at[out]] += term.x[at[x]] * term.y[at[y]];
  };
  for (let window = 0; window < batch * outHeight * outWidth; window++) {
    const item = Math.floor(window / (outHeight * outWidth));
    const top = (Math.floor(window / outWidth) % outHeight) * stride - padding;
    const left = (window % outWidth) * stride - padding;
    for (let tap = 0; tap < kernelHeight * kernelWidth; tap++) {
      const row = top + Math.floor(tap / kernelWidth);
      const column = left + (tap % kernelWidth);
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      const pixel = ((item * height + row) * width + column) * channels;
      for (let channel = 0; channel < channels; channel++) {
        for (let f = 0; f < filters; f++) {
          visit(pixel + channel, (tap * channels + channel) * filters + f, window * filters + f);
        }
      }
    }
  }
  return result;
}
