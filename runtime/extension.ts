/**
 * Extensions F of Z_p in which dealt codes are proved (PROTOCOLS §10): Z_p[X] / (X^degree − root), more than 2^65 elements each. The binomials
 * are irreducible: root is primitive modulo p, every prime factor of degree divides p − 1 (and 4 | p − 1 where 4 | degree).
 *
 * An element is STRIDE bytes, a coordinate a byte, the coefficient of 1 first; bytes from `degree` on are zero. Here is what is done with single
 * elements; what is done with one for each comparison is `Compute`'s.
 */
export interface Extension {
  readonly prime: 17 | 31 | 67;
  readonly degree: 16 | 15 | 11;
  readonly root: 3 | 2;
}

/** Bytes of an element. */
export const STRIDE = 16;

export function extensionOf(prime: 17 | 31 | 67): Extension {
  switch (prime) {
    case 17:
      return { prime, degree: 16, root: 3 };
    case 31:
      return { prime, degree: 15, root: 3 };
    case 67:
      return { prime, degree: 11, root: 2 };
  }
}

/** Element `index` of a vector, as a view. */
export function at(vector: Uint8Array, index: number): Uint8Array {
  return vector.subarray(STRIDE * index, STRIDE * (index + 1));
}

/** An integer as an element. */
export function constant({ prime }: Extension, value: number): Uint8Array {
  const x = new Uint8Array(STRIDE);
  x[0] = ((value % prime) + prime) % prime;
  return x;
}

export function add({ prime }: Extension, a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length);
  for (let j = 0; j < a.length; j++) out[j] = (a[j] + b[j]) % prime;
  return out;
}

export function subtract({ prime }: Extension, a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length);
  for (let j = 0; j < a.length; j++) out[j] = (a[j] + prime - b[j]) % prime;
  return out;
}

/** By an integer. */
export function times({ prime }: Extension, a: Uint8Array, factor: number): Uint8Array {
  const out = new Uint8Array(a.length);
  for (let j = 0; j < a.length; j++) out[j] = (a[j] * factor) % prime;
  return out;
}

/** Coefficients of a product before it is folded: written before they are read. */
const coefficients = new Int32Array(2 * STRIDE);

export function multiply(field: Extension, a: Uint8Array, b: Uint8Array): Uint8Array {
  const { degree } = field;
  coefficients.fill(0);
  for (let i = 0; i < degree; i++) {
    const first = a[i];
    for (let j = 0; j < degree; j++) coefficients[i + j] += first * b[j];
  }
  return folded(field, coefficients);
}

/** A polynomial of at most 2·degree − 1 coefficients modulo X^degree − root. */
export function folded({ prime, degree, root }: Extension, sums: Int32Array): Uint8Array {
  const out = new Uint8Array(STRIDE);
  for (let j = 0; j < degree; j++) out[j] = ((sums[j] % prime) + root * (sums[degree + j] % prime)) % prime;
  return out;
}

/**
 * 1 / a, a ≠ 0. The powers a^(p^j) are cheap, for X^p = X·root^((p − 1) / degree), and the product of all of them, the norm of a, lies in Z_p.
 */
export function reciprocal(field: Extension, a: Uint8Array): Uint8Array {
  const { prime, degree, root } = field;
  let factor = 1;
  for (let i = 0; i < (prime - 1) / degree; i++) factor = (factor * root) % prime;
  let conjugate = a;
  let others = constant(field, 1);
  for (let j = 1; j < degree; j++) {
    let power = 1;
    conjugate = conjugate.map((value) => {
      const next = (value * power) % prime;
      power = (power * factor) % prime;
      return next;
    });
    others = multiply(field, others, conjugate);
  }
  return times(field, others, inverse(field, multiply(field, a, others)[0]));
}

/** Whether an element lies in Z_p. */
export function isInteger(a: Uint8Array): boolean {
  return a.every((value, j) => j === 0 || value === 0);
}

/** Of an integer that is no multiple of p. */
export function inverse({ prime }: Extension, value: number): number {
  const x = ((value % prime) + prime) % prime;
  let result = 1;
  while ((result * x) % prime !== 1) result++;
  return result;
}
