/**
 * Truncate-and-ReLU of the direct suite (PROTOCOLS §3): the opening of the dealt truncation serves truncation, comparison and product.
 * Input a product z with `bits` surplus fractional bits, |z| < 2^62; output ReLU(z / 2^bits) and the kept bits.
 *
 * Common randomness and what P2 deals ahead: as in `dealtTruncation.ts` (R; M = R >> bits over Z_{2^64}, R_63 over Z_{2^bits}) and in
 * `directRelu.ts` (q; the digits of M mod 2^(k−1) over Z_p; q, q·M over Z_{2^64}, q·R_63 over Z_{2^bits}).
 *   Round 1: P0, P1 open c = z + 2^62 + R. With C = (c >> bits) − 2^(62−bits): x = C − M + R_63·(1 − c_63)·2^(64−bits)
 *   Round 2: PrivateCompare of M mod 2^(k−1) against C mod 2^(k−1): borrow
 *   Round 3: MSB(x) = C_{k−1} ⊕ M_{k−1} ⊕ borrow. P2 tells both workers v = 1 ⊕ M_{k−1} ⊕ β' ⊕ q, who set t = C_{k−1} ⊕ β ⊕ v;
 *            DReLU(x) = t ⊕ q
 *   Local:   ⟨q·x⟩ = C⟨q⟩ − ⟨qM⟩ + ⟨q·R_63⟩·(1 − c_63)·2^(64−bits);  ⟨ReLU⟩ = t⟨x⟩ + (1 − 2t)⟨q·x⟩
 * The comparison is modulo 2^k, so the wrap 2^(64−bits) must vanish there: the window is min(k, 63 − bits), and |z| < 2^62 makes
 * |x| < 2^(62−bits) fit it.
 *
 * Truncate-and-select (backward): one opening c and ⟨M⟩, ⟨R_63⟩, ⟨qM⟩, ⟨q·R_63⟩; ⟨q⟩ and t are those kept from the comparison.
 *
 * Views: the workers see c, uniform under R; P2 sees what it sees in `directRelu.ts`. Rounds 2 and 3 are in `openedSign.ts`. The local
 * line is one pass (`truncateSelect`; P2: `deal`): it draws and sends what the steps one by one would. The compared bits of C are those
 * of c >> bits, as 2^(62−bits) lies above. Cost against truncation then ReLU: 14 bytes and one round less.
 */
import { fresh, freshBytes } from '../../ring/pool.ts';
import { release } from '../../ring/release.ts';
import { chunked, type Cost } from '../../party/cost.ts';
import { codeFor, type WorkerSign } from './directRelu.ts';
import { open } from '../../party/open.ts';
import type { Functions, SignWindow } from './openedSign.ts';
import * as openedSign from './openedSign.ts';
import type { Party } from '../../party/party.ts';
import * as reluPowers from './reluPowers.ts';
import { inChunks, type Stage, step } from '../../party/steps.ts';
import {
  dealShifted,
  dealtMessage,
  dealtShifted,
  helperMask,
  maskForTruncation,
  truncatedWindow,
} from './dealtTruncation.ts';
import { checkTruncationBits } from '../paper/truncation.ts';

/** Of z, its opening and its mask: bits … bits + k − 1 are the low k bits of z / 2^bits. */
function windowFor(compareBits: number, bits: number, functions: Functions | undefined): SignWindow {
  checkTruncationBits(bits);
  const k = truncatedWindow(compareBits, bits);
  return { from: bits, k, code: codeFor(k), functions };
}

/** Bit k − 1 of C is bit bits + k − 1 of c, turned round where it is the bit that 2^(62−bits) is taken from. */
function turned({ k, from }: SignWindow): 0 | 1 {
  return k - 1 === 62 - from ? 1 : 0;
}

/**
 * P0, P1: this worker's share, or part (`dealtTruncation.ts`), of z → ⟨ReLU(z / 2^bits)⟩, the kept bits, and the ReLU's powers 2 … degree
 * (`reluPowers.ts`), of truncations by at most 32 bits.
 */
export async function workers(
  party: Party,
  z: BigUint64Array,
  bits: number,
  compareBits: number,
  functions?: Functions,
  degree = 1,
): Promise<{ y: BigUint64Array; sign: WorkerSign; powers: BigUint64Array[] }> {
  const window = windowFor(compareBits, bits, functions);
  const y = fresh(z.length);
  const powers = Array.from({ length: degree - 1 }, () => new BigUint64Array(z.length));
  const t = freshBytes(z.length);
  const q = fresh(z.length);
  await party.chunks(z.length, async (chunk, from, to) => {
    const n = to - from;
    const masked = maskForTruncation(chunk, z.subarray(from, to));
    const [c, dealt, ahead] = await Promise.all([
      open(chunk, 'c', masked), // round 1
      ...chunk.meanwhile(
        () => dealtShifted(chunk, n, bits, 'R,q,qR', reluPowers.dealtMore(n, degree)),
        openedSign.ahead(chunk, window, n),
      ),
    ]);
    const { all, shift, top, q: qShare, qShift, qTop } = dealt;
    const known = await openedSign.workers(chunk, window, ahead, c, t.subarray(from, to), turned(window)); // rounds 2, 3
    const select = { t: known, opened: c, q: qShare, qMask: qShift };
    chunk.compute.truncateSelect(chunk.worker, select, { bits, shift, top }, qTop, y.subarray(from, to));
    q.set(qShare, from);
    const found = reluPowers.powers(chunk.worker, c, known, dealt, bits, degree);
    for (const [i, power] of found.entries()) powers[i].set(power, from);
    release(c, all);
  });
  return { y, sign: { t, q }, powers };
}

/** P2, with its bits q (`directRelu.ts`). `part` is P2's part of z, when z is a product in three parts. */
export async function helper(
  party: Party,
  q: Uint8Array,
  bits: number,
  compareBits: number,
  part?: BigUint64Array,
  functions?: Functions,
  degree = 1,
): Promise<void> {
  const window = windowFor(compareBits, bits, functions);
  await party.chunks(q.length, async (chunk, from, to) => {
    const R = helperMask(chunk, from, to, part);
    const chosen = q.subarray(from, to);
    const more = degree > 1 ? reluPowers.deal(R, bits, chosen, degree) : undefined;
    await Promise.all([
      dealShifted(chunk, R, bits, 'R,q,qR', chosen, more),
      openedSign.helper(chunk, window, R, chosen), // rounds 2, 3
    ]);
    release(R);
  });
}

/** With powers. */
function dealt(n: number, bits: number, degree: number): [label: string, bytes: number] {
  return dealtMessage(n, bits, 'R,q,qR', reluPowers.dealtMore(n, degree));
}

/** P0, P1: ⟨z⟩ or a part of it → ⟨DReLU · z / 2^bits⟩ with the bits kept from a comparison. */
export async function workersSelect(
  party: Party,
  sign: WorkerSign,
  z: BigUint64Array,
  bits: number,
): Promise<BigUint64Array> {
  checkTruncationBits(bits);
  const y = fresh(z.length);
  await party.chunks(z.length, async (chunk, from, to) => {
    const n = to - from;
    const masked = maskForTruncation(chunk, z.subarray(from, to));
    const [c, { all, shift, top, qShift, qTop }] = await Promise.all([
      open(chunk, 'c', masked),
      dealtShifted(chunk, n, bits, 'R,qR'),
    ]);
    const select = { t: sign.t.subarray(from, to), opened: c, q: sign.q.subarray(from, to), qMask: qShift };
    chunk.compute.truncateSelect(chunk.worker, select, { bits, shift, top }, qTop, y.subarray(from, to));
    release(c, all);
  });
  return y;
}

/** P2: deals for the select by its own bits q. */
export async function helperSelect(party: Party, q: Uint8Array, bits: number, part?: BigUint64Array): Promise<void> {
  checkTruncationBits(bits);
  await party.chunks(q.length, async (chunk, from, to) => {
    const R = helperMask(chunk, from, to, part);
    await dealShifted(chunk, R, bits, 'R,qR', q.subarray(from, to));
    release(R);
  });
}

export function cost(
  count: number,
  bits: number,
  compareBits: number,
  chunk: number,
  functions?: Functions,
  degree = 1,
): Cost {
  const window = windowFor(compareBits, bits, functions);
  return chunked(count, chunk, (n) => ({
    rounds: openedSign.rounds(window),
    bytes: 16 * n + dealt(n, bits, degree)[1] + openedSign.bytes(window, n),
  }));
}

export function selectCost(count: number, bits: number, chunk: number): Cost {
  return chunked(count, chunk, (n) => ({ rounds: 1, bytes: 16 * n + dealtMessage(n, bits, 'R,qR')[1] }));
}

export function stages(bits: number, compareBits: number, functions?: Functions, degree = 1): Stage[] {
  const window = windowFor(compareBits, bits, functions);
  return inChunks(
    (n) => openedSign.steps(window, n, step('exchange', [':c', 8 * n]), [dealt(n, bits, degree)]),
    openedSign.keys(window),
  );
}

export function selectStages(bits: number): Stage[] {
  return inChunks((n) => [step('exchange', [':c', 8 * n]), step('ahead', dealtMessage(n, bits, 'R,qR'))]);
}
