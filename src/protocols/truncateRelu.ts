/**
 * Truncate-and-ReLU of the direct suite (PROTOCOLS §3): the opening of the dealt truncation serves truncation, comparison and product.
 * Input z with 2f fractional bits, |z| < 2^62; output ReLU(z / 2^bits) and the kept bits.
 *
 * Common randomness and what P2 deals ahead: as in `truncation.ts` (R; R >> bits over Z_{2^64}, R_63 over Z_{2^bits}), and the digits
 * of (R >> bits) mod 2^(k−1) over Z_p. Write M = R >> bits.
 *   Round 1: P0, P1 open c = z + 2^62 + R. With C = (c >> bits) − 2^(62−bits): x = C − M + R_63·(1 − c_63)·2^(64−bits)
 *   Round 2: PrivateCompare of M mod 2^(k−1) against C mod 2^(k−1): borrow
 *   Round 3: MSB(x) = C_{k−1} ⊕ M_{k−1} ⊕ borrow. P2 sets q = 1 ⊕ M_{k−1} ⊕ β', the workers t = C_{k−1} ⊕ β; DReLU(x) = t ⊕ q.
 *            P2 deals ⟨q⟩, ⟨q·M⟩ over Z_{2^64} and ⟨q·R_63⟩ over Z_{2^bits}
 *   Local:   ⟨q·x⟩ = C⟨q⟩ − ⟨qM⟩ + ⟨q·R_63⟩·(1 − c_63)·2^(64−bits);  ⟨ReLU⟩ = t⟨x⟩ + (1 − 2t)⟨q·x⟩
 * The comparison is modulo 2^k, so the wrap 2^(64−bits) must vanish there: the window is min(k, 63 − bits), and |z| < 2^62 makes
 * |x| < 2^(62−bits) fit it.
 *
 * Truncate-and-select (backward): one opening c and ⟨M⟩, ⟨R_63⟩, ⟨qM⟩, ⟨q·R_63⟩; ⟨q⟩ and t are those kept from the comparison.
 *
 * Views: the workers see c, uniform under R; P2 sees what it sees in `directRelu.ts`. Cost against truncation then ReLU: 14 bytes and
 * one round less.
 */
import * as z64 from '../ring/z64.ts';
import { chunked, type Cost } from './cost.ts';
import { dealDigits, dealtDigits, digitsBytes } from './deal.ts';
import { codeFor, productWith, withKnownBit, xorBits, type WorkerSign } from './directRelu.ts';
import { open } from './open.ts';
import type { Party } from './party.ts';
import * as privateCompare from './privateCompare.ts';
import { inChunks, type Stage, step } from './steps.ts';
import {
  checkTruncationBits,
  dealShifted,
  dealtShifted,
  helperMask,
  maskForTruncation,
  wordsOf,
} from './truncation.ts';

function windowFor(compareBits: number, bits: number): number {
  return Math.min(compareBits, 63 - bits);
}

/** C = (c >> bits) − 2^(62 − bits). */
function shiftedOpening(c: BigUint64Array, bits: number): BigUint64Array {
  return z64.accumulate(z64.shiftRight(c, bits), BigUint64Array.of(-(1n << BigInt(62 - bits))));
}

/** ⟨q·x⟩ from C⟨q⟩, ⟨qM⟩ and ⟨q·R_63⟩. */
function product(
  c: BigUint64Array,
  C: BigUint64Array,
  q: BigUint64Array,
  qM: BigUint64Array,
  qTop: BigUint64Array,
  bits: number,
): BigUint64Array {
  const noWrap = z64.bitAt(c, 63);
  for (let i = 0; i < noWrap.length; i++) noWrap[i] ^= 1;
  return z64.accumulate(productWith(q, C, qM), z64.keepWhere(noWrap, z64.shiftLeft(qTop, 64 - bits)));
}

/** P0, P1: this worker's share, or part (`truncation.ts`), of z → ⟨ReLU(z / 2^bits)⟩ and the kept bits. */
export async function workers(
  party: Party,
  z: BigUint64Array,
  bits: number,
  compareBits: number,
): Promise<{ y: BigUint64Array; sign: WorkerSign }> {
  checkTruncationBits(bits);
  const k = windowFor(compareBits, bits);
  const code = codeFor(k);
  const y = new BigUint64Array(z.length);
  const t = new Uint8Array(z.length);
  const q = new BigUint64Array(z.length);
  await party.chunks(z.length, async (chunk, from, to) => {
    const n = to - from;
    const masked = maskForTruncation(chunk, z.subarray(from, to));
    const [shifted, digits, c] = await Promise.all([
      dealtShifted(chunk, 'R>>', n, n, bits),
      dealtDigits(chunk, 'digits', code, n),
      open(chunk, 'c', masked), // round 1
    ]);
    const x = chunk.compute.truncateDealt(chunk.worker, c, shifted.words, shifted.bit, bits);
    const C = shiftedOpening(c, bits);
    const beta = await privateCompare.workers(chunk, { code, orEqual: false }, digits, z64.lowBits(C, k - 1)); // round 2
    const known = xorBits(z64.bitAt(C, k - 1), beta, 0);
    const dealt = await dealtShifted(chunk, 'q,qM', 2 * n, n, bits); // round 3
    const qShare = dealt.words.subarray(0, n);
    y.set(withKnownBit(known, x, product(c, C, qShare, dealt.words.subarray(n), dealt.bit, bits)), from);
    t.set(known, from);
    q.set(qShare, from);
  });
  return { y, sign: { t, q } };
}

/** P2: returns q. `part` is P2's part of z, when z is a product in three parts. */
export async function helper(
  party: Party,
  count: number,
  bits: number,
  compareBits: number,
  part?: BigUint64Array,
): Promise<Uint8Array> {
  checkTruncationBits(bits);
  const k = windowFor(compareBits, bits);
  const code = codeFor(k);
  const q = new Uint8Array(count);
  await party.chunks(count, async (chunk, from, to) => {
    const R = helperMask(chunk, from, to, part);
    const M = z64.shiftRight(R, bits);
    const top = z64.bitAt(R, 63);
    const [, , betaPrime] = await Promise.all([
      dealShifted(chunk, 'R>>', M, top, bits),
      dealDigits(chunk, 'digits', code, z64.lowBits(M, k - 1)),
      privateCompare.helper(chunk, { code, orEqual: false }, to - from), // round 2
    ]);
    const known = xorBits(z64.bitAt(M, k - 1), betaPrime, 1);
    await dealShifted(
      chunk,
      'q,qM',
      z64.concat(z64.fromBytes(known), z64.keepWhere(known, M)),
      andBits(known, top),
      bits,
    ); // round 3
    q.set(known, from);
  });
  return q;
}

/** P0, P1: ⟨z⟩ or a part of it → ⟨DReLU · z / 2^bits⟩ with the bits kept from a comparison. */
export async function workersSelect(
  party: Party,
  sign: WorkerSign,
  z: BigUint64Array,
  bits: number,
): Promise<BigUint64Array> {
  checkTruncationBits(bits);
  const y = new BigUint64Array(z.length);
  await party.chunks(z.length, async (chunk, from, to) => {
    const n = to - from;
    const masked = maskForTruncation(chunk, z.subarray(from, to));
    const [shifted, selected, c] = await Promise.all([
      dealtShifted(chunk, 'R>>', n, n, bits),
      dealtShifted(chunk, 'qM', n, n, bits),
      open(chunk, 'c', masked),
    ]);
    const x = chunk.compute.truncateDealt(chunk.worker, c, shifted.words, shifted.bit, bits);
    const qx = product(c, shiftedOpening(c, bits), sign.q.subarray(from, to), selected.words, selected.bit, bits);
    y.set(withKnownBit(sign.t.subarray(from, to), x, qx), from);
  });
  return y;
}

/** P2: deals for the select by its own bits q. */
export async function helperSelect(party: Party, q: Uint8Array, bits: number, part?: BigUint64Array): Promise<void> {
  checkTruncationBits(bits);
  await party.chunks(q.length, async (chunk, from, to) => {
    const R = helperMask(chunk, from, to, part);
    const M = z64.shiftRight(R, bits);
    const top = z64.bitAt(R, 63);
    const kept = q.subarray(from, to);
    await Promise.all([
      dealShifted(chunk, 'R>>', M, top, bits),
      dealShifted(chunk, 'qM', z64.keepWhere(kept, M), andBits(kept, top), bits),
    ]);
  });
}

function andBits(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = a[i] & b[i];
  return out;
}

export function cost(count: number, bits: number, compareBits: number, chunk: number): Cost {
  const code = codeFor(windowFor(compareBits, bits));
  const { rounds } = privateCompare.cost(code, count, chunk);
  return chunked(count, chunk, (n) => ({
    rounds: 2 + rounds,
    bytes: 16 * n + 24 * n + 16 * wordsOf(n, bits) + digitsBytes(code, n) + privateCompare.cost(code, n, chunk).bytes,
  }));
}

export function selectCost(count: number, bits: number, chunk: number): Cost {
  return chunked(count, chunk, (n) => ({ rounds: 1, bytes: 16 * n + 16 * n + 16 * wordsOf(n, bits) }));
}

export function stages(bits: number, compareBits: number): Stage[] {
  const code = codeFor(windowFor(compareBits, bits));
  return inChunks((n) => [
    step('exchange', [':c', 8 * n]),
    step('ahead', [':R>>', 8 * n + 8 * wordsOf(n, bits)], [':digits', digitsBytes(code, n)]),
    ...privateCompare.steps(code, n),
    step('deal', [':q,qM', 16 * n + 8 * wordsOf(n, bits)]),
  ]);
}

export function selectStages(bits: number): Stage[] {
  const shifted = (n: number): number => 8 * n + 8 * wordsOf(n, bits);
  return inChunks((n) => [step('exchange', [':c', 8 * n]), step('ahead', [':R>>', shifted(n)], [':qM', shifted(n)])]);
}
