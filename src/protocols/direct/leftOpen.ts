/**
 * Products of values that truncations have left, from the truncations' openings alone (PROTOCOLS §5).
 *
 * With C = (c >> bits) − 2^(62−bits), M = R >> bits, r = R_63 and w = (1 − c_63)·2^(64−bits) of `dealtTruncation.ts` a truncation leaves
 * y = C − M + w·r: C and w are public to the workers, P2 knows M and r. A sum of such values is of the same form, with the sums of C and of M and
 * as many terms w·r: x = C + ξ, ξ = −M + Σ_k w_k·r_k. For bits ≤ 32 all w_k·w_l are 0 modulo 2^64, so of x = C + ξ and y = D + η, η = −N + Σ_l v_l·s_l,
 *   x·y = C·y + D·x − C·D + ξ·η,   ξ·η = M·N − Σ_k w_k·(r_k·N) − Σ_l v_l·(s_l·M)
 * The first three terms are linear in shares. P2 deals ⟨M·N⟩ over Z_{2^64} and each ⟨r_k·N⟩, ⟨s_l·M⟩ over Z_{2^bits} ahead, for that is what
 * 2^(64−bits) times them depends on; of a square, where the two sums are equal, ⟨r_k·M⟩ alone.
 *
 * Views: the workers see shares that P2 deals, one-time padded, and nothing new is opened; P2 sees nothing. No round. Cost of an element: 8 bytes and
 * bits/8 for each value of its two sums, or of the one that is squared.
 */
import { unpackFields } from '../../ring/fields.ts';
import { release } from '../../ring/release.ts';
import { sameShape, type Shape, sizeOf } from '../../ring/shape.ts';
import * as z64 from '../../ring/z64.ts';
import { chunked, type Cost } from '../../party/cost.ts';
import type { Party } from '../../party/party.ts';
import { inChunks, type Stage, step } from '../../party/steps.ts';
import { dealShifted, dealtMessage, dealtShifted, type More } from './dealtTruncation.ts';

/** What is public of it. */
export interface LeftShape {
  /** By which its values were truncated, at most 32. */
  readonly bits: number;
  /** Of how many values an element is the sum. */
  readonly terms: number;
}

/** What a party holds of it. */
export interface Left extends LeftShape {
  /** An element's C at the workers, M at P2. */
  readonly words: BigUint64Array;
  /** Of each value of each sum, a byte 0/1: 1 − c_63 at the workers, r at P2. */
  readonly wraps: Uint8Array;
  /** A worker's share of the elements. */
  readonly share?: BigUint64Array;
}

/** Two factors; the same object twice is a square. */
export type LeftPair = readonly [x: Left, y: Left];

/** A value of an engine, and what is public of what a truncation has left of it. */
interface OfLeft {
  readonly shape: Shape;
  readonly left?: { readonly shape: LeftShape };
}

/** Whether the products of x and y, or of x (m,n) and a column y (m,1), follow from truncations' openings. */
export function follows(x: OfLeft, y: OfLeft): boolean {
  if (x.left === undefined || x.left.shape.bits !== y.left?.shape.bits) return false;
  return sizeOf(x.shape) === sizeOf(y.shape) || sameShape(y.shape, [x.shape[0], 1]);
}

/** Elements from … to. */
export function slice(x: Left, from: number, to: number): Left {
  const cut = (words: BigUint64Array): BigUint64Array => words.subarray(from, to);
  return { ...eachWord(x, cut), wraps: x.wraps.subarray(from * x.terms, to * x.terms) };
}

/** The sums of n elements after one another. */
export function sums(x: Left, n: number): Left {
  const add = (words: BigUint64Array): BigUint64Array => z64.sumColumns(words, words.length / n, n);
  return { ...eachWord(x, add), terms: x.terms * n };
}

/** Each element n times. */
export function repeated(x: Left, n: number): Left {
  if (n === 1) return x;
  const { terms, wraps } = x;
  const repeatedWraps = new Uint8Array(n * wraps.length);
  for (let i = 0; i < repeatedWraps.length; i += terms) {
    const from = Math.floor(i / (terms * n)) * terms;
    for (let k = 0; k < terms; k++) repeatedWraps[i + k] = wraps[from + k];
  }
  return { ...eachWord(x, (words) => z64.repeatColumn(words, n)), wraps: repeatedWraps };
}

function eachWord(x: Left, map: (words: BigUint64Array) => BigUint64Array): Left {
  return { ...x, words: map(x.words), ...(x.share && { share: map(x.share) }) };
}

/** P2: what it deals of products, pair after pair. */
export function deal(pairs: readonly LeftPair[]): { words: BigUint64Array; fields: BigUint64Array } {
  const wrapped = (x: Left, y: Left): BigUint64Array => z64.keepWhere(x.wraps, z64.repeatColumn(y.words, x.terms));
  return {
    words: z64.concat(...pairs.map(([x, y]) => z64.multiply(x.words, y.words))),
    fields: z64.concat(...pairs.flatMap(([x, y]) => (x === y ? [wrapped(x, x)] : [wrapped(x, y), wrapped(y, x)]))),
  };
}

/** P0, P1: shares of the products, pair after pair, from those of what P2 deals. All were truncated by `bits`. */
export function multiply(
  worker: 0 | 1,
  pairs: readonly LeftPair[],
  bits: number,
  { words, fields }: { readonly words: BigUint64Array; readonly fields: Uint8Array },
): BigUint64Array[] {
  const count = pairs.reduce((sum, pair) => sum + fieldsOf(pair), 0);
  const lifted = z64.shiftLeft(unpackFields(fields, bits, count), 64 - bits);
  let [nextWord, nextField] = [0, 0];
  /** Σ w·(r·N) of the sums of one factor. */
  const wrapsOf = ({ wraps, terms }: Left): BigUint64Array => {
    const kept = z64.keepWhere(wraps, lifted.subarray(nextField, (nextField += wraps.length)));
    return terms === 1 ? kept : z64.sumColumns(kept, wraps.length / terms, terms);
  };
  return pairs.map(([x, y]) => {
    // P0 takes C·D off.
    const rest = worker === 0 ? z64.sub(x.share!, x.words) : x.share!;
    const sum =
      x === y
        ? z64.multiply(x.words, z64.add(x.share!, rest))
        : z64.accumulate(z64.multiply(x.words, y.share!), z64.multiply(y.words, rest));
    z64.accumulate(sum, words.subarray(nextWord, (nextWord += sum.length)));
    const left = wrapsOf(x);
    z64.accumulate(left, x === y ? left : wrapsOf(y));
    return z64.decrease(sum, left);
  });
}

function fieldsOf([x, y]: LeftPair): number {
  return x.wraps.length + (x === y ? 0 : y.wraps.length);
}

/** Of what is dealt of the products of `count` elements. */
export function dealtMore(count: number, terms: readonly number[]): More {
  return { words: count, fields: count * terms.reduce((sum, each) => sum + each, 0) };
}

/** The numbers of terms for which fields are dealt. */
export function termsOf(x: LeftShape, y: LeftShape): number[] {
  return x === y ? [x.terms] : [x.terms, y.terms];
}

/** P0, P1: x and y of as many elements, truncated by the same bits → ⟨x·y⟩, element by element. */
export async function workers(party: Party, [x, y]: LeftPair): Promise<BigUint64Array> {
  const product = new BigUint64Array(x.words.length);
  await party.chunks(product.length, async (chunk, from, to) => {
    const left = slice(x, from, to);
    const pair = [left, x === y ? left : slice(y, from, to)] as const;
    const dealt = await dealtShifted(chunk, 0, x.bits, 'R', dealtMore(to - from, termsOf(x, y)));
    product.set(multiply(chunk.worker, [pair], x.bits, dealt)[0], from);
    release(dealt.all);
  });
  return product;
}

/** P2. */
export async function helper(party: Party, [x, y]: LeftPair): Promise<void> {
  await party.chunks(x.words.length, async (chunk, from, to) => {
    const left = slice(x, from, to);
    const pair = [left, x === y ? left : slice(y, from, to)] as const;
    await dealShifted(chunk, new BigUint64Array(), x.bits, 'R', undefined, deal([pair]));
  });
}

/** Of the products of `count` elements. @param terms as `termsOf` says */
export function cost(count: number, bits: number, terms: readonly number[], chunk: number): Cost {
  return chunked(count, chunk, (n) => ({ rounds: 0, bytes: dealtMessage(0, bits, 'R', dealtMore(n, terms))[1] }));
}

export function stages(bits: number, terms: readonly number[]): Stage[] {
  return inChunks((n) => [step('ahead', dealtMessage(0, bits, 'R', dealtMore(n, terms)))]);
}
