/** Dealt truncation, products with a shared bit, and what P2 deals for them (assembly/truncate.ts, select.ts), on the calling thread, in slices. */
import { fieldsLength, fieldsOf, fieldWidth } from '../../src/ring/fields.ts';
import type { DealJob, DealtShift, SelectJob } from '../compute.ts';
import type { InlineKernels } from './instance.ts';

/** Elements a call: at most eight arrays of 32 KiB, which stay in the second-level cache. */
const SLICE = 4096;

export function select(
  kernels: InlineKernels,
  job: SelectJob,
  x: BigUint64Array,
  out?: BigUint64Array,
): BigUint64Array {
  return pass(kernels, 'select', [], job, [x], out);
}

export function selectLarger(
  kernels: InlineKernels,
  party: 0 | 1,
  job: SelectJob,
  x: BigUint64Array,
  y: BigUint64Array,
  out?: BigUint64Array,
): BigUint64Array {
  return pass(kernels, 'selectLarger', [party], job, [x, y], out);
}

/** `values`: shares that the kernel adds to what it selects. */
function pass(
  kernels: InlineKernels,
  kernel: 'select' | 'selectLarger',
  settings: readonly number[],
  job: SelectJob,
  values: readonly BigUint64Array[],
  out: BigUint64Array = new BigUint64Array(job.t.length),
): BigUint64Array {
  const { t, opened, q, qMask } = job;
  const n = checkSelect(job);
  for (const x of values) checkLength(`${kernel}: share`, x, n);
  checkLength(`${kernel}: out`, out, n);
  for (let start = 0; start < n; start += SLICE) {
    const end = Math.min(n, start + SLICE);
    const count = end - start;
    kernels.begin();
    const atT = kernels.bytes(t.subarray(start, end));
    const atValues = values.map((x) => kernels.words(x.subarray(start, end)));
    const atOpened = kernels.words(opened.subarray(start, end));
    const atQ = kernels.words(q.subarray(start, end));
    const atMask = kernels.words(qMask.subarray(start, end));
    const atOut = kernels.room(8 * count);
    kernels.call(kernel, count, ...settings, atT, ...atValues, atOpened, atQ, atMask, atOut);
    out.set(kernels.wordsAt(atOut, count), start);
  }
  return out;
}

export function truncateDealt(
  kernels: InlineKernels,
  party: 0 | 1,
  c: BigUint64Array,
  { bits, shift, top }: DealtShift,
  out: BigUint64Array = new BigUint64Array(c.length),
): BigUint64Array {
  const n = c.length;
  const width = widthOf(bits);
  checkLength('truncateDealt: shift', shift, n);
  checkLength('truncateDealt: top', top, fieldsLength(n, width));
  checkLength('truncateDealt: out', out, n);
  for (let start = 0; start < n; start += SLICE) {
    const end = Math.min(n, start + SLICE);
    kernels.begin();
    const atC = kernels.words(c.subarray(start, end));
    const atShift = kernels.words(shift.subarray(start, end));
    const atTop = kernels.bytes(fieldsOf(top, start, end, width));
    const atOut = kernels.room(8 * (end - start));
    kernels.call('truncateDealt', end - start, party, bits, width, atC, atShift, atTop, atOut);
    out.set(kernels.wordsAt(atOut, end - start), start);
  }
  return out;
}

export function truncateSelect(
  kernels: InlineKernels,
  party: 0 | 1,
  job: SelectJob,
  dealt: DealtShift,
  qTop: Uint8Array,
  out: BigUint64Array = new BigUint64Array(job.t.length),
): BigUint64Array {
  const { t, opened, q, qMask } = job;
  const { bits, shift, top } = dealt;
  const n = checkSelect(job);
  const width = widthOf(bits);
  checkLength('truncateSelect: shift', shift, n);
  checkLength('truncateSelect: top', top, fieldsLength(n, width));
  checkLength('truncateSelect: qTop', qTop, fieldsLength(n, width));
  checkLength('truncateSelect: out', out, n);
  for (let start = 0; start < n; start += SLICE) {
    const end = Math.min(n, start + SLICE);
    const count = end - start;
    kernels.begin();
    const atT = kernels.bytes(t.subarray(start, end));
    const atOpened = kernels.words(opened.subarray(start, end));
    const atShift = kernels.words(shift.subarray(start, end));
    const atTop = kernels.bytes(fieldsOf(top, start, end, width));
    const atQ = kernels.words(q.subarray(start, end));
    const atMask = kernels.words(qMask.subarray(start, end));
    const atQTop = kernels.bytes(fieldsOf(qTop, start, end, width));
    const atOut = kernels.room(8 * count);
    const operands = [atT, atOpened, atShift, atTop, atQ, atMask, atQTop, atOut];
    kernels.call('truncateSelect', count, party, bits, width, ...operands);
    out.set(kernels.wordsAt(atOut, count), start);
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
  if (top !== undefined) checkLength('deal: top', top, fieldsLength(n, width));
  for (let start = 0; start < n; start += SLICE) {
    const end = Math.min(n, start + SLICE);
    const count = end - start;
    kernels.begin();
    const atMask = kernels.words(mask.subarray(start, end));
    const atWords = kernels.words(words.subarray(start, end));
    const atKeep = keep === undefined ? kernels.room(count) : kernels.bytes(keep.subarray(start, end));
    if (keep === undefined) kernels.bytesAt(atKeep, count).fill(1);
    const atBits = bitWords === undefined ? 0 : kernels.words(bitWords.subarray(start, end));
    const topOut = top && fieldsOf(top, start, end, width);
    const atTop = topOut === undefined ? 0 : kernels.bytes(topOut);
    const atRest = topOut === undefined ? 0 : kernels.room(topOut.length);
    const flags = [Number(bitWords !== undefined), Number(signed)];
    kernels.call('deal', count, bits, width, ...flags, atMask, atKeep, atWords, atBits, atTop, atRest);
    words.set(kernels.wordsAt(atWords, count), start);
    bitWords?.set(kernels.wordsAt(atBits, count), start);
    topOut?.set(kernels.bytesAt(atRest, topOut.length));
  }
}

/** Bits that an element of Z_{2^bits} takes. */
function widthOf(bits: number): number {
  checkBits(bits);
  return fieldWidth(bits);
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
