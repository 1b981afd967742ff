/**
 * The sign of a value a that is opened as c = a + R, by a comparison function (`dcf.ts`) in the place of PrivateCompare: what `openedSign.ts` does in its
 * rounds 2 and 3, in one round, and P2 receives nothing, so nothing that it deals can come back to it.
 *
 * Modulo 2^k, c and R from bit `from` on:
 *   Ahead:   P2 deals a key for a threshold ρ of k − 1 bits (`functionKeys.ts`), and tells both workers which one it is, or that there is none: then
 *            they compare by digits, of which P2 hears, but which it proves. Bits e_0 and e_1 are from k02 and k12
 *   Shift:   P2 sets the top bit of ρ to 1 ⊕ q ⊕ e_0 ⊕ e_1 with its bit q, and tells both workers Δ = ρ − R. So x = c + Δ is a + ρ, and
 *            DReLU(a) = 1 ⊕ x_top ⊕ ρ_top ⊕ [x < ρ], of x and ρ the low k − 1 bits
 *   Round 2: each worker evaluates its key at x: V_j. P0, P1 exchange m_j = V_j ⊕ e_j, P0's with x_top: t = m_0 ⊕ m_1, and DReLU(a) = t ⊕ q as there
 *
 * Views: Δ is uniform, its low bits by ρ, its top bit by the other worker's e; t is by the other worker's part of q; m of the other is t ⊕ m of one's
 * own. Corrections of keys are pseudo-random. None depends on what a worker sends. P2 sees nothing.
 * Cost: 1 round after the opening of c. A message of Δ to each worker, of k bits an element, and what keys take.
 */
import { packBits, packedBitsLength, unpackBits, xorInto } from '../../ring/bits.ts';
import { fieldsLength, fieldWidth, packFields, unpackFields } from '../../ring/fields.ts';
import { release } from '../../ring/release.ts';
import * as z64 from '../../ring/z64.ts';
import { exchange } from '../../party/open.ts';
import type { Party } from '../../party/party.ts';
import { type Step, step } from '../../party/steps.ts';
import { evaluate } from './dcf.ts';
import type { FunctionKeys, KeyRange } from './functionKeys.ts';

/** Bits from … from + k − 1 of c and R. */
export interface FunctionWindow {
  readonly from: number;
  readonly k: number;
}

/** What a worker has before c is known. */
export interface FunctionAhead {
  readonly keys: readonly KeyRange[];
  /** Δ. */
  readonly shift: BigUint64Array;
  /** e_j. */
  readonly own: Uint8Array;
}

/** In the place of the first key's index. */
const NO_KEYS: bigint = 2n ** 64n - 1n;

/** P0, P1. Nothing where P2 has no keys for this. */
export async function ahead(
  party: Party,
  { k }: FunctionWindow,
  keys: FunctionKeys,
  count: number,
): Promise<FunctionAhead | undefined> {
  const [start] = await party.receive('P2', 'keys', 'u64', 1);
  if (start === NO_KEYS) return undefined;
  const own = party.stream('P2', 'e').bits(count);
  const shift = fromWire(await party.receive('P2', 'shift', 'u8', shiftBytes(k, count)), k, count);
  return { keys: await keys.held(k - 1, Number(start), count), shift, own };
}

/** P0, P1: writes t, one byte 0/1 each, and returns it. `flip` turns the top bit of c round. */
export async function workers(
  party: Party,
  { from, k }: FunctionWindow,
  { keys, shift, own }: FunctionAhead,
  c: BigUint64Array,
  t: Uint8Array,
  flip: 0 | 1 = 0,
): Promise<Uint8Array> {
  const x = z64.accumulate(shift, z64.bitField(c, from, from + k));
  const mine = new Uint8Array(c.length);
  let at = 0;
  for (const range of keys) {
    const count = range.to - range.from;
    mine.set(evaluate(k - 1, party.worker, x.subarray(at, at + count), range.keys, range.from), at);
    at += count;
    await party.pause();
  }
  if (party.worker === 0) z64.xorBitAt(mine, own, x, k - 1, flip, mine);
  else xorInto(mine, own);
  release(x);
  const packed = packBits(mine);
  const theirs = await exchange(party, 't', packed);
  t.set(xorInto(unpackBits(theirs, c.length), mine));
  party.note('t', t);
  return t;
}

/** P2, with its bits q. False where there are no keys. */
export async function helper(
  party: Party,
  { from, k }: FunctionWindow,
  keys: FunctionKeys,
  R: BigUint64Array,
  q: Uint8Array,
): Promise<boolean> {
  const count = R.length;
  const dealt = await keys.deal(k - 1, count);
  const first = BigUint64Array.of(dealt === undefined ? NO_KEYS : BigInt(dealt.start));
  const named = Promise.all([party.send('P0', 'keys', first), party.send('P1', 'keys', first.slice())]);
  if (dealt === undefined) {
    await named;
    return false;
  }
  const X = z64.bitField(R, from, from + k);
  const top = xorInto(party.stream('P0', 'e').bits(count), party.stream('P1', 'e').bits(count));
  for (let i = 0; i < count; i++) top[i] ^= 1 ^ q[i];
  const rho = z64.accumulate(z64.shiftLeft(z64.fromBytes(top), k - 1), dealt.thresholds);
  const message = toWire(z64.lowBits(z64.decrease(rho, X), k), k);
  release(X);
  await Promise.all([named, party.send('P0', 'shift', message.slice()), party.send('P1', 'shift', message)]);
  return true;
}

/** Elements of Z_{2^k}. */
function toWire(x: BigUint64Array, k: number): Uint8Array {
  return fieldWidth(k) === 64 ? new Uint8Array(x.buffer, x.byteOffset, x.byteLength) : packFields(x, 0, k);
}

function fromWire(packed: Uint8Array, k: number, count: number): BigUint64Array {
  if (fieldWidth(k) !== 64) return unpackFields(packed, k, count);
  return new BigUint64Array(packed.slice().buffer);
}

function shiftBytes(k: number, count: number): number {
  return fieldsLength(count, fieldWidth(k));
}

/** Of `count` values, without keys. */
export function bytes({ k }: FunctionWindow, count: number): number {
  return 2 * 8 + 2 * shiftBytes(k, count) + 2 * packedBitsLength(count);
}

/** After the opening of c. Keys come besides (`functionKeys.ts`). */
export function steps({ k }: FunctionWindow, count: number): Step[] {
  return [
    step('tell', [':keys', 8], [':shift', shiftBytes(k, count)]),
    step('exchange', [':t', packedBitsLength(count)]),
  ];
}
