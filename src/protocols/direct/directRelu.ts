/**
 * DReLU and ReLU of the direct suite: one opening for compare and multiply (PROTOCOLS §3).
 *
 * For |a| < 2^(k−1) the sign of a is bit k−1 of a mod 2^k, and shares reduce mod 2^k locally.
 *   Ahead:   R uniform over Z_{2^64}, shares from k02 and k12, and a uniform bit q = q_0 ⊕ q_1, q_0 from k02 and q_1 from k12, so that P2
 *            alone knows R and q. P2 deals the digits of R mod 2^(k−1) over Z_p, ⟨q⟩ and ⟨q·R⟩ over Z_{2^64}
 *   Round 1: P0, P1 open c = a + R
 *   Round 2: PrivateCompare of X = R mod 2^(k−1) against Y = c mod 2^(k−1): borrow = [X > Y]
 *   Round 3: MSB(a) = c_{k−1} ⊕ R_{k−1} ⊕ borrow. P2 tells both workers v = 1 ⊕ R_{k−1} ⊕ β' ⊕ q, who set t = c_{k−1} ⊕ β ⊕ v;
 *            DReLU(a) = t ⊕ q, t known to both workers, q to P2 alone
 *   Local:   ⟨q·a⟩ = c⟨q⟩ − ⟨qR⟩;  ⟨ReLU⟩ = t⟨a⟩ + (1 − 2t)⟨q·a⟩;  ⟨DReLU⟩ = t + (1 − 2t)⟨q⟩
 * Backward (select): t, ⟨q⟩ and q are kept. Open e = δ + V, P2 deals ⟨qV⟩: q·δ = q·e − qV. One round, no comparison.
 *
 * With `drop` > 0 the bits below 2^drop stay out of the comparison: the window is on a >> drop, X and Y are R >> drop and c >> drop, and R
 * and c enter the product whole. A borrow out of the dropped bits is missed, so the sign may be wrong for −2^drop < a < 0 and there
 * alone: an error of less than one unit of 2^drop in the ReLU, and in a maximum.
 *
 * DReLU(0) = 1. Views: c and e are masked by R and V, v by q, all uniform and fresh (of q each worker knows one part, and its share of what
 * is dealt of q, which is uniform whatever q is); P2 sees d (see privateCompare.ts), and β' = β ⊕ borrow with β uniform and unknown to it.
 * With q ahead of the comparison, all that is dealt is sent ahead, and P2 answers with one bit where it would have to deal 16 bytes.
 * Rounds 2 and 3 are in `openedSign.ts`. The local line is one pass (`select`; P2: `deal`): it draws and sends what the steps one by
 * one would.
 */
import { type DigitCode, P17, P31, type SelectJob } from '../../../runtime/compute.ts';
import { xorInto } from '../../ring/bits.ts';
import { fresh, freshBytes } from '../../ring/pool.ts';
import { release } from '../../ring/release.ts';
import * as z64 from '../../ring/z64.ts';
import { chunked, type Cost } from '../../party/cost.ts';
import { dealtZ64, receiverOf } from '../../party/deal.ts';
import { open } from '../../party/open.ts';
import type { Functions, SignWindow } from './openedSign.ts';
import * as openedSign from './openedSign.ts';
import type { Party } from '../../party/party.ts';
import { inChunks, type Stage, step } from '../../party/steps.ts';
import { helperMask } from './dealtTruncation.ts';

/** Narrowest and widest window the digit codes hold. */
const MIN_COMPARE_BITS = 2;
const MAX_COMPARE_BITS = 61;

/** The digit code for windows of k bits: k − 1 bits are compared. */
export function codeFor(compareBits: number): DigitCode {
  if (!Number.isInteger(compareBits) || compareBits < MIN_COMPARE_BITS || compareBits > MAX_COMPARE_BITS) {
    throw new RangeError(
      `comparison window of ${compareBits} bits: expected ${MIN_COMPARE_BITS} … ${MAX_COMPARE_BITS}`,
    );
  }
  return compareBits <= 33 ? P17 : P31;
}

/** The window on a >> drop: bit drop + k − 1 of a is read as its sign. */
export function windowFor(compareBits: number, drop: number, functions: Functions | undefined): SignWindow {
  const k = Math.min(compareBits, 64 - drop);
  return { from: drop, k, code: codeFor(k), functions };
}

/** What the workers keep: DReLU(a) = t ⊕ q. */
export interface WorkerSign {
  /** Known to both workers, one byte 0/1 each. */
  readonly t: Uint8Array;
  /** This worker's share of q over Z_{2^64}. */
  readonly q: BigUint64Array;
}

export type ChunkProduct = (chunk: Party, job: SelectJob, from: number, to: number, out: BigUint64Array) => void;

/**
 * P0, P1: the three rounds for `count` ⟨a⟩, or parts of them (`dealtTruncation.ts`), and a product with the kept bits. `addTo` adds a chunk of ⟨a⟩ to
 * the mask that it is given, in place; `product` takes a chunk's opening and shares of q and of what P2 deals of q and R, and writes to `out`.
 */
export async function workersCompare(
  party: Party,
  count: number,
  addTo: (mask: BigUint64Array, from: number, to: number) => BigUint64Array,
  compareBits: number,
  drop: number,
  product: ChunkProduct,
  functions?: Functions,
): Promise<{ y: BigUint64Array; sign: WorkerSign }> {
  const window = windowFor(compareBits, drop, functions);
  const y = fresh(count);
  const sign = { t: freshBytes(count), q: fresh(count) };
  const task: CompareTask = { window, addTo, product, y, sign };
  await party.chunks(count, (chunk, from, to) => compareChunk(task, chunk, from, to));
  return { y, sign };
}

/** What its chunks compute, and where their results go. */
interface CompareTask {
  readonly window: SignWindow;
  readonly addTo: (mask: BigUint64Array, from: number, to: number) => BigUint64Array;
  readonly product: ChunkProduct;
  readonly y: BigUint64Array;
  readonly sign: WorkerSign;
}

/** No closure, for what V8 has compiled for one is gone once a full collection finds none alive. */
async function compareChunk(
  { window, addTo, product, y, sign }: CompareTask,
  chunk: Party,
  from: number,
  to: number,
): Promise<void> {
  const n = to - from;
  const masked = addTo(chunk.stream('P2', 'R').z64(n), from, to);
  const [c, ahead, dealt] = await Promise.all([
    open(chunk, 'c', masked), // round 1
    ...chunk.meanwhile(openedSign.ahead(chunk, window, n), () => dealtZ64(chunk, 'q,qR', 2 * n)),
  ]);
  const known = await openedSign.workers(chunk, window, ahead, c, sign.t.subarray(from, to)); // rounds 2, 3
  const job = { t: known, opened: c, q: dealt.subarray(0, n), qMask: dealt.subarray(n) };
  product(chunk, job, from, to, y.subarray(from, to));
  sign.q.set(job.q, from);
  release(c, dealt);
}

/** P0, P1: ⟨a⟩ → ⟨ReLU(a)⟩ and the kept bits. */
export function workers(
  party: Party,
  a: BigUint64Array,
  compareBits: number,
  drop = 0,
  functions?: Functions,
): Promise<{ y: BigUint64Array; sign: WorkerSign }> {
  const addTo = (R: BigUint64Array, from: number, to: number): BigUint64Array =>
    z64.accumulate(R, a.subarray(from, to));
  const product: ChunkProduct = (chunk, job, from, to, out) => {
    chunk.compute.select(job, a.subarray(from, to), out);
  };
  return workersCompare(party, a.length, addTo, compareBits, drop, product, functions);
}

/** P2: q of `count` comparisons, one byte 0/1 each. */
export async function helperBits(party: Party, count: number): Promise<Uint8Array> {
  const [q0, q1] = [party.stream('P0', 'q'), party.stream('P1', 'q')];
  const q = new Uint8Array(count);
  await party.slices(count, (from, to) => q.set(xorInto(q0.bits(to - from), q1.bits(to - from)), from));
  return q;
}

/** P2, with its bits q. `part` is its part of a; `signed`: deals (2q − 1)·R in the place of q·R. */
export async function helper(
  party: Party,
  q: Uint8Array,
  compareBits: number,
  drop = 0,
  {
    part,
    signed = false,
    functions,
  }: {
    readonly part?: BigUint64Array | undefined;
    readonly signed?: boolean;
    readonly functions?: Functions | undefined;
  } = {},
): Promise<void> {
  const window = windowFor(compareBits, drop, functions);
  await party.chunks(q.length, async (chunk, from, to) => {
    const R = helperMask(chunk, from, to, part);
    const bits = q.subarray(from, to);
    await Promise.all([
      dealSelected(chunk, 'q,qR', bits, R, { withBit: true, signed }),
      openedSign.helper(chunk, window, R, bits), // rounds 2, 3
    ]);
    release(R);
  });
}

/** P0, P1: ⟨δ⟩ → ⟨DReLU(a) · δ⟩ from the bits kept of a. */
export async function workersSelect(party: Party, sign: WorkerSign, delta: BigUint64Array): Promise<BigUint64Array> {
  const y = fresh(delta.length);
  await party.chunks(delta.length, async (chunk, from, to) => {
    const n = to - from;
    const share = delta.subarray(from, to);
    const masked = z64.accumulate(chunk.stream('P2', 'V').z64(n), share);
    const [e, qV] = await Promise.all([open(chunk, 'e', masked), dealtZ64(chunk, 'qV', n)]);
    const select = { t: sign.t.subarray(from, to), opened: e, q: sign.q.subarray(from, to), qMask: qV };
    chunk.compute.select(select, share, y.subarray(from, to));
    release(e, qV);
  });
  return y;
}

/** P0, P1: this worker's shares of the kept bits, ⟨DReLU(a)⟩ = t + (1 − 2t)⟨q⟩. Local. */
export function workersBits(party: Party, { t, q }: WorkerSign): BigUint64Array {
  const signed = z64.negateWhere(t, q);
  return party.worker === 0 ? z64.accumulate(signed, z64.fromBytes(t)) : signed;
}

/** P2: deals for the select by its own bits q. */
export async function helperSelect(party: Party, q: Uint8Array): Promise<void> {
  await party.chunks(q.length, async (chunk, from, to) => {
    const n = to - from;
    const V = z64.absorb(chunk.stream('P0', 'V').z64(n), chunk.stream('P1', 'V').z64(n));
    const sent = dealSelected(chunk, 'qV', q.subarray(from, to), V);
    release(V);
    await sent;
  });
}

/** P2: deals q·R over Z_{2^64}, or (2q − 1)·R if `signed`, and q before it if `withBit`. */
export function dealSelected(
  party: Party,
  purpose: string,
  q: Uint8Array,
  R: BigUint64Array,
  { withBit = false, signed = false }: { readonly withBit?: boolean; readonly signed?: boolean } = {},
): Promise<void> {
  const first = withBit ? q.length : 0;
  const drawn = party.stream(party.drawer, purpose).z64(first + q.length);
  const bitWords = drawn.subarray(0, first);
  const words = drawn.subarray(first);
  party.compute.deal({ mask: R, bits: 0, keep: q, signed, words, ...(withBit && { bitWords }) });
  return party.send(receiverOf(party), purpose, drawn);
}

export function cost(count: number, compareBits: number, drop: number, chunk: number, functions?: Functions): Cost {
  const window = windowFor(compareBits, drop, functions);
  return chunked(count, chunk, (n) => ({
    rounds: openedSign.rounds(window),
    bytes: 16 * n + 16 * n + openedSign.bytes(window, n),
  }));
}

export function selectCost(count: number): Cost {
  return { rounds: 1, bytes: 24 * count };
}

export function stages(compareBits: number, drop: number, functions?: Functions): Stage[] {
  const window = windowFor(compareBits, drop, functions);
  return inChunks(
    (n) => openedSign.steps(window, n, step('exchange', [':c', 8 * n]), [[':q,qR', 16 * n]]),
    openedSign.keys(window),
  );
}

export function selectStages(): Stage[] {
  return inChunks((n) => [step('exchange', [':e', 8 * n]), step('ahead', [':qV', 8 * n])]);
}
