/**
 * The polynomials of a proof that dealt codes are codes (PROTOCOLS §10; `codeProof.ts`): what P2 makes of its counts, and how they are read at a
 * point. Everything is over F, an extension of Z_p (`runtime/extension.ts`).
 *
 * Points: 0 for the mask and 1 … M for the M digits of a comparison, all in Z_p. L_k are their Lagrange polynomials, Z = Π (X − k) over all of them,
 * c_k = 1 / Z'(k).
 */
import type { CodeCounts, Compute, DigitCode } from '../../../runtime/compute.ts';
import {
  add,
  at,
  constant,
  extensionOf,
  inverse,
  multiply,
  reciprocal,
  STRIDE,
  subtract,
  times,
} from '../../../runtime/extension.ts';

const derivatives: Map<number, readonly number[]> = new Map();

/** c_0 … c_M. */
function derivativesOf({ prime, digits: M }: DigitCode): readonly number[] {
  let found = derivatives.get(prime);
  if (found !== undefined) return found;
  found = Array.from({ length: M + 1 }, (_, k) => {
    let product = 1;
    for (let j = 0; j <= M; j++) if (j !== k) product = (product * (k - j + prime)) % prime;
    return inverse(extensionOf(prime), product);
  });
  derivatives.set(prime, found);
  return found;
}

/** Of a polynomial over Z_p with a root at `point`, divided by X − point; lowest coefficient first. */
function divided(polynomial: readonly number[], point: number, prime: number): number[] {
  const quotient = new Array<number>(polynomial.length - 1);
  let carry = 0;
  for (let j = polynomial.length - 1; j > 0; j--) {
    carry = (polynomial[j] + point * carry) % prime;
    quotient[j - 1] = carry;
  }
  return quotient;
}

/** L_k·L_l / Z = c_k·c_l·Z / ((X − k)(X − l)) for two points k < l: M coefficients in Z_p. */
interface Quotients {
  /** Of two digits: row j has the coefficients of X^j for all of them, in order. */
  readonly digits: Uint8Array;
  /** Of the mask and a digit, likewise. */
  readonly mask: Uint8Array;
}

const quotients: Map<number, Quotients> = new Map();

function quotientsOf(code: DigitCode): Quotients {
  const { prime, digits: M } = code;
  let found = quotients.get(prime);
  if (found !== undefined) return found;
  const c = derivativesOf(code);
  let Z = [1];
  for (let k = 0; k <= M; k++)
    Z = Array.from({ length: Z.length + 1 }, (_, j) => ((Z[j - 1] ?? 0) + (prime - k) * (Z[j] ?? 0)) % prime);
  const terms = (M * (M - 1)) / 2;
  found = { digits: new Uint8Array(M * terms), mask: new Uint8Array(M * M) };
  for (let k = 0, term = 0; k <= M; k++) {
    const withoutK = divided(Z, k, prime);
    for (let l = k + 1; l <= M; l++) {
      const quotient = divided(withoutK, l, prime).map((x) => (x * c[k] * c[l]) % prime);
      quotient.forEach((x, j) => {
        if (k === 0) found.mask[j * M + l - 1] = x;
        else found.digits[j * terms + term] = x;
      });
      if (k > 0) term++;
    }
  }
  quotients.set(prime, found);
  return found;
}

/** r_v, the values of z for a digit v, from B − 1 challenges; r_0 = 0. Of bits r_1 = 1. */
export function digitValues(code: DigitCode, challenges: Uint8Array): Uint8Array[] {
  const field = extensionOf(code.prime);
  if (code.bits === 1) return [constant(field, 0), constant(field, 1)];
  return [constant(field, 0), ...Array.from({ length: (1 << code.bits) - 1 }, (_, v) => at(challenges, v))];
}

/**
 * P2: s_0 and the M coefficients of Q with Σ_i w_i (F_i² − F*_i) = s_0·L_0 + Z·Q. By Σ L_k = 1 that sum is
 * Σ_k L_k Σ_i w_i (y_ki² − y*_ki) − Σ_{k<l} L_k·L_l Σ_i w_i (y_ki − y_li)², whose first part is s_0·L_0 where the digits are codes.
 * @param s0 Σ w_i μ_i², and counts.values are those of w_i μ_i
 */
export function proofOf(
  compute: Compute,
  code: DigitCode,
  r: readonly Uint8Array[],
  s0: Uint8Array,
  counts: CodeCounts,
): Uint8Array {
  const field = extensionOf(code.prime);
  const { digits: M, prime } = code;
  const B = r.length;
  if (counts.weights.length !== STRIDE * M * B) throw new RangeError(`counts are not those of ${M} digits`);
  const { digits, mask } = quotientsOf(code);
  const proof = new Uint8Array(STRIDE * (M + 1));
  proof.set(s0);
  const Q = proof.subarray(STRIDE);
  /** Takes Σ_c factors[c] Σ_t coefficients[j][t]·vectors[t][c] away from Q_j. */
  const take = (coefficients: Uint8Array, terms: number, vectors: Uint8Array, factors: readonly Uint8Array[]): void => {
    const sums = compute.proofSums(prime, terms, coefficients, vectors);
    const products = compute.proofProducts(prime, sums, repeated(factors, M));
    for (let i = 0, j = 0; j < M; j++)
      for (let c = 0; c < factors.length; c++, i++) Q.set(subtract(field, at(Q, j), at(products, i)), STRIDE * j);
  };
  // Two digits that differ
  const squares = r.flatMap((a, i) =>
    r.slice(i + 1).map((b) => multiply(field, subtract(field, a, b), subtract(field, a, b))),
  );
  take(digits, (M * (M - 1)) / 2, counts.pairs, squares);
  // The mask and a digit: Σ w (μ − r_v)² = s_0 − 2·r_v·Σ w·μ + r_v²·Σ w
  const minusTwice = r.map((a) => times(field, a, prime - 2));
  take(mask, M, counts.values, minusTwice);
  take(
    mask,
    M,
    counts.weights,
    r.map((a) => multiply(field, a, a)),
  );
  take(mask, M, repeated([constant(field, 1)], M), [s0]);
  return proof;
}

function repeated(elements: readonly Uint8Array[], count: number): Uint8Array {
  const out = new Uint8Array(STRIDE * elements.length * count);
  for (let i = 0; i < elements.length * count; i++) out.set(elements[i % elements.length], STRIDE * i);
  return out;
}

/** The polynomials at a point ρ of F that is none of theirs. So that masks need no factor, F_i is divided by L_0(ρ), and H by its square. */
export interface AtPoint {
  /** L_0 … L_M, divided by L_0. */
  readonly lagrange: readonly Uint8Array[];
  /** 1 / L_0. */
  readonly scale: Uint8Array;
  /** Of a (share of a) proof: (s_0·L_0 + Z·Q) / L_0². */
  readonly claim: (proof: Uint8Array) => Uint8Array;
}

export function atPoint(code: DigitCode, point: Uint8Array): AtPoint {
  const field = extensionOf(code.prime);
  const { digits: M } = code;
  const c = derivativesOf(code);
  const differences = Array.from({ length: M + 1 }, (_, k) => subtract(field, point, constant(field, k)));
  // Π of the differences before k, and of those from k on
  const before = [constant(field, 1)];
  for (const difference of differences) before.push(multiply(field, before[before.length - 1], difference));
  const whole = new Array<Uint8Array>(M + 1);
  let after = constant(field, 1);
  for (let k = M; k >= 0; k--) {
    whole[k] = times(field, multiply(field, before[k], after), c[k]);
    after = multiply(field, after, differences[k]);
  }
  const scale = reciprocal(field, whole[0]);
  const square = multiply(field, scale, scale);
  const Z = after;
  const claim = (proof: Uint8Array): Uint8Array => {
    let Q: Uint8Array = constant(field, 0);
    for (let j = M; j > 0; j--) Q = add(field, multiply(field, Q, point), at(proof, j));
    const H = add(field, multiply(field, at(proof, 0), whole[0]), multiply(field, Z, Q));
    return multiply(field, H, square);
  };
  return { lagrange: whole.map((L) => multiply(field, L, scale)), scale, claim };
}

/**
 * A worker's tables: what byte g_v of digit k, at (v − 1)·M + k of a code, adds to F_i / L_0 and to F*_i / L_0² at the point, for each of its p values. With
 * z = Σ_v r_v (g_v − g_{v+1}) g_v comes in times r_v − r_{v−1}, and in z* times r_v² − r_{v−1}².
 */
export function tablesOf(
  compute: Compute,
  code: DigitCode,
  r: readonly Uint8Array[],
  { lagrange, scale }: AtPoint,
): [Uint8Array, Uint8Array] {
  const field = extensionOf(code.prime);
  const { digits: M, prime } = code;
  const squares = r.map((x) => multiply(field, multiply(field, x, x), scale));
  const factors = repeated(lagrange.slice(1), r.length - 1);
  const everyValue = Uint8Array.from({ length: prime }, (_, value) => value);
  return [r, squares].map((values) => {
    const steps = values.slice(1).map((value, v) => subtract(field, value, values[v]));
    const stepOfEach = steps.flatMap((step) => new Array<Uint8Array>(M).fill(step));
    const each = compute.proofProducts(prime, factors, repeated(stepOfEach, 1));
    return compute.proofSums(prime, 1, everyValue, each);
  }) as [Uint8Array, Uint8Array];
}
