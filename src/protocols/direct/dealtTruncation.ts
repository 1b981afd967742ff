/**
 * Dealt truncation by `bits` fractional bits (PROTOCOLS §1), the default: correct to 1 ulp for every |z| < 2^62, and E[y] = z / 2^bits
 * exactly, since R is uniform. The paper's own truncation has no message and a failure probability: `paper/truncation.ts`.
 *
 * Per element. Common randomness: R uniform over Z_{2^64}, ⟨R⟩₀ from k02, ⟨R⟩₁ from k12.
 *   P2 deals R >> bits over Z_{2^64} and R_63 over Z_{2^bits} (packed, bits/8 bytes), both independent of the input
 *   1. P0, P1 open c = z + 2^62 + R
 *   2. y = (c >> bits) − (R >> bits) + R_63·(1 − c_63)·2^(64−bits) − 2^(62−bits)
 * Cost: 1 round, 16 + 8 + bits/8 bytes.
 *
 * A product z = z_0 + z_1 + Z, with Z known to P2 alone (`beaver.ts`), is truncated without dealing Z: the workers open
 * z_0 + z_1 + 2^62 + S with S from their streams, which is z + 2^62 + R for R = S − Z. R is as uniform as S, and P2 knows it, which is
 * all that step 2 asks; the workers' script and every view are the same.
 */
import { xorInto } from '../../ring/bits.ts';
import { fieldsLength, fieldWidth, packFields, unpackFields } from '../../ring/fields.ts';
import { fresh } from '../../ring/pool.ts';
import { release } from '../../ring/release.ts';
import * as z64 from '../../ring/z64.ts';
import { checkTruncationBits } from '../paper/truncation.ts';
import { chunked, type Cost } from '../../party/cost.ts';
import { open } from '../../party/open.ts';
import type { Party } from '../../party/party.ts';
import { dealtZ64, receiverOf } from '../../party/deal.ts';
import { inChunks, type Stage, step } from '../../party/steps.ts';

/** High half of 2^62, which P0 adds to its share so that z + 2^62 is non-negative. */
const OFFSET_HIGH = 1 << 30;

/** The widest window on z / 2^bits: comparisons are modulo 2^k, where the wrap 2^(64−bits) must vanish and |z| < 2^62 must fit. */
export function truncatedWindow(compareBits: number, bits: number): number {
  return Math.min(compareBits, 63 - bits);
}

/** C = (c >> bits) − 2^(62−bits). */
export function shiftedOpening(c: BigUint64Array, bits: number): BigUint64Array {
  return z64.addConstant(z64.shiftRight(c, bits), -(1n << BigInt(62 - bits)));
}

/** 1 − c_63, a byte 0/1 each: w is 2^(64−bits) where it is 1, else 0. */
export function wrapsOf(c: BigUint64Array): Uint8Array {
  return xorInto(z64.bitAt(c, 63), new Uint8Array(c.length).fill(1));
}

/** P0, P1: ⟨z⟩ → ⟨z / 2^bits⟩. */
export async function workersDealt(party: Party, z: BigUint64Array, bits: number): Promise<BigUint64Array> {
  checkTruncationBits(bits);
  const y = fresh(z.length);
  await party.chunks(z.length, async (chunk, from, to) => {
    const count = to - from;
    const masked = maskForTruncation(chunk, z.subarray(from, to));
    const [c, dealt] = await Promise.all([
      open(chunk, 'c', masked), // step 1
      dealtShifted(chunk, count, bits),
    ]);
    const { shift, top } = dealt;
    chunk.compute.truncateDealt(chunk.worker, c, { bits, shift, top }, y.subarray(from, to)); // step 2
    release(c, dealt.all);
  });
  return y;
}

/** P2: deals for `count` elements. `part` is what z lacks at the workers: P2's part of a product. */
export async function helperDealt(party: Party, count: number, bits: number, part?: BigUint64Array): Promise<void> {
  checkTruncationBits(bits);
  await party.chunks(count, async (chunk, from, to) => {
    const R = helperMask(chunk, from, to, part);
    await dealShifted(chunk, R, bits);
    release(R);
  });
}

/** P2: R of elements from … to. */
export function helperMask(chunk: Party, from: number, to: number, part: BigUint64Array | undefined): BigUint64Array {
  const S = z64.absorb(chunk.stream('P0', 'R').z64(to - from), chunk.stream('P1', 'R').z64(to - from));
  return part === undefined ? S : z64.decrease(S, part.subarray(from, to));
}

/** P0, P1: what is opened for c, from this worker's z. */
export function maskForTruncation(chunk: Party, z: BigUint64Array): BigUint64Array {
  return z64.accumulate(chunk.stream('P2', 'R').z64(z.length), z, chunk.worker === 0 ? OFFSET_HIGH : 0);
}

/**
 * What P2 deals of R, one array of words. R: R >> bits over Z_{2^64} and R_63 over Z_{2^bits}, packed (`fields.ts`). qR, for a product with bits q:
 * q·(R >> bits) and q·R_63 likewise. q: q over Z_{2^64}.
 */
export type DealtOf = 'R' | 'R,qR' | 'R,q,qR' | 'qR' | 'q,qR';

/** One party's part of it, as views of the array; empty where it is not dealt. */
export interface Dealt {
  /** All of it, of which the others are views. */
  readonly all: BigUint64Array;
  readonly shift: BigUint64Array;
  readonly top: Uint8Array;
  readonly qShift: BigUint64Array;
  readonly qTop: Uint8Array;
  readonly q: BigUint64Array;
  /** What else is dealt in this message, over Z_{2^64} and, packed, over Z_{2^bits}. */
  readonly words: BigUint64Array;
  readonly fields: Uint8Array;
}

/** Elements of what else is dealt: words over Z_{2^64}, fields over Z_{2^bits}. */
export interface More {
  readonly words: number;
  readonly fields: number;
}

const NO_MORE: More = { words: 0, fields: 0 };

/** The purpose that it is dealt under. */
const PURPOSE = 'R>>';

/** P2. `q`, for a product, has one byte 0/1 an element; `rest` is dealt with it, of its fields the low bits. */
export async function dealShifted(
  party: Party,
  R: BigUint64Array,
  bits: number,
  what: DealtOf = 'R',
  q?: Uint8Array,
  rest?: { readonly words: BigUint64Array; readonly fields: BigUint64Array },
): Promise<void> {
  const { depth } = party; // independent of what may be received while this computes
  await party.answersFirst();
  const more = rest === undefined ? NO_MORE : { words: rest.words.length, fields: rest.fields.length };
  const drawn = party.stream(party.drawer, PURPOSE).z64(dealtWords(R.length, bits, what, more));
  const view = views(drawn, R.length, bits, what, more);
  if (view.shift.length > 0) party.compute.deal({ mask: R, bits, words: view.shift, top: view.top });
  if (q !== undefined) {
    const bitWords = view.q.length > 0 ? { bitWords: view.q } : {};
    party.compute.deal({ mask: R, bits, keep: q, words: view.qShift, top: view.qTop, ...bitWords });
  }
  if (rest !== undefined) {
    z64.subtractFrom(rest.words, view.words);
    const fields = z64.sub(rest.fields, unpackFields(view.fields, bits, more.fields));
    view.fields.set(packFields(fields, 0, bits));
  }
  await party.send(receiverOf(party), PURPOSE, drawn, depth);
}

/** P0, P1: this worker's shares of what `dealShifted` deals for `count` elements, and what else is dealt. */
export async function dealtShifted(
  party: Party,
  count: number,
  bits: number,
  what: DealtOf = 'R',
  more: More = NO_MORE,
): Promise<Dealt> {
  return views(await dealtZ64(party, PURPOSE, dealtWords(count, bits, what, more)), count, bits, what, more);
}

/** Of sending `what` for `count` elements, and what else is dealt. */
export function dealtMessage(
  count: number,
  bits: number,
  what: DealtOf = 'R',
  more: More = NO_MORE,
): [label: string, bytes: number] {
  return [`:${PURPOSE}`, 8 * dealtWords(count, bits, what, more)];
}

/** How many elements there are of R, of qR and of q. */
function dealtCounts(count: number, what: DealtOf): [ofR: number, ofProducts: number, ofBits: number] {
  return [what.startsWith('R') ? count : 0, what.endsWith('qR') ? count : 0, what.includes('q,') ? count : 0];
}

function dealtWords(count: number, bits: number, what: DealtOf, { words, fields }: More): number {
  const [ofR, ofProducts, ofBits] = dealtCounts(count, what);
  const own = ofR + topWords(ofR, bits) + ofProducts + topWords(ofProducts, bits) + ofBits;
  return own + words + Math.ceil((fields * bits) / 64);
}

function views(dealt: BigUint64Array, count: number, bits: number, what: DealtOf, { words, fields }: More): Dealt {
  const [ofR, ofProducts, ofBits] = dealtCounts(count, what);
  const atQShift = ofR + topWords(ofR, bits);
  const atQTop = atQShift + ofProducts;
  const atQ = atQTop + topWords(ofProducts, bits);
  const atWords = atQ + ofBits;
  const atFields = atWords + words;
  return {
    all: dealt,
    shift: dealt.subarray(0, ofR),
    top: packed(dealt, ofR, ofR, bits),
    qShift: dealt.subarray(atQShift, atQTop),
    qTop: packed(dealt, atQTop, ofProducts, bits),
    q: dealt.subarray(atQ, atWords),
    words: dealt.subarray(atWords, atFields),
    fields: bytesAt(dealt, atFields, fieldsLength(fields, bits)),
  };
}

/** `count` shared bits that begin at an element. */
function packed(dealt: BigUint64Array, at: number, count: number, bits: number): Uint8Array {
  return bytesAt(dealt, at, fieldsLength(count, fieldWidth(bits)));
}

function bytesAt(dealt: BigUint64Array, at: number, length: number): Uint8Array {
  return new Uint8Array(dealt.buffer, dealt.byteOffset + 8 * at, length);
}

/** 64-bit words that hold `count` elements of Z_{2^bits}. */
function topWords(count: number, bits: number): number {
  return Math.ceil((count * fieldWidth(bits)) / 64);
}

export function dealtCost(count: number, bits: number, chunk: number): Cost {
  return chunked(count, chunk, (n) => ({ rounds: 1, bytes: 16 * n + dealtMessage(n, bits)[1] }));
}

export function dealtStages(bits: number): Stage[] {
  return inChunks((n) => [step('exchange', [':c', 8 * n]), step('ahead', dealtMessage(n, bits))]);
}
