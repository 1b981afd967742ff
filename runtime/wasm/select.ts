/** Products with a shared bit and what P2 deals for them (assembly/select.ts), on the calling thread, in slices. */
import type { DealJob, DealtShift, SelectJob } from '../compute.ts';
import type { InlineKernels } from './instance.ts';
import { RegionLayout, bytesAt, putBytes, putWords, wordsAt } from './kernels.ts';

/** Elements a call: at most eight arrays of 32 KiB, which stay in the second-level cache. */
const SLICE = 4096;

export function select(kernels: InlineKernels, job: SelectJob, x: BigUint64Array): BigUint64Array {
  return pass(kernels, 'select', [], job, x);
}

export function selectSigned(
  kernels: InlineKernels,
  party: 0 | 1,
  job: SelectJob,
  sum: BigUint64Array,
): BigUint64Array {
  return pass(kernels, 'selectSigned', [party], job, sum);
}

function pass(
  kernels: InlineKernels,
  kernel: 'select' | 'selectSigned',
  settings: readonly number[],
  job: SelectJob,
  x: BigUint64Array,
): BigUint64Array {
  const { t, opened, q, qMask } = job;
  const n = checkSelect(job);
  checkLength(`${kernel}: x`, x, n);
  const out = new BigUint64Array(n);
  for (let start = 0; start < n; start += SLICE) {
    const end = Math.min(n, start + SLICE);
    const count = end - start;
    const layout = new RegionLayout();
    const atT = layout.add(count);
    const at = [x, opened, q, qMask].map((words) => ({ words, offset: layout.add(8 * count) }));
    const atOut = layout.add(8 * count);
    kernels.run({
      kernel,
      bytes: layout.bytes,
      load(memory, base) {
        putBytes(memory, base + atT, t.subarray(start, end));
        for (const { words, offset } of at) putWords(memory, base + offset, words.subarray(start, end));
        return [count, ...settings, base + atT, ...at.map(({ offset }) => base + offset), base + atOut];
      },
      store(memory, base) {
        out.set(wordsAt(memory, base + atOut, count), start);
      },
    });
  }
  return out;
}

export function truncateSelect(
  kernels: InlineKernels,
  party: 0 | 1,
  job: SelectJob,
  dealt: DealtShift,
  qTop: Uint8Array,
): BigUint64Array {
  const { t, opened, q, qMask } = job;
  const { bits, shift, top } = dealt;
  const n = checkSelect(job);
  const width = widthOf(bits);
  checkLength('truncateSelect: shift', shift, n);
  checkLength('truncateSelect: top', top, n * width);
  checkLength('truncateSelect: qTop', qTop, n * width);
  const out = new BigUint64Array(n);
  for (let start = 0; start < n; start += SLICE) {
    const end = Math.min(n, start + SLICE);
    const count = end - start;
    const layout = new RegionLayout();
    const atT = layout.add(count);
    const [atOpened, atShift, atQ, atQMask, atOut] = Array.from({ length: 5 }, () => layout.add(8 * count));
    const [atTop, atQTop] = [layout.add(width * count), layout.add(width * count)];
    kernels.run({
      kernel: 'truncateSelect',
      bytes: layout.bytes,
      load(memory, base) {
        putBytes(memory, base + atT, t.subarray(start, end));
        putWords(memory, base + atOpened, opened.subarray(start, end));
        putWords(memory, base + atShift, shift.subarray(start, end));
        putBytes(memory, base + atTop, top.subarray(start * width, end * width));
        putWords(memory, base + atQ, q.subarray(start, end));
        putWords(memory, base + atQMask, qMask.subarray(start, end));
        putBytes(memory, base + atQTop, qTop.subarray(start * width, end * width));
        const operands = [atT, atOpened, atShift, atTop, atQ, atQMask, atQTop, atOut].map((offset) => base + offset);
        return [count, party, bits, width, ...operands];
      },
      store(memory, base) {
        out.set(wordsAt(memory, base + atOut, count), start);
      },
    });
  }
  return out;
}

export function deal(kernels: InlineKernels, job: DealJob): void {
  const { mask, bits, keep, signed = false, words, bitWords, top } = job;
  const n = mask.length;
  const width = top === undefined ? 0 : widthOf(bits);
  if (top === undefined && bits !== 0) checkBits(bits);
  if (keep !== undefined) checkLength('deal: keep', keep, n);
  checkLength('deal: words', words, n);
  if (bitWords !== undefined) checkLength('deal: bitWords', bitWords, n);
  if (top !== undefined) checkLength('deal: top', top, n * width);
  for (let start = 0; start < n; start += SLICE) {
    const end = Math.min(n, start + SLICE);
    const count = end - start;
    const layout = new RegionLayout();
    const [atMask, atWords, atBits] = [layout.add(8 * count), layout.add(8 * count), layout.add(8 * count)];
    const [atKeep, atTop] = [layout.add(count), layout.add(width * count)];
    kernels.run({
      kernel: 'deal',
      bytes: layout.bytes,
      load(memory, base) {
        putWords(memory, base + atMask, mask.subarray(start, end));
        putWords(memory, base + atWords, words.subarray(start, end));
        if (keep === undefined) bytesAt(memory, base + atKeep, count).fill(1);
        else putBytes(memory, base + atKeep, keep.subarray(start, end));
        if (bitWords !== undefined) putWords(memory, base + atBits, bitWords.subarray(start, end));
        if (top !== undefined) putBytes(memory, base + atTop, top.subarray(start * width, end * width));
        const operands = [atMask, atKeep, atWords, atBits, atTop].map((offset) => base + offset);
        return [count, bits, width, Number(bitWords !== undefined), Number(signed), ...operands];
      },
      store(memory, base) {
        words.set(wordsAt(memory, base + atWords, count), start);
        bitWords?.set(wordsAt(memory, base + atBits, count), start);
        top?.set(bytesAt(memory, base + atTop, width * count), start * width);
      },
    });
  }
}

/** Bytes of an element of Z_{2^bits}. */
function widthOf(bits: number): number {
  checkBits(bits);
  return Math.ceil(bits / 8);
}

function checkBits(bits: number): void {
  if (!Number.isInteger(bits) || bits < 1 || bits > 61) throw new RangeError(`bits must be in [1, 61], is ${bits}`);
}

/** The number of elements. */
function checkSelect({ t, opened, q, qMask }: SelectJob): number {
  checkLength('select: opened', opened, t.length);
  checkLength('select: q', q, t.length);
  checkLength('select: qMask', qMask, t.length);
  return t.length;
}

function checkLength(name: string, values: { readonly length: number }, expected: number): void {
  if (values.length !== expected) throw new RangeError(`${name} has ${values.length} elements, ${expected} expected`);
}
