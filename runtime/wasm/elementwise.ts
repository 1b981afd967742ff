/** Local truncation, wrap and ShareConvert, element by element on the calling thread, in slices. */
import type { ConvertJob } from '../compute.ts';
import type { InlineKernels } from './instance.ts';

/** Elements a call: at most six arrays of 64 KiB, which stay in the second-level cache. */
const SLICE = 8192;

export function truncateLocal(kernels: InlineKernels, party: 0 | 1, z: BigUint64Array, bits: number): BigUint64Array {
  checkBits('truncateLocal', bits, 63);
  const out = new BigUint64Array(z.length);
  for (let start = 0; start < z.length; start += SLICE) {
    const end = Math.min(start + SLICE, z.length);
    kernels.begin();
    const atZ = kernels.words(z.subarray(start, end));
    const atOut = kernels.room(8 * (end - start));
    kernels.call('truncateLocal', end - start, party, atZ, atOut, bits);
    out.set(kernels.wordsAt(atOut, end - start), start);
  }
  return out;
}

export function wrap(kernels: InlineKernels, a: BigUint64Array, b: BigUint64Array): Uint8Array {
  checkLength('wrap: b', b, a.length);
  const out = new Uint8Array(a.length);
  for (let start = 0; start < a.length; start += SLICE) {
    const end = Math.min(start + SLICE, a.length);
    kernels.begin();
    const atA = kernels.words(a.subarray(start, end));
    const atB = kernels.words(b.subarray(start, end));
    const atOut = kernels.room(end - start);
    kernels.call('wrap', end - start, atA, atB, atOut);
    out.set(kernels.bytesAt(atOut, end - start), start);
  }
  return out;
}

export function convertShare(kernels: InlineKernels, job: ConvertJob): BigUint64Array {
  const { party, a, r, r0, delta, etaPrime, etaMask } = job;
  const words = [a, r, r0, delta, etaPrime];
  for (const operand of [...words, etaMask]) checkLength('convertShare: operand', operand, a.length);
  const out = new BigUint64Array(a.length);
  for (let start = 0; start < a.length; start += SLICE) {
    const end = Math.min(start + SLICE, a.length);
    kernels.begin();
    const at = words.map((operand) => kernels.words(operand.subarray(start, end)));
    const atMask = kernels.bytes(etaMask.subarray(start, end));
    const atOut = kernels.room(8 * (end - start));
    kernels.call('convertShare', end - start, party, ...at, atMask, atOut);
    out.set(kernels.wordsAt(atOut, end - start), start);
  }
  return out;
}

function checkBits(name: string, bits: number, limit: number): void {
  if (!Number.isInteger(bits) || bits < 0 || bits > limit) {
    throw new RangeError(`${name}: bits must be in [0, ${limit}], is ${bits}`);
  }
}

function checkLength(name: string, values: { readonly length: number }, expected: number): void {
  if (values.length !== expected) throw new RangeError(`${name} has ${values.length} elements, ${expected} expected`);
}
