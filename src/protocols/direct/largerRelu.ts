/**
 * max(x, y, 0) of two values to be truncated, in the three rounds of one comparison where a tree takes six: for a few values, whose time is the
 * link's. The direct suite; x and y are z_1 / 2^bits and z_2 / 2^bits, shares or parts of products (`dealtTruncation.ts`).
 *
 * Three comparisons side by side, s_1 = [x ≥ 0], s_2 = [y ≥ 0] and s_3 = [x ≥ y]; the mask and the opening of x − y are differences of those of x
 * and y. Then max(x, y, 0) = s_3·s_1·x + (1 − s_3)·s_2·y: one of the three values, whatever the bits are. As in `directRelu.ts` s_i = t_i ⊕ q_i
 * with bits q_i that P2 knows ahead, so it knows q_3·q_1 and q_3·q_2 ahead, too.
 *   Ahead:   R, M = R >> bits and R_63 as in `dealtTruncation.ts` for x and for y; P2 deals the digits of M_1, M_2 and M_1 − M_2 mod 2^(k−1), and for
 *            each of q ∈ {q_1 | q_2, q_3, q_3·q_1 | q_3·q_2} ⟨q⟩, ⟨q·M⟩ and ⟨q·R_63⟩ as in `truncateRelu.ts`
 *   Round 1: P0, P1 open c = z + 2^62 + R for both; C = (c >> bits) − 2^(62−bits)
 *   Round 2: PrivateCompare of M_1, M_2, M_1 − M_2 against C_1, C_2, C_1 − C_2, all mod 2^(k−1)
 *   Round 3: P2 tells v for the three, the workers set t
 *   Local:   ⟨s·x⟩ from ⟨x⟩ and ⟨q·x⟩, ⟨q_3·s·x⟩ from ⟨q_3·x⟩ and ⟨q_3·q·x⟩, and from these two ⟨s_3·s·x⟩
 *
 * Views: as in `truncateRelu.ts`. The opening of x − y is a function of two openings, and its comparison has digits, β and rotation of its own.
 * Differences of x and y must lie inside the window. Cost against the tree: 3 rounds less, about 130 bytes more.
 */
import * as z64 from '../../ring/z64.ts';
import { chunked, type Cost } from '../../party/cost.ts';
import { dealtZ64, dealZ64 } from '../../party/deal.ts';
import { codeFor, helperBits } from './directRelu.ts';
import { open } from '../../party/open.ts';
import type { Functions, SignWindow } from './openedSign.ts';
import * as openedSign from './openedSign.ts';
import type { Party } from '../../party/party.ts';
import { inChunks, type Stage, step } from '../../party/steps.ts';
import {
  dealShifted,
  dealtMessage,
  dealtShifted,
  helperMask,
  maskForTruncation,
  shiftedOpening,
  truncatedWindow,
} from './dealtTruncation.ts';
import { checkTruncationBits } from '../paper/truncation.ts';

/** Of x, y and x − y. */
function windowFor(compareBits: number, bits: number, functions: Functions | undefined): SignWindow {
  checkTruncationBits(bits);
  const k = truncatedWindow(compareBits, bits);
  return { from: 0, k, code: codeFor(k), functions };
}

/** Rows 1 and 2, and their difference. */
function withDifference(x: BigUint64Array): BigUint64Array {
  const n = x.length / 2;
  return z64.concat(x, z64.sub(x.subarray(0, n), x.subarray(n)));
}

/** P0, P1: this worker's shares, or parts, of z_1 and z_2 → ⟨max(z_1, z_2, 0) / 2^bits⟩. */
export async function workers(
  party: Party,
  [z1, z2]: readonly [BigUint64Array, BigUint64Array],
  bits: number,
  compareBits: number,
  functions?: Functions,
): Promise<BigUint64Array> {
  const window = windowFor(compareBits, bits, functions);
  const y = new BigUint64Array(z1.length);
  await party.chunks(z1.length, async (chunk, from, to) => {
    const n = to - from;
    const [byThird, byBoth] = [chunk.fork('q3'), chunk.fork('q3q')];
    const masked = maskForTruncation(chunk, z64.concat(z1.subarray(from, to), z2.subarray(from, to)));
    const [c, one, third, both, q3, ahead] = await Promise.all([
      open(chunk, 'c', masked), // round 1
      ...chunk.meanwhile(
        () => dealtShifted(chunk, 2 * n, bits, 'R,q,qR'),
        () => dealtShifted(byThird, 2 * n, bits, 'qR'),
        () => dealtShifted(byBoth, 2 * n, bits, 'q,qR'),
        () => dealtZ64(chunk, 'q3', n),
        openedSign.ahead(chunk, window, 3 * n),
      ),
    ]);
    const C = shiftedOpening(c, bits);
    const t = await openedSign.workers(chunk, window, ahead, withDifference(C), new Uint8Array(3 * n)); // rounds 2, 3

    const known = t.subarray(0, 2 * n);
    const known3 = t.subarray(2 * n);
    const select = { t: known, opened: c, q: one.q, qMask: one.qShift };
    const selected = chunk.compute.truncateSelect(
      chunk.worker,
      select,
      { bits, shift: one.shift, top: one.top },
      one.qTop,
    );
    // q_3·x in the place of x: its C comes with ⟨q_3⟩, not from P0 alone
    const shift3 = z64.sub(third.qShift, z64.multiply(C, z64.concat(q3, q3)));
    const select3 = { t: known, opened: c, q: both.q, qMask: both.qShift };
    const selected3 = chunk.compute.truncateSelect(1, select3, { bits, shift: shift3, top: third.qTop }, both.qTop);

    // s_3·a + (1 − s_3)·b = b + t_3·(a − b) + (1 − 2·t_3)·q_3·(a − b)
    const difference = (rows: BigUint64Array): BigUint64Array => z64.sub(rows.subarray(0, n), rows.subarray(n));
    const sum = z64.add(selected.subarray(n), z64.keepWhere(known3, difference(selected)));
    z64.add(sum, z64.negateWhere(known3, difference(selected3)), y.subarray(from, to));
  });
  return y;
}

/** P2. `parts` are its parts of z_1 and z_2. */
export async function helper(
  party: Party,
  count: number,
  bits: number,
  compareBits: number,
  parts: readonly [BigUint64Array | undefined, BigUint64Array | undefined],
  functions?: Functions,
): Promise<void> {
  const window = windowFor(compareBits, bits, functions);
  await party.chunks(count, async (chunk, from, to) => {
    const n = to - from;
    const part = z64.concat(...parts.map((x) => x?.subarray(from, to) ?? new BigUint64Array(n)));
    const R = helperMask(chunk, 0, 2 * n, part);
    const q = await helperBits(chunk, 3 * n);
    const q3 = q.subarray(2 * n);
    const twice = new Uint8Array(2 * n);
    twice.set(q3);
    twice.set(q3, n);
    const both = twice.map((bit, i) => bit & q[i]);
    await Promise.all([
      dealShifted(chunk, R, bits, 'R,q,qR', q.subarray(0, 2 * n)),
      dealShifted(chunk.fork('q3'), R, bits, 'qR', twice),
      dealShifted(chunk.fork('q3q'), R, bits, 'q,qR', both),
      dealZ64(chunk, 'q3', z64.fromBytes(q3)),
      openedSign.helper(chunk, window, withDifference(z64.shiftRight(R, bits)), q), // rounds 2, 3
    ]);
  });
}

function dealt(n: number, bits: number): [label: string, bytes: number][] {
  const [third, both] = [dealtMessage(2 * n, bits, 'qR'), dealtMessage(2 * n, bits, 'q,qR')];
  return [
    dealtMessage(2 * n, bits, 'R,q,qR'),
    [`/q3${third[0]}`, third[1]],
    [`/q3q${both[0]}`, both[1]],
    [':q3', 8 * n],
  ];
}

export function cost(count: number, bits: number, compareBits: number, chunk: number, functions?: Functions): Cost {
  const window = windowFor(compareBits, bits, functions);
  return chunked(count, chunk, (n) => ({
    rounds: openedSign.rounds(window),
    bytes: 32 * n + dealt(n, bits).reduce((sum, [, bytes]) => sum + bytes, 0) + openedSign.bytes(window, 3 * n),
  }));
}

export function stages(bits: number, compareBits: number, functions?: Functions): Stage[] {
  const window = windowFor(compareBits, bits, functions);
  return inChunks(
    (n) => openedSign.steps(window, 3 * n, step('exchange', [':c', 16 * n]), dealt(n, bits)),
    openedSign.keys(window, 3),
  );
}
