/** Samples of Z_p and Z_p* from uniform bytes (assembly/sample.ts), in slices. */
import type { InlineKernels } from './instance.ts';

/** A stream hands over 64 KiB at a time. */
const BYTES_PER_CALL = 65_536;

/** Writes samples of offset … offset + bound − 1 to `out` from `at`; returns the new end. `out` has room for one sample a byte. */
export function sample(
  kernels: InlineKernels,
  bound: number,
  offset: number,
  source: Uint8Array,
  out: Uint8Array,
  at: number,
): number {
  if (!(bound >= 16 && offset >= 0 && offset + bound <= 256))
    throw new RangeError(`sample: ${offset} … ${offset + bound - 1}: expected 16 values or more of a byte`);
  for (let start = 0; start < source.length; start += BYTES_PER_CALL) {
    const slice = source.subarray(start, start + BYTES_PER_CALL);
    kernels.begin();
    const atSource = kernels.bytes(slice);
    const atOut = kernels.target(out.subarray(at, at + slice.length));
    const count = kernels.call('sample', slice.length, bound, offset, atSource, atOut);
    kernels.fetch(atOut, out.subarray(at, at + count));
    at += count;
  }
  return at;
}

/** Writes `count` samples of 1…16 to `out` from `at`, two from each byte of `source`. */
export function sampleNibbles(
  kernels: InlineKernels,
  source: Uint8Array,
  count: number,
  out: Uint8Array,
  at: number,
): void {
  for (let start = 0; 2 * start < count; start += BYTES_PER_CALL) {
    const slice = source.subarray(start, Math.min(start + BYTES_PER_CALL, Math.ceil(count / 2)));
    const samples = out.subarray(at + 2 * start, at + Math.min(count, 2 * (start + slice.length)));
    kernels.begin();
    const atSource = kernels.bytes(slice);
    const atOut = kernels.target(samples);
    kernels.call('sampleNibbles', slice.length, atSource, atOut);
    kernels.fetch(atOut, samples);
  }
}
