/** Truncation, wrap and ShareConvert, element by element on the calling thread, in slices. */
import type { ConvertJob } from '../compute.ts';
import type { InlineKernels } from './instance.ts';
import { RegionLayout, bytesAt, placeBytes, putWords, wordsAt } from './kernels.ts';

/** Elements a call: at most six arrays of 64 KiB, which stay in the second-level cache. */
const SLICE = 8192;

export function truncateLocal(kernels: InlineKernels, party: 0 | 1, z: BigUint64Array, bits: number): BigUint64Array {
  checkBits('truncateLocal', bits, 63);
  const out = new BigUint64Array(z.length);
  eachSlice(z.length, (start, end) => {
    const n = end - start;
    const layout = new RegionLayout();
    const atZ = layout.add(8 * n);
    const atOut = layout.add(8 * n);
    kernels.run({
      kernel: 'truncateLocal',
      bytes: layout.bytes,
      load(memory, base) {
        putWords(memory, base + atZ, z.subarray(start, end));
        return [n, party, base + atZ, base + atOut, bits];
      },
      store(memory, base) {
        out.set(wordsAt(memory, base + atOut, n), start);
      },
    });
  });
  return out;
}

export function truncateDealt(
  kernels: InlineKernels,
  party: 0 | 1,
  c: BigUint64Array,
  rShift: BigUint64Array,
  r63: BigUint64Array,
  bits: number,
): BigUint64Array {
  checkBits('truncateDealt', bits, 62);
  checkLength('truncateDealt: rShift', rShift, c.length);
  checkLength('truncateDealt: r63', r63, c.length);
  const out = new BigUint64Array(c.length);
  eachSlice(c.length, (start, end) => {
    const n = end - start;
    const layout = new RegionLayout();
    const atC = layout.add(8 * n);
    const atShift = layout.add(8 * n);
    const at63 = layout.add(8 * n);
    const atOut = layout.add(8 * n);
    kernels.run({
      kernel: 'truncateDealt',
      bytes: layout.bytes,
      load(memory, base) {
        putWords(memory, base + atC, c.subarray(start, end));
        putWords(memory, base + atShift, rShift.subarray(start, end));
        putWords(memory, base + at63, r63.subarray(start, end));
        return [n, party, base + atC, base + atShift, base + at63, base + atOut, bits];
      },
      store(memory, base) {
        out.set(wordsAt(memory, base + atOut, n), start);
      },
    });
  });
  return out;
}

export function wrap(kernels: InlineKernels, a: BigUint64Array, b: BigUint64Array): Uint8Array {
  checkLength('wrap: b', b, a.length);
  const out = new Uint8Array(a.length);
  eachSlice(a.length, (start, end) => {
    const n = end - start;
    const layout = new RegionLayout();
    const atA = layout.add(8 * n);
    const atB = layout.add(8 * n);
    const atOut = layout.add(n);
    kernels.run({
      kernel: 'wrap',
      bytes: layout.bytes,
      load(memory, base) {
        putWords(memory, base + atA, a.subarray(start, end));
        putWords(memory, base + atB, b.subarray(start, end));
        return [n, base + atA, base + atB, base + atOut];
      },
      store(memory, base) {
        out.set(bytesAt(memory, base + atOut, n), start);
      },
    });
  });
  return out;
}

export function convertShare(kernels: InlineKernels, job: ConvertJob): BigUint64Array {
  const { party, a, r, r0, delta, etaPrime, etaMask } = job;
  const operands = [a, r, r0, delta, etaPrime];
  for (const operand of [...operands, etaMask]) checkLength('convertShare: operand', operand, a.length);
  const out = new BigUint64Array(a.length);
  eachSlice(a.length, (start, end) => {
    const n = end - start;
    const layout = new RegionLayout();
    const at = operands.map((words) => ({ words, offset: layout.add(8 * n) }));
    const [atMask, atOut] = [layout.add(n), layout.add(8 * n)];
    kernels.run({
      kernel: 'convertShare',
      bytes: layout.bytes,
      load(memory, base) {
        for (const { words, offset } of at) putWords(memory, base + offset, words.subarray(start, end));
        const mask = placeBytes(memory, base + atMask, etaMask.subarray(start, end));
        return [n, party, ...at.map(({ offset }) => base + offset), mask, base + atOut];
      },
      store(memory, base) {
        out.set(wordsAt(memory, base + atOut, n), start);
      },
    });
  });
  return out;
}

function eachSlice(n: number, visit: (start: number, end: number) => void): void {
  for (let start = 0; start < n; start += SLICE) visit(start, Math.min(start + SLICE, n));
}

function checkBits(name: string, bits: number, limit: number): void {
  if (!Number.isInteger(bits) || bits < 0 || bits > limit) {
    throw new RangeError(`${name}: bits must be in [0, ${limit}], is ${bits}`);
  }
}

function checkLength(name: string, values: { readonly length: number }, expected: number): void {
  if (values.length !== expected) throw new RangeError(`${name} has ${values.length} elements, ${expected} expected`);
}
