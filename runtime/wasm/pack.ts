/** Z_p values to and from the wire (layouts in assembly/pack.ts), in slices of whole groups. */
import { packedLength } from '../compute.ts';
import type { InlineKernels } from './instance.ts';
import type { Prime } from './kernels.ts';

/** Values and bytes of the smallest piece that begins and ends on a byte. */
const GROUPS: Readonly<Record<Prime, { readonly values: number; readonly bytes: number }>> = {
  17: { values: 64, bytes: 33 },
  31: { values: 8, bytes: 5 },
  67: { values: 8, bytes: 7 },
};

/** Groups a call: some 256 KiB of values, so that a slice stays in the second-level cache. */
const GROUPS_PER_CALL = 16_384;

/** values.length values to packedLength bytes; throws RangeError when a value is not below the prime. */
export function pack(kernels: InlineKernels, prime: Prime, values: Uint8Array): Uint8Array {
  const out = new Uint8Array(packedLength(prime, values.length));
  const group = GROUPS[prime];
  const bad = eachSlice(kernels, `pack${prime}`, values, group.values, out, group.bytes);
  if (bad) throw new RangeError(`pack: a value is not below ${prime}`);
  return out;
}

/** packedLength bytes to `count` values; throws RangeError on a wrong length, a value out of range, or padding other than 0. */
export function unpack(
  kernels: InlineKernels,
  prime: Prime,
  packed: Uint8Array,
  count: number,
  given?: Uint8Array,
): Uint8Array {
  const expected = packedLength(prime, count);
  if (packed.length !== expected) {
    throw new RangeError(`unpack: ${count} values below ${prime} take ${expected} bytes, found ${packed.length}`);
  }
  const group = GROUPS[prime];
  const whole = Math.ceil(count / group.values) * group.values;
  if (given !== undefined && given.length !== count)
    throw new RangeError(`unpack: ${count} values do not fill the ${given.length} bytes given`);
  // Whole groups, so that what was sent beyond the last value can be looked at.
  const out = given !== undefined && whole === count ? given : new Uint8Array(whole);
  const bad = eachSlice(kernels, `unpack${prime}`, packed, group.bytes, out, group.values);
  if (bad) throw new RangeError(`unpack: a value is not below ${prime}`);
  if (out.subarray(count).some((value) => value !== 0)) throw new RangeError('unpack: padding is not zero');
  if (given === undefined || given === out) return out.subarray(0, count);
  given.set(out.subarray(0, count));
  return given;
}

/**
 * Runs a kernel that turns groups of `fromSize` bytes into groups of `toSize`. The last group is padded with zeros on the way
 * in and cut on the way out. Returns whether a call reported a bad value.
 */
function eachSlice(
  kernels: InlineKernels,
  kernel: `${'pack' | 'unpack'}${Prime}`,
  from: Uint8Array,
  fromSize: number,
  to: Uint8Array,
  toSize: number,
): boolean {
  let bad = false;
  const total = Math.ceil(from.length / fromSize);
  for (let start = 0; start < total; start += GROUPS_PER_CALL) {
    const groups = Math.min(GROUPS_PER_CALL, total - start);
    const slice = from.subarray(start * fromSize, (start + groups) * fromSize);
    const target = to.subarray(start * toSize, (start + groups) * toSize);
    kernels.begin();
    const padding = groups * fromSize - slice.length;
    const atFrom = padding === 0 ? kernels.bytes(slice) : padded(kernels, slice, padding);
    const atTo = kernels.target(target);
    if (kernels.call(kernel, groups, atFrom, atTo) !== 0) bad = true;
    kernels.fetch(atTo, target);
  }
  return bad;
}

/** Address of a copy with zeros behind it. */
function padded(kernels: InlineKernels, bytes: Uint8Array, zeros: number): number {
  const address = kernels.room(bytes.length + zeros);
  const copy = kernels.bytesAt(address, bytes.length + zeros);
  copy.set(bytes);
  copy.fill(0, bytes.length);
  return address;
}
