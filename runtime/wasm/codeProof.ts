/** What proves dealt codes (PROTOCOLS §10; assembly/codeProof.ts), on the calling thread, in slices. */
import { type CodeCounts, codeLength, type DigitCode } from '../compute.ts';
import { extensionOf, folded, STRIDE } from '../extension.ts';
import type { InlineKernels } from './instance.ts';
import type { Prime } from './kernels.ts';

/** Elements a call: a few arrays of 64 KiB stay in the second-level cache. */
const SLICE = 4096;

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

/** Values a < b of digits, in order; −1 where they are equal, and in whichever order they come. */
function classesOf(B: number): { readonly classes: Uint8Array; readonly count: number } {
  const classes = new Uint8Array(B * B).fill(255);
  let count = 0;
  for (let a = 0; a < B; a++) {
    for (let b = a + 1; b < B; b++, count++) {
      classes[a * B + b] = count;
      classes[b * B + a] = count;
    }
  }
  return { classes, count };
}

export function proofCount(
  kernels: InlineKernels,
  code: DigitCode,
  x: BigUint64Array,
  w: Uint8Array,
  y: Uint8Array,
): CodeCounts {
  const { prime, digits: M, bits } = code;
  checkLength('proofCount: weights', w, STRIDE * x.length);
  checkLength('proofCount: values', y, STRIDE * x.length);
  const nibbles = (M * bits) / 4;
  const nibblePairs = (nibbles * (nibbles - 1)) / 2;
  const B = 1 << bits;
  const { classes, count } = classesOf(B);
  kernels.begin();
  const atPairs = cleared(kernels, 256 * nibblePairs);
  const atValues = cleared(kernels, 16 * nibbles);
  const digitPairs = (M * (M - 1)) / 2;
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
  // Sums over all values of the other nibble of a pair: of nibbles 0 and 1 for the first one, of 0 and a for others
  const atWeights = cleared(kernels, 16 * nibbles);
  const firstOf = kernels.bytes(Uint8Array.from({ length: 256 }, (_, s) => s >> 4));
  const secondOf = kernels.bytes(Uint8Array.from({ length: 256 }, (_, s) => s & 15));
  for (let a = 0; a < nibbles; a++) {
    const pair = atPairs + 4096 * Math.max(0, a - 1);
    kernels.call('proofSpread', prime, 4, 0, 0, a === 0 ? firstOf : secondOf, pair, atWeights + 256 * a);
  }
  const weights16 = kernels.bytesAt(atWeights, STRIDE * 16 * nibbles);
  const perNibble = 4 / bits;
  const values16 = kernels.bytesAt(atValues, STRIDE * 16 * nibbles);
  const weights = new Int32Array(STRIDE * M * B);
  const values = new Int32Array(STRIDE * M * B);
  const within = new Int32Array(STRIDE * digitPairs * count);
  const pairIndex = (k: number, l: number): number => k * M - (k * (k + 1)) / 2 + l - k - 1;
  const shiftOf = (digit: number): number => bits * (perNibble - 1 - digit);
  for (let a = 0; a < nibbles; a++) {
    for (let s = 0; s < 16; s++) {
      const from = STRIDE * (16 * a + s);
      for (let d = 0; d < perNibble; d++) {
        const k = a * perNibble + d;
        const v = (s >> shiftOf(d)) & (B - 1);
        for (let j = 0; j < STRIDE; j++) {
          weights[STRIDE * (k * B + v) + j] += weights16[from + j];
          values[STRIDE * (k * B + v) + j] += values16[from + j];
        }
        for (let e = d + 1; e < perNibble; e++) {
          const found = classes[v * B + ((s >> shiftOf(e)) & (B - 1))];
          if (found === 255) continue;
          const to = STRIDE * (pairIndex(k, a * perNibble + e) * count + found);
          for (let j = 0; j < STRIDE; j++) within[to + j] += weights16[from + j];
        }
      }
    }
  }
  let pair = 0;
  for (let a = 0; a < nibbles; a++) {
    for (let b = a + 1; b < nibbles; b++, pair++) {
      for (let d = 0; d < perNibble; d++) {
        for (let e = 0; e < perNibble; e++) {
          const to = atOut + STRIDE * count * pairIndex(a * perNibble + d, b * perNibble + e);
          kernels.call('proofSpread', prime, bits, shiftOf(d), shiftOf(e), atClasses, atPairs + 4096 * pair, to);
        }
      }
    }
  }
  const pairs = kernels.bytesAt(atOut, STRIDE * digitPairs * count).slice();
  for (let i = 0; i < pairs.length; i++) if (within[i] > 0) pairs[i] = (pairs[i] + within[i]) % prime;
  return { pairs, weights: reduced(weights, prime), values: reduced(values, prime) };
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
