/**
 * What proves dealt codes (PROTOCOLS §10, `src/protocols/paper/codeProof.ts`), for every comparison of a batch: products and sums over F, what
 * a worker makes of its shares of digits, and what P2 counts. Vectors of F are STRIDE bytes an element (`extension.ts`).
 */
import { codeLength, type DigitCode } from './compute.ts';
import { addProduct, extensionOf, folded, multiply, STRIDE } from './extension.ts';

/** What P2 counts of n comparisons with digits v_0, v_1 …, sums over F of weights w and of y. B = 2^bits values a digit. */
export interface CodeCounts {
  /** Σ w_i [v_k = a][v_l = b] at ((k·digits + l)·B + a)·B + b, for k < l; 0 elsewhere. */
  readonly pairs: Uint8Array;
  /** Σ w_i [v_k = a] at k·B + a. */
  readonly weights: Uint8Array;
  /** Σ y_i [v_k = a] at k·B + a. */
  readonly values: Uint8Array;
}

/** Products, element by element. */
export function products(code: DigitCode, a: Uint8Array, b: Uint8Array): Uint8Array {
  const field = extensionOf(code.prime);
  const out = new Uint8Array(a.length);
  for (let i = 0; i < a.length; i += STRIDE)
    out.set(multiply(field, a.subarray(i, i + STRIDE), b.subarray(i, i + STRIDE)), i);
  return out;
}

/** Σ a_i · b_i. */
export function innerProduct(code: DigitCode, a: Uint8Array, b: Uint8Array): Uint8Array {
  const field = extensionOf(code.prime);
  const sums = new Int32Array(2 * STRIDE);
  for (let i = 0, since = 0; i < a.length; i += STRIDE) {
    addProduct(field, sums, a.subarray(i, i + STRIDE), b.subarray(i, i + STRIDE));
    if (++since === MOST_SUMMED) {
      for (let j = 0; j < sums.length; j++) sums[j] %= code.prime;
      since = 0;
    }
  }
  return folded(field, sums);
}

/** Products of 16 coordinates below 67 that a sum of 31 bits holds. */
const MOST_SUMMED = 16_384;

/**
 * For each comparison Σ table[j][g_j] over the bytes j of its code: out[t] (n elements) for each of the tables t, whose entries are STRIDE bytes,
 * p for each of the codeLength bytes.
 */
export function lookUp(code: DigitCode, g: Uint8Array, tables: readonly Uint8Array[]): Uint8Array[] {
  const { prime } = code;
  const length = codeLength(code);
  const n = g.length / length;
  return tables.map((table) => {
    const out = new Uint8Array(STRIDE * n);
    const sums = new Int32Array(STRIDE);
    for (let i = 0; i < n; i++) {
      sums.fill(0);
      for (let j = 0; j < length; j++) {
        const from = STRIDE * (prime * j + g[length * i + j]);
        for (let c = 0; c < STRIDE; c++) sums[c] += table[from + c];
      }
      for (let c = 0; c < STRIDE; c++) out[STRIDE * i + c] = sums[c] % prime;
    }
    return out;
  });
}

/** P2: what it counts of x, one value a comparison. */
export function countCodes(code: DigitCode, x: BigUint64Array, w: Uint8Array, y: Uint8Array): CodeCounts {
  const { digits, bits, prime } = code;
  const B = 1 << bits;
  const pairs = new Int32Array(digits * digits * B * B * STRIDE);
  const weights = new Int32Array(digits * B * STRIDE);
  const values = new Int32Array(digits * B * STRIDE);
  const addAt = (sums: Int32Array, index: number, source: Uint8Array, i: number): void => {
    for (let c = 0; c < STRIDE; c++) sums[STRIDE * index + c] += source[STRIDE * i + c];
  };
  const v = new Uint8Array(digits);
  for (let i = 0; i < x.length; i++) {
    for (let k = 0; k < digits; k++) v[k] = Number((x[i] >> BigInt(bits * (digits - 1 - k))) & BigInt(B - 1));
    for (let k = 0; k < digits; k++) {
      addAt(weights, k * B + v[k], w, i);
      addAt(values, k * B + v[k], y, i);
      for (let l = k + 1; l < digits; l++) addAt(pairs, ((k * digits + l) * B + v[k]) * B + v[l], w, i);
    }
  }
  const reduced = (sums: Int32Array): Uint8Array => Uint8Array.from(sums, (sum) => sum % prime);
  return { pairs: reduced(pairs), weights: reduced(weights), values: reduced(values) };
}
