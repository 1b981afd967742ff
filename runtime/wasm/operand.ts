/** Truncation into an operand of products (assembly/operand.ts), on the calling thread, in slices. */
import { fieldsLength, fieldsOf } from '../../src/ring/fields.ts';
import type { OperandDeal } from '../compute.ts';
import type { InlineKernels } from './instance.ts';

/** Elements a call: a multiple of 8, so that each slice of a packed stream begins on a byte. */
const SLICE = 4096;
const [LEAST_BITS, MOST_BITS] = [8, 56];

export function operandMask(
  kernels: InlineKernels,
  party: 0 | 1,
  bits: number,
  z: BigUint64Array,
  S: BigUint64Array,
): Uint8Array {
  checkBits(bits);
  checkLength('operandMask: S', S, z.length);
  const width = 64 - bits;
  const out = new Uint8Array(fieldsLength(z.length, width));
  for (let start = 0; start < z.length; start += SLICE) {
    const end = Math.min(z.length, start + SLICE);
    kernels.begin();
    const atZ = kernels.words(z.subarray(start, end));
    const atS = kernels.words(S.subarray(start, end));
    const packed = fieldsOf(out, start, end, width);
    const atOut = kernels.room(packed.length);
    kernels.call('operandMask', end - start, party, bits, atZ, atS, atOut);
    packed.set(kernels.bytesAt(atOut, packed.length));
  }
  return out;
}

export function operandLift(
  kernels: InlineKernels,
  bits: number,
  S: BigUint64Array,
  r: Uint8Array,
  [mine, theirs]: readonly [Uint8Array, Uint8Array],
  c: BigUint64Array,
): Uint8Array {
  checkBits(bits);
  const n = S.length;
  checkLength('operandLift: c', c, n);
  const width = 64 - bits;
  checkLength('operandLift: r', r, fieldsLength(n, bits));
  checkParts('operandLift', [mine, theirs], fieldsLength(n, width));
  const e = new Uint8Array(fieldsLength(n, bits));
  for (let start = 0; start < n; start += SLICE) {
    const end = Math.min(n, start + SLICE);
    kernels.begin();
    const atMine = kernels.bytes(fieldsOf(mine, start, end, width));
    const atTheirs = kernels.bytes(fieldsOf(theirs, start, end, width));
    const atR = kernels.bytes(fieldsOf(r, start, end, bits));
    const atS = kernels.words(S.subarray(start, end));
    const atC = kernels.room(8 * (end - start));
    const packed = fieldsOf(e, start, end, bits);
    const atE = kernels.room(packed.length);
    kernels.call('operandLift', end - start, bits, atMine, atTheirs, atR, atS, atC, atE);
    c.set(kernels.wordsAt(atC, end - start), start);
    packed.set(kernels.bytesAt(atE, packed.length));
  }
  return e;
}

export function operandOpen(
  kernels: InlineKernels,
  bits: number,
  c: BigUint64Array,
  [mine, theirs]: readonly [Uint8Array, Uint8Array],
): void {
  checkBits(bits);
  checkParts('operandOpen', [mine, theirs], fieldsLength(c.length, bits));
  for (let start = 0; start < c.length; start += SLICE) {
    const end = Math.min(c.length, start + SLICE);
    kernels.begin();
    const atC = kernels.words(c.subarray(start, end));
    const atMine = kernels.bytes(fieldsOf(mine, start, end, bits));
    const atTheirs = kernels.bytes(fieldsOf(theirs, start, end, bits));
    kernels.call('operandOpen', end - start, bits, atC, atMine, atTheirs);
    c.set(kernels.wordsAt(atC, end - start), start);
  }
}

export function operandDeal(kernels: InlineKernels, job: OperandDeal): void {
  const { bits, masks, part, words, fields } = job;
  checkBits(bits);
  const n = words.length;
  for (const mask of masks) checkLength('operandDeal: masks', mask, n);
  if (part !== undefined) checkLength('operandDeal: part', part, n);
  checkLength('operandDeal: fields', fields, fieldsLength(n, bits));
  for (let start = 0; start < n; start += SLICE) {
    const end = Math.min(n, start + SLICE);
    const count = end - start;
    kernels.begin();
    const atMasks = masks.map((mask) => kernels.words(mask.subarray(start, end)));
    const atPart = part === undefined ? 0 : kernels.words(part.subarray(start, end));
    const atWords = kernels.words(words.subarray(start, end));
    const packed = fieldsOf(fields, start, end, bits);
    const atFields = kernels.bytes(packed);
    const atRest = kernels.room(packed.length);
    const partial = Number(part !== undefined);
    kernels.call('operandDeal', count, bits, partial, ...atMasks, atPart, atWords, atFields, atRest);
    words.set(kernels.wordsAt(atWords, count), start);
    packed.set(kernels.bytesAt(atRest, packed.length));
  }
}

function checkBits(bits: number): void {
  if (!Number.isInteger(bits) || bits < LEAST_BITS || bits > MOST_BITS)
    throw new RangeError(`truncation of an operand by ${bits} bits: expected ${LEAST_BITS} … ${MOST_BITS}`);
}

function checkParts(name: string, parts: readonly Uint8Array[], expected: number): void {
  for (const part of parts) checkLength(`${name}: parts`, part, expected);
}

function checkLength(name: string, values: { readonly length: number }, expected: number): void {
  if (values.length !== expected) throw new RangeError(`${name} has ${values.length} elements, ${expected} expected`);
}
