/** Samples of Z_p and Z_p* from uniform bytes (assembly/sample.ts), in slices. */
import type { InlineKernels } from './instance.ts';
import { RegionLayout, fetchBytes, placeBytes, targetOf } from './kernels.ts';

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
    const layout = new RegionLayout();
    const atSource = layout.add(slice.length);
    const atOut = layout.add(slice.length);
    kernels.run({
      kernel: 'sample',
      bytes: layout.bytes,
      load(memory, base) {
        const target = targetOf(memory, base + atOut, out.subarray(at));
        return [slice.length, bound, offset, placeBytes(memory, base + atSource, slice), target];
      },
      store(memory, base, count) {
        fetchBytes(memory, base + atOut, out.subarray(at, at + count));
        at += count;
      },
    });
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
    const layout = new RegionLayout();
    const atSource = layout.add(slice.length);
    const atOut = layout.add(2 * slice.length);
    kernels.run({
      kernel: 'sampleNibbles',
      bytes: layout.bytes,
      load(memory, base) {
        const target = targetOf(memory, base + atOut, samples);
        return [slice.length, placeBytes(memory, base + atSource, slice), target];
      },
      store(memory, base) {
        fetchBytes(memory, base + atOut, samples);
      },
    });
  }
}
