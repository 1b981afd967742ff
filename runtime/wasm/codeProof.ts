/** What proves dealt codes (PROTOCOLS §10; assembly/codeProof.ts), on the calling thread, in slices. */
import { type CodeCounts, codeLength, type DigitCode } from '../compute.ts';
import { extensionOf, folded, STRIDE } from '../extension.ts';
import type { InlineKernels } from './instance.ts';
import type { Prime } from './kernels.ts';

/** Elements a call: a few arrays of 64 KiB stay in the second-level cache. */
const SLICE = 4096;
/** No class: two digits that are the same. */
const EQUAL = 255;

function checkLength(what: string, values: Uint8Array, expected: number): void {
  if (values.length !== expected) throw new RangeError(`${what} has ${values.length} bytes, expected ${expected}`);
}

function checkVectors(kernel: string, a: Uint8Array, b: Uint8Array, out: Uint8Array): void {
  if (a.length % STRIDE !== 0) throw new RangeError(`${kernel}: ${a.length} bytes are no elements of ${STRIDE} bytes`);
  checkLength(`${kernel}: second vector`, b, a.length);
  checkLength(`${kernel}: out`, out, a.length);
}

export function proofAdd(
  kernels: InlineKernels,
  prime: Prime,
  a: Uint8Array,
  b: Uint8Array,
  out: Uint8Array = new Uint8Array(a.length),
): Uint8Array {
  checkVectors('proofAdd', a, b, out);
  kernels.begin();
  const target = kernels.target(out);
  kernels.call('proofAdd', a.length, prime, kernels.bytes(a), kernels.bytes(b), target);
  kernels.fetch(target, out);
  return out;
}

export function proofProducts(
  kernels: InlineKernels,
  prime: Prime,
  a: Uint8Array,
  b: Uint8Array,
  out: Uint8Array = new Uint8Array(a.length),
): Uint8Array {
  checkVectors('proofProducts', a, b, out);
  const { degree, root } = extensionOf(prime);
  kernels.begin();
  const target = kernels.target(out);
  const scratch = kernels.room(4 * STRIDE);
  const [atA, atB] = [kernels.bytes(a), kernels.bytes(b)];
  kernels.call('proofProducts', a.length / STRIDE, prime, degree, root, atA, atB, target, scratch);
  kernels.fetch(target, out);
  return out;
}

export function proofInner(kernels: InlineKernels, prime: Prime, a: Uint8Array, b: Uint8Array): Uint8Array {
  checkVectors('proofInner', a, b, a);
  const field = extensionOf(prime);
  kernels.begin();
  const rows = cleared(kernels, STRIDE); // of which the last may stay zero
  kernels.call('proofInner', a.length / STRIDE, prime, field.degree, kernels.bytes(a), kernels.bytes(b), rows);
  const products = kernels.bytesAt(rows, field.degree * STRIDE);
  const sums = new Int32Array(2 * STRIDE);
  for (let k = 0; k < field.degree; k++) for (let j = 0; j < field.degree; j++) sums[k + j] += products[STRIDE * k + j];
  return folded(field, sums);
}

/** Address of so many elements, all zero. */
function cleared(kernels: InlineKernels, elements: number): number {
  const address = kernels.room(elements * STRIDE);
  kernels.bytesAt(address, elements * STRIDE).fill(0);
  return address;
}

export function proofFold(
  kernels: InlineKernels,
  code: DigitCode,
  g: Uint8Array,
  tables: readonly [Uint8Array, Uint8Array],
  f: Uint8Array,
  squares: Uint8Array,
): void {
  const length = codeLength(code);
  const n = f.length / STRIDE;
  checkLength('proofFold: codes', g, n * length);
  for (const table of tables) checkLength('proofFold: table', table, STRIDE * code.prime * length);
  checkLength('proofFold: squares', squares, f.length);
  for (let start = 0; start < n; start += SLICE) {
    const end = Math.min(n, start + SLICE);
    kernels.begin();
    const [first, second] = tables.map((table) => kernels.bytes(table));
    const [mine, square] = [f, squares].map((vector) => vector.subarray(STRIDE * start, STRIDE * end));
    const atF = kernels.bytes(mine);
    const atSquares = kernels.target(square);
    const atG = kernels.bytes(g.subarray(length * start, length * end));
    kernels.call('proofFold', end - start, code.prime, length, atG, first, second, atF, atSquares);
    kernels.fetch(atF, mine);
    kernels.fetch(atSquares, square);
  }
}

/** Which pair of different values of digits a·B + b is, in whichever order they come; EQUAL where they do not differ. */
function classesOf(B: number): { readonly classes: Uint8Array; readonly count: number } {
  const classes = new Uint8Array(B * B).fill(EQUAL);
  let count = 0;
  for (let a = 0; a < B; a++) {
    for (let b = a + 1; b < B; b++, count++) {
      classes[a * B + b] = count;
      classes[b * B + a] = count;
    }
  }
  return { classes, count };
}

/** A code, as its values are counted: nibble by nibble, the digits of one side by side. */
interface Counted {
  readonly prime: Prime;
  /** Digits. */
  readonly M: number;
  /** Values of a digit. */
  readonly B: number;
  readonly bits: number;
  readonly nibbles: number;
  readonly perNibble: number;
  readonly classes: Uint8Array;
  /** Of classes. */
  readonly count: number;
}

function countedOf({ prime, digits: M, bits }: DigitCode): Counted {
  const B = 1 << bits;
  return { prime, M, B, bits, nibbles: (M * bits) / 4, perNibble: 4 / bits, ...classesOf(B) };
}

/** Place of digits k < l among all pairs of digits. */
function pairIndex(M: number, k: number, l: number): number {
  return k * M - (k * (k + 1)) / 2 + l - k - 1;
}

/** By how many bits a digit of a nibble is moved up in it. */
function shiftOf({ bits, perNibble }: Counted, digit: number): number {
  return bits * (perNibble - 1 - digit);
}

export function proofCount(
  kernels: InlineKernels,
  code: DigitCode,
  x: BigUint64Array,
  w: Uint8Array,
  y: Uint8Array,
): CodeCounts {
  checkLength('proofCount: weights', w, STRIDE * x.length);
  checkLength('proofCount: values', y, STRIDE * x.length);
  const counted = countedOf(code);
  const { prime, M, nibbles, count, classes } = counted;
  const digitPairs = (M * (M - 1)) / 2;
  kernels.begin();
  const atPairs = cleared(kernels, (256 * (nibbles * (nibbles - 1))) / 2);
  const atValues = cleared(kernels, 16 * nibbles);
  const atOut = cleared(kernels, digitPairs * count);
  const atClasses = kernels.bytes(classes);
  const atX = kernels.room(8 * SLICE);
  const [atW, atY] = [kernels.room(STRIDE * SLICE), kernels.room(STRIDE * SLICE)];
  for (let start = 0; start < x.length; start += SLICE) {
    const end = Math.min(x.length, start + SLICE);
    kernels.wordsAt(atX, end - start).set(x.subarray(start, end));
    const [first, second] = [w, y].map((vector) => vector.subarray(STRIDE * start, STRIDE * end));
    kernels.call(
      'proofCount',
      ...[end - start, prime, nibbles, atX],
      ...[kernels.placed(first, atW), kernels.placed(second, atY)],
      ...[atPairs, atValues],
    );
  }
  const weights16 = weightsOfNibbles(kernels, counted, atPairs);
  const values16 = kernels.bytesAt(atValues, STRIDE * 16 * nibbles);
  const weights = ofDigits(counted, weights16);
  const values = ofDigits(counted, values16);
  const within = pairsWithin(counted, weights16);
  pairsAcross(kernels, counted, atClasses, atPairs, atOut);
  const pairs = kernels.bytesAt(atOut, STRIDE * digitPairs * count).slice();
  for (let i = 0; i < pairs.length; i++) if (within[i] > 0) pairs[i] = (pairs[i] + within[i]) % prime;
  return { pairs, weights: reduced(weights, prime), values: reduced(values, prime) };
}

/** Of each value of each nibble: sums over all values of the other one of a pair, of nibbles 0 and 1 for the first, of 0 and a for others. */
function weightsOfNibbles(kernels: InlineKernels, { prime, nibbles }: Counted, atPairs: number): Uint8Array {
  const atWeights = cleared(kernels, 16 * nibbles);
  const firstOf = kernels.bytes(Uint8Array.from({ length: 256 }, (_, s) => s >> 4));
  const secondOf = kernels.bytes(Uint8Array.from({ length: 256 }, (_, s) => s & 15));
  for (let a = 0; a < nibbles; a++) {
    const pair = atPairs + 4096 * Math.max(0, a - 1);
    kernels.call('proofSpread', prime, 4, 0, 0, a === 0 ? firstOf : secondOf, pair, atWeights + 256 * a);
  }
  return kernels.bytesAt(atWeights, STRIDE * 16 * nibbles);
}

/** Adds an element to the sum at this place. */
function addTo(sums: Int32Array, place: number, elements: Uint8Array, at: number): void {
  for (let j = 0; j < STRIDE; j++) sums[STRIDE * place + j] += elements[STRIDE * at + j];
}

/** From sums of each value of each nibble to sums of each value of each digit. */
function ofDigits(counted: Counted, nibbleSums: Uint8Array): Int32Array {
  const { M, B, nibbles, perNibble } = counted;
  const sums = new Int32Array(STRIDE * M * B);
  for (let at = 0; at < 16 * nibbles; at++) {
    for (let d = 0; d < perNibble; d++) {
      const k = (at >> 4) * perNibble + d;
      addTo(sums, k * B + ((at >> shiftOf(counted, d)) & (B - 1)), nibbleSums, at);
    }
  }
  return sums;
}

/** Sums of each class of two digits of one nibble. */
function pairsWithin(counted: Counted, weights16: Uint8Array): Int32Array {
  const { M, B, nibbles, perNibble, classes, count } = counted;
  const sums = new Int32Array((STRIDE * count * M * (M - 1)) / 2);
  const valueOf = (at: number, digit: number): number => (at >> shiftOf(counted, digit)) & (B - 1);
  for (let d = 0; d < perNibble; d++) {
    for (let e = d + 1; e < perNibble; e++) {
      for (let at = 0; at < 16 * nibbles; at++) {
        const found = classes[valueOf(at, d) * B + valueOf(at, e)];
        const first = (at >> 4) * perNibble;
        if (found !== EQUAL) addTo(sums, pairIndex(M, first + d, first + e) * count + found, weights16, at);
      }
    }
  }
  return sums;
}

/** The same of two digits of two nibbles, to `atOut`. */
function pairsAcross(
  kernels: InlineKernels,
  counted: Counted,
  atClasses: number,
  atPairs: number,
  atOut: number,
): void {
  const { prime, M, bits, nibbles, perNibble, count } = counted;
  for (let k = 0; k < M; k++) {
    const a = Math.floor(k / perNibble);
    for (let l = (a + 1) * perNibble; l < M; l++) {
      const b = Math.floor(l / perNibble);
      const pair = atPairs + 4096 * pairIndex(nibbles, a, b);
      const shifts = [shiftOf(counted, k % perNibble), shiftOf(counted, l % perNibble)];
      const to = atOut + STRIDE * count * pairIndex(M, k, l);
      kernels.call('proofSpread', prime, bits, ...shifts, atClasses, pair, to);
    }
  }
}

function reduced(sums: Int32Array, prime: number): Uint8Array {
  const out = new Uint8Array(sums.length);
  for (let i = 0; i < sums.length; i++) out[i] = sums[i] % prime;
  return out;
}

export function proofSums(
  kernels: InlineKernels,
  prime: Prime,
  terms: number,
  coefficients: Uint8Array,
  vectors: Uint8Array,
): Uint8Array {
  const rows = coefficients.length / terms;
  const width = vectors.length / (STRIDE * terms);
  if (!Number.isInteger(rows) || !Number.isInteger(width))
    throw new RangeError(`proofSums: ${terms} terms do not divide coefficients and vectors`);
  const out = new Uint8Array(STRIDE * rows * width);
  kernels.begin();
  const target = kernels.target(out);
  const [atCoefficients, atVectors] = [kernels.bytes(coefficients), kernels.bytes(vectors)];
  kernels.call('proofSums', prime, rows, terms, width, atCoefficients, atVectors, target);
  kernels.fetch(target, out);
  return out;
}
