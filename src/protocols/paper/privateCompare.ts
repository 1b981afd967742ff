/**
 * PrivateCompare (Alg. 3), in digits and without corner cases (PROTOCOLS §1). P2 knows X, the workers know Y; afterwards P2
 * knows β' = β ⊕ [X > Y] (or [X ≥ Y]), the workers know β, and nobody learns the comparison.
 *
 * Inputs: shares over Z_p of the thermometer digits of X (dealt before, `deal.ts`); Y public to P0 and P1.
 * Common randomness of P0, P1 (k01), fresh for every comparison: β, and per digit s_i ∈ Z_p*, u_i ∈ Z_p, and one rotation ρ.
 *   1. c_i = 1 − hit_i + Σ_{k above i} (1 − [x_k = y_k]); hit tests X > Y when β = 0, Y ≥ X when β = 1
 *   2. d_i = s_i · c_i in shares; P0 adds u_i, P1 subtracts it (the refresh: P2 dealt the digits and would otherwise learn
 *      c_{i,0} / c_{i,1} and with it β and Y); both rotate by ρ (the place of the zero would tell where X and Y differ)
 *   3. P0, P1 → P2: d (of codes that are proved: once they are, `codeProof.ts`);   P2: β' = [some d_i = 0]
 * P2 sees d: at most one zero, at a uniform place, everything else uniform and nonzero; each share of it alone uniform.
 *
 * Whitepaper: printed with single-bit digits, separate cases for r = 0 and r = 2^ℓ − 1, a permutation, no refresh, and the sign
 * of x_i − r_i reversed. A uniform rotation hides the place of the only zero as well as a permutation does.
 * Cost: 1 round, 2 · digits values of Z_p, packed. Arithmetic: runtime (`compareShare`, `compareTest`).
 */
import { type DigitCode, packedLength } from '../../../runtime/compute.ts';
import { release } from '../../ring/release.ts';
import { chunked, type Cost } from '../../party/cost.ts';
import type { Party } from '../../party/party.ts';
import type { Digits } from './codeProof.ts';
import { type Step, step } from '../../party/steps.ts';

export interface CompareOptions {
  readonly code: DigitCode;
  /** false: X > Y. true: X ≥ Y. */
  readonly orEqual: boolean;
}

/** P0, P1: their common randomness of some comparisons; s and u are scratch. */
export interface Random {
  readonly beta: Uint8Array;
  readonly s: Uint8Array;
  readonly u: Uint8Array;
  readonly rho: Uint8Array;
}

/** P0, P1: drawn before Y is known, while the message that tells it is under way. */
export function draw(party: Party, code: DigitCode, count: number): Random {
  const { scratch } = party;
  const values = count * code.digits;
  return {
    beta: party.stream(party.peer, 'beta').bits(count),
    s: party.stream(party.peer, 's').zpStar(code.prime, values, scratch.take(values)),
    u: party.stream(party.peer, 'u').zp(code.prime, values, scratch.take(values)),
    rho: party.stream(party.peer, 'rho').below(code.digits, count),
  };
}

/**
 * P0, P1: digits are this worker's shares of X's code (handed over with `random`: scratch from now on), y the public Y. Returns β, one byte
 * 0/1 each.
 */
export async function workers(
  party: Party,
  { code, orEqual }: CompareOptions,
  random: Random,
  { g, accepted }: Digits,
  y: BigUint64Array,
): Promise<Uint8Array> {
  const { scratch } = party;
  const job = { code, party: party.worker, orEqual, g, y, ...random };
  const d = await party.compute.compareShare(job, scratch.take(y.length * code.digits)); // steps 1, 2
  const packed = party.compute.pack(code.prime, d);
  scratch.give(g, random.s, random.u, d);
  release(random.rho);
  if (accepted !== undefined) await accepted;
  await party.send('P2', 'd', packed); // step 3
  return random.beta;
}

/** P2: β' of `count` comparisons, one byte 0/1 each. */
export async function helper(party: Party, options: CompareOptions, count: number): Promise<Uint8Array> {
  const { code } = options;
  const values = count * code.digits;
  const length = packedLength(code.prime, values);
  const [d0, d1] = await Promise.all([party.receive('P0', 'd', 'u8', length), party.receive('P1', 'd', 'u8', length)]);
  const unpacked0 = party.compute.unpack(code.prime, d0, values, party.scratch.take(values));
  const unpacked1 = party.compute.unpack(code.prime, d1, values, party.scratch.take(values));
  release(d0, d1);
  const betaPrime = await party.compute.compareTest(code, unpacked0, unpacked1); // step 3
  party.scratch.give(unpacked0, unpacked1);
  return betaPrime;
}

export function cost(code: DigitCode, count: number, chunk: number): Cost {
  return chunked(count, chunk, (n) => ({ rounds: 1, bytes: 2 * packedLength(code.prime, n * code.digits) }));
}

export function steps(code: DigitCode, count: number): Step[] {
  return [step('answer', [':d', packedLength(code.prime, count * code.digits)])];
}
