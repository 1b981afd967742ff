/**
 * The sign of a value a that is opened as c = a + R under a mask R of P2's, for the protocols of the direct suite (PROTOCOLS §3): rounds 2
 * and 3 of `directRelu.ts`, `truncateRelu.ts` and `largerRelu.ts`, which say what a, R and c are and what else is dealt.
 *
 *   Ahead:   P2 deals the digits of X, the compared bits of R, over Z_p
 *   Round 2: PrivateCompare of X against Y, the same bits of c: borrow = [X > Y]
 *   Round 3: the sign of a is c_top ⊕ R_top ⊕ borrow. P2 tells both workers v = 1 ⊕ R_top ⊕ β' ⊕ q with its bit q, uniform and drawn
 *            ahead, and they set t = c_top ⊕ β ⊕ v: DReLU(a) = t ⊕ q
 *
 * A window may say that comparison functions take their place (`functionSign.ts`), where P2 has keys for them: one round, of which P2 hears nothing.
 */
import type { DigitCode } from '../../../runtime/compute.ts';
import { packedBitsLength } from '../../ring/bits.ts';
import { release } from '../../ring/release.ts';
import * as z64 from '../../ring/z64.ts';
import { tellBits, toldBits } from '../../party/deal.ts';
import type { Party, Security } from '../../party/party.ts';
import type { FunctionKeys } from './functionKeys.ts';
import * as functionSign from './functionSign.ts';
import * as codeProof from '../paper/codeProof.ts';
import * as privateCompare from '../paper/privateCompare.ts';
import { type Stage, type Step, step } from '../../party/steps.ts';

/** Bits from … from + k − 2 are compared, bit from + k − 1 is the top one. */
export interface SignWindow {
  readonly from: number;
  readonly k: number;
  readonly code: DigitCode;
  readonly functions?: Functions | undefined;
}

/**
 * The keys of comparison functions; where nothing is computed that they are used is enough to know. `proved`: not functions, but digits that are
 * proved, which a party with that security does anyway: only what is declared depends on it.
 */
export type Functions = FunctionKeys | 'counted' | 'proved';

/** What the workers take and draw while c is being opened. */
type Ahead = DigitsAhead | functionSign.FunctionAhead;

interface DigitsAhead {
  readonly digits: codeProof.Digits;
  readonly random: privateCompare.Random;
}

function keysOf({ functions }: SignWindow): FunctionKeys | undefined {
  if (functions === 'counted') throw new Error('comparisons that are counted alone are computed');
  return functions === 'proved' ? undefined : functions;
}

/** P0, P1: what to do before c is known. */
export function ahead(party: Party, window: SignWindow, count: number): () => Promise<Ahead> {
  const keys = keysOf(window);
  if (keys === undefined) return digitsAhead(party, window, count);
  return async () => (await functionSign.ahead(party, window, keys, count)) ?? digitsAhead(party, window, count)();
}

function digitsAhead(party: Party, { code }: SignWindow, count: number): () => Promise<DigitsAhead> {
  const digits = codeProof.dealt(party, 'digits', code, count);
  return async () => {
    const random = privateCompare.draw(party, code, count);
    return { digits: await digits(), random };
  };
}

/** P0, P1: writes t, one byte 0/1 each, and returns it. `flip` turns the top bit of c round. */
export async function workers(
  party: Party,
  window: SignWindow,
  ahead: Ahead,
  c: BigUint64Array,
  t: Uint8Array,
  flip: 0 | 1 = 0,
): Promise<Uint8Array> {
  if ('keys' in ahead) return functionSign.workers(party, window, ahead, c, t, flip);
  const { from, k, code } = window;
  const { digits, random } = ahead;
  const Y = z64.bitField(c, from, from + k - 1);
  const beta = await privateCompare.workers(party, { code, orEqual: false }, random, digits, Y); // round 2
  release(Y);
  const v = await toldBits(party, 'v', c.length); // round 3
  z64.xorBitAt(v, beta, c, from + k - 1, flip, t);
  release(v, beta);
  return t;
}

/** P2, with its bits q. */
export async function helper(party: Party, window: SignWindow, R: BigUint64Array, q: Uint8Array): Promise<void> {
  const { from, k, code } = window;
  const keys = keysOf(window);
  if (keys !== undefined && (await functionSign.helper(party, window, keys, R, q))) return;
  const X = z64.bitField(R, from, from + k - 1);
  const [, betaPrime] = await Promise.all([
    codeProof.deal(party, 'digits', code, X).then(() => release(X)),
    privateCompare.helper(party, { code, orEqual: false }, R.length), // round 2
  ]);
  const v = z64.xorBitAt(betaPrime, q, R, from + k - 1, 1, betaPrime);
  await tellBits(party, 'v', v); // round 3
  release(v);
}

/** Of digits. */
function securityOf({ functions }: SignWindow): Security {
  return functions === 'proved' ? 'private' : 'semi-honest';
}

/** With the opening of c. */
export function rounds({ functions }: SignWindow): number {
  return functions === undefined || functions === 'proved' ? 3 : 2;
}

/** Of `count` values, without the keys of functions, which are a session's. */
export function bytes(window: SignWindow, count: number): number {
  const { code, functions } = window;
  if (functions !== undefined && functions !== 'proved') return functionSign.bytes(window, count);
  const digits = codeProof.bytes(code, count, securityOf(window));
  return digits + privateCompare.cost(code, count, count).bytes + 2 * packedBitsLength(count);
}

/** The keys of functions that a value takes which is compared `each` times. */
export function keys({ k, functions }: SignWindow, each = 1): Stage['keys'] {
  return functions === undefined || functions === 'proved' ? undefined : { each, bits: k - 1 };
}

/** All: `opening` is that of c, `dealt` what else is dealt ahead. */
export function steps(
  window: SignWindow,
  count: number,
  opening: Step,
  dealt: readonly [label: string, bytes: number][],
): Step[] {
  const { code, functions } = window;
  if (functions !== undefined && functions !== 'proved')
    return [opening, step('ahead', ...dealt), ...functionSign.steps(window, count)];
  const digits = { purpose: 'digits', code, count };
  return [
    ...codeProof.steps(opening, 'ahead', dealt, digits, securityOf(window)),
    ...privateCompare.steps(code, count),
    step('tell', [':v', packedBitsLength(count)]),
  ];
}
