/**
 * The sign of a value a that is opened as c = a + R under a mask R of P2's, for the protocols of the direct suite (PROTOCOLS §3): rounds 2
 * and 3 of `directRelu.ts`, `truncateRelu.ts` and `largerRelu.ts`, which say what a, R and c are and what else is dealt.
 *
 *   Ahead:   P2 deals the digits of X, the compared bits of R, over Z_p
 *   Round 2: PrivateCompare of X against Y, the same bits of c: borrow = [X > Y]
 *   Round 3: the sign of a is c_top ⊕ R_top ⊕ borrow. P2 tells both workers v = 1 ⊕ R_top ⊕ β' ⊕ q with its bit q, uniform and drawn
 *            ahead, and they set t = c_top ⊕ β ⊕ v: DReLU(a) = t ⊕ q
 */
import type { DigitCode } from '../../../runtime/compute.ts';
import { packedBitsLength } from '../../ring/bits.ts';
import { release } from '../../ring/release.ts';
import * as z64 from '../../ring/z64.ts';
import { dealDigits, dealtDigits, digitsBytes, tellBits, toldBits } from '../../party/deal.ts';
import type { Party } from '../../party/party.ts';
import * as privateCompare from '../paper/privateCompare.ts';
import { type Step, step } from '../../party/steps.ts';

/** Bits from … from + k − 2 are compared, bit from + k − 1 is the top one. */
export interface SignWindow {
  readonly from: number;
  readonly k: number;
  readonly code: DigitCode;
}

/** What the workers take and draw while c is being opened. */
interface Ahead {
  readonly digits: Uint8Array;
  readonly random: privateCompare.Random;
}

/** P0, P1: before c is known. */
export async function ahead(party: Party, { code }: SignWindow, count: number): Promise<Ahead> {
  const random = privateCompare.draw(party, code, count);
  return { digits: await dealtDigits(party, 'digits', code, count), random };
}

/** P0, P1: writes t, one byte 0/1 each, and returns it. `flip` turns the top bit of c round. */
export async function workers(
  party: Party,
  { from, k, code }: SignWindow,
  { digits, random }: Ahead,
  c: BigUint64Array,
  t: Uint8Array,
  flip: 0 | 1 = 0,
): Promise<Uint8Array> {
  const Y = z64.bitField(c, from, from + k - 1);
  const beta = await privateCompare.workers(party, { code, orEqual: false }, random, digits, Y); // round 2
  release(Y);
  const v = await toldBits(party, 'v', c.length); // round 3
  z64.xorBitAt(v, beta, c, from + k - 1, flip, t);
  release(v, beta);
  return t;
}

/** P2, with its bits q. */
export async function helper(
  party: Party,
  { from, k, code }: SignWindow,
  R: BigUint64Array,
  q: Uint8Array,
): Promise<void> {
  const X = z64.bitField(R, from, from + k - 1);
  const [, betaPrime] = await Promise.all([
    dealDigits(party, 'digits', code, X).then(() => release(X)),
    privateCompare.helper(party, { code, orEqual: false }, R.length), // round 2
  ]);
  const v = z64.xorBitAt(betaPrime, q, R, from + k - 1, 1, betaPrime);
  await tellBits(party, 'v', v); // round 3
  release(v);
}

/** Of `count` values: two rounds. */
export function bytes(code: DigitCode, count: number): number {
  return digitsBytes(code, count) + privateCompare.cost(code, count, count).bytes + 2 * packedBitsLength(count);
}

/** What is dealt ahead, as a message of the step that deals the rest. */
export function digitsMessage(code: DigitCode, count: number): [label: string, bytes: number] {
  return [':digits', digitsBytes(code, count)];
}

/** The steps after that and the opening of c. */
export function steps(code: DigitCode, count: number): Step[] {
  return [...privateCompare.steps(code, count), step('tell', [':v', packedBitsLength(count)])];
}
