/** The kernels that prove dealt codes (PROTOCOLS §10), bit for bit, over every field. */
import { describe, expect, it } from 'vitest';
import { codeLength, P17, P31, P67 } from '../../runtime/compute.ts';
import { extensionOf, STRIDE } from '../../runtime/extension.ts';
import { randomRing, testRandom } from '../reference.ts';
import {
  addReference,
  countReference,
  elements,
  innerReference,
  lookUpReference,
  multiplyReference,
  vector,
} from '../reference/codeProof.ts';
import { testCompute } from '../simulate.ts';

const compute = await testCompute();

describe.each([P17, P31, P67])('over Z_$prime', (code) => {
  const { prime } = code;
  const { degree } = extensionOf(prime);
  const random = testRandom(prime);
  /** Also the largest and the least values in every coordinate. */
  const some = (count: number): Uint8Array =>
    Uint8Array.from({ length: STRIDE * count }, (_, i) => {
      if (i % STRIDE >= degree) return 0;
      const element = Math.floor(i / STRIDE);
      return element === 0 ? prime - 1 : element === 1 ? 0 : Math.floor(prime * random());
    });
  /** In the compute's own memory, and elsewhere. */
  const inScratch = (values: Uint8Array): Uint8Array => {
    const out = compute.scratch.take(values.length);
    out.set(values);
    return out;
  };

  it.each([1, 2, 300, 5000])('sums, products and inner products of %i elements', (count) => {
    const [a, b] = [some(count), some(count)];
    const [A, B] = [elements(a), elements(b)];
    const sums = vector(A.map((x, i) => addReference(prime, x, B[i])));
    const products = vector(A.map((x, i) => multiplyReference(prime, x, B[i])));
    expect(compute.proofAdd(prime, a, b)).toEqual(sums);
    expect(compute.proofProducts(prime, a, b)).toEqual(products);
    expect([...compute.proofInner(prime, a, b)]).toEqual(innerReference(prime, A, B));
    const [mine, theirs] = [inScratch(a), inScratch(b)];
    expect(compute.proofProducts(prime, mine, theirs, mine).slice()).toEqual(products);
    mine.set(a);
    expect(compute.proofAdd(prime, mine, theirs, mine).slice()).toEqual(sums);
    expect([...theirs]).toEqual([...b]);
    compute.scratch.give(mine, theirs);
  });

  it('an inner product of the largest elements, longer than any block', () => {
    const a = new Uint8Array(STRIDE * 1000).map((_, i) => (i % STRIDE < degree ? prime - 1 : 0));
    expect([...compute.proofInner(prime, a, a)]).toEqual(innerReference(prime, elements(a), elements(a)));
  });

  it.each([1, 60])('tables looked up for %i codes', (count) => {
    const length = codeLength(code);
    const g = Uint8Array.from({ length: length * count }, (_, i) =>
      i < length ? prime - 1 : Math.floor(prime * random()),
    );
    const tables = [some(prime * length), some(prime * length)] as const;
    const f = some(count);
    const F = elements(f);
    const expected = lookUpReference(code, g, elements(tables[0])).map((x, i) => addReference(prime, x, F[i]));
    const squares = lookUpReference(code, g, elements(tables[1]));
    for (const place of [(x: Uint8Array) => x.slice(), inScratch]) {
      const [mine, found] = [place(f), place(new Uint8Array(f.length))];
      compute.proofFold(code, place(g), tables, mine, found);
      expect(elements(mine)).toEqual(expected);
      expect(elements(found)).toEqual(squares);
    }
  });

  it('tables looked up for more codes than one slice, as for their parts', () => {
    const [count, at, length] = [4500, 4090, codeLength(code)];
    const g = Uint8Array.from({ length: length * count }, () => Math.floor(prime * random()));
    const tables = [some(prime * length), some(prime * length)] as const;
    const look = (from: number, to: number): Uint8Array[] => {
      const [f, squares] = [new Uint8Array(STRIDE * (to - from)), new Uint8Array(STRIDE * (to - from))];
      compute.proofFold(code, g.subarray(length * from, length * to), tables, f, squares);
      return [f, squares];
    };
    const [first, rest] = [look(0, at), look(at, count)];
    look(0, count).forEach((whole, i) => expect([...whole]).toEqual([...first[i], ...rest[i]]));
  });

  it.each([1, 60])('counts of %i values', (count) => {
    const x = randomRing(count);
    const [w, y] = [some(count), some(count)];
    const expected = countReference(code, x, elements(w), elements(y));
    expect(compute.proofCount(code, x, w, y)).toEqual(expected);
    expect(compute.proofCount(code, x, inScratch(w), inScratch(y))).toEqual(expected);
  });

  it('counts of more values than one slice are the sums of their parts', () => {
    const count = 5000;
    const x = randomRing(count);
    const [w, y] = [some(count), some(count)];
    const whole = compute.proofCount(code, x, w, y);
    const at = 4000;
    const first = compute.proofCount(code, x.subarray(0, at), w.subarray(0, STRIDE * at), y.subarray(0, STRIDE * at));
    const rest = compute.proofCount(code, x.subarray(at), w.subarray(STRIDE * at), y.subarray(STRIDE * at));
    for (const what of ['pairs', 'weights', 'values'] as const)
      expect(whole[what]).toEqual(compute.proofAdd(prime, first[what], rest[what]));
  });

  it('sums with coefficients', () => {
    for (const [rows, terms, width] of [
      [1, 1, 1],
      [3, 200, 2],
    ]) {
      const coefficients = Uint8Array.from({ length: rows * terms }, (_, i) => (i < 80 ? prime - 1 : i % prime));
      const vectors = some(terms * width);
      const V = elements(vectors);
      const expected = Array.from({ length: rows * width }, (_, i) => {
        const [row, c] = [Math.floor(i / width), i % width];
        const sum = new Array<number>(STRIDE).fill(0);
        for (let t = 0; t < terms; t++)
          V[t * width + c].forEach((value, j) => (sum[j] = (sum[j] + coefficients[row * terms + t] * value) % prime));
        return sum;
      });
      expect(elements(compute.proofSums(prime, terms, coefficients, vectors))).toEqual(expected);
    }
  });
});

it('what does not fit is refused', () => {
  const one = new Uint8Array(STRIDE);
  expect(() => compute.proofAdd(17, one, new Uint8Array(32))).toThrow(
    'proofAdd: second vector has 32 bytes, expected 16',
  );
  expect(() => compute.proofProducts(17, new Uint8Array(8), new Uint8Array(8))).toThrow('no elements of 16 bytes');
  expect(() => compute.proofCount(P17, randomRing(2), one, one)).toThrow(
    'proofCount: weights has 16 bytes, expected 32',
  );
  expect(() => compute.proofFold(P17, one, [one, one], one, one)).toThrow('proofFold: codes has 16 bytes, expected 48');
  expect(() => compute.proofSums(17, 3, one, one)).toThrow('3 terms do not divide');
});
