/** What proves dealt codes (PROTOCOLS §10), element by element: sums and products of plain integers. */
import { type CodeCounts, codeLength, type DigitCode } from '../../runtime/compute.ts';
import { extensionOf, STRIDE } from '../../runtime/extension.ts';
import { digitsOf } from './compare.ts';

type Elements = readonly (readonly number[])[];

export function elements(vector: Uint8Array): number[][] {
  return Array.from({ length: vector.length / STRIDE }, (_, i) => [...vector.subarray(STRIDE * i, STRIDE * (i + 1))]);
}

export function vector(of: Elements): Uint8Array {
  return Uint8Array.from(of.flat());
}

const zero = (): number[] => new Array<number>(STRIDE).fill(0);

export function addReference(prime: number, a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, j) => (value + b[j]) % prime);
}

/** Modulo X^degree − root, by the definition. */
export function multiplyReference(prime: 17 | 31 | 67, a: readonly number[], b: readonly number[]): number[] {
  const { degree, root } = extensionOf(prime);
  const out = zero();
  for (let i = 0; i < degree; i++) {
    for (let j = 0; j < degree; j++) {
      const wrapped = i + j >= degree;
      const to = wrapped ? i + j - degree : i + j;
      out[to] = (out[to] + (wrapped ? root : 1) * a[i] * b[j]) % prime;
    }
  }
  return out;
}

export function innerReference(prime: 17 | 31 | 67, a: Elements, b: Elements): number[] {
  return a.reduce<number[]>((sum, x, i) => addReference(prime, sum, multiplyReference(prime, x, b[i])), zero());
}

/** Σ_j table[g_j][j] for each code. */
export function lookUpReference(code: DigitCode, g: Uint8Array, table: Elements): number[][] {
  const length = codeLength(code);
  return Array.from({ length: g.length / length }, (_, i) =>
    Array.from({ length }, (_, j) => table[length * g[length * i + j] + j]).reduce<number[]>(
      (sum, entry) => addReference(code.prime, sum, entry),
      zero(),
    ),
  );
}

export function countReference(code: DigitCode, x: BigUint64Array, w: Elements, y: Elements): CodeCounts {
  const { digits: M, bits, prime } = code;
  const B = 1 << bits;
  const v = Array.from(x, (value) => digitsOf(code, value));
  const sumWhere = (of: Elements, holds: (digits: readonly number[]) => boolean): number[] =>
    of.reduce<number[]>((sum, element, i) => (holds(v[i]) ? addReference(prime, sum, element) : sum), zero());
  const pairs: number[][] = [];
  const [weights, values]: [number[][], number[][]] = [[], []];
  for (let k = 0; k < M; k++) {
    for (let a = 0; a < B; a++) {
      weights.push(sumWhere(w, (digits) => digits[k] === a));
      values.push(sumWhere(y, (digits) => digits[k] === a));
    }
    for (let l = k + 1; l < M; l++)
      for (let a = 0; a < B; a++)
        for (let b = a + 1; b < B; b++)
          pairs.push(
            sumWhere(w, (digits) => (digits[k] === a && digits[l] === b) || (digits[k] === b && digits[l] === a)),
          );
  }
  return { pairs: vector(pairs), weights: vector(weights), values: vector(values) };
}
