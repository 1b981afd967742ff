/**
 * ComputeMSB (Alg. 5): shares of a over Z_{L−1} to shares of its most significant bit over Z_L (PROTOCOLS §2).
 *
 *   1. r uniform over Z_{L−1}, r_0 from k02 and r_1 from k12; P2 deals the bits of r over Z_p and its lowest bit over Z_L (with the product's part)
 *   2. P0, P1 open c = 2a + r over Z_{L−1}
 *   3. PrivateCompare: P2 learns β' = β ⊕ [r > c];  P2 deals β' over Z_L
 *   4. MSB(a) = LSB(2a) = c_0 ⊕ r_0 ⊕ [r > c]: γ = [r > c] = β' ⊕ β, δ = r_0 ⊕ c_0, MSB = γ + δ − 2γδ (Beaver; γ and δ are masked as one)
 *
 * In an odd ring the most significant bit of a is the lowest of 2a, and c − r wraps exactly when r > c.
 * Views: c is masked by r. Cost: 4 rounds (open, compare, β', product; the paper counts 5 with the dealing).
 */
import { P67 } from '../../../runtime/compute.ts';
import * as odd from '../../ring/odd.ts';
import * as z64 from '../../ring/z64.ts';
import * as beaver from './beaver.ts';
import { elementwise } from './bilinear.ts';
import type { Cost } from '../../party/cost.ts';
import { dealtZ64, dealZ64, uniformOdd } from '../../party/deal.ts';
import { openOdd } from '../../party/open.ts';
import type { Party, Security } from '../../party/party.ts';
import * as codeProof from './codeProof.ts';
import * as privateCompare from './privateCompare.ts';
import { inBlocks, type Step, step } from '../../party/steps.ts';

const COMPARE = { code: P67, orEqual: false } as const;

/** P0, P1: one chunk. */
export async function workers(party: Party, a: BigUint64Array): Promise<BigUint64Array> {
  const n = a.length;
  const r = uniformOdd(party.stream('P2', 'r'), n);
  const [c, digits, dealt, random] = await Promise.all([
    openOdd(party, 'c', odd.accumulate(odd.accumulate(r, a), a)), // step 2
    ...party.meanwhile(
      codeProof.dealt(party, 'digits', P67, n), // step 1
      () => dealtZ64(party, 'r_0,Z', 2 * n),
      () => privateCompare.draw(party, P67, n),
    ),
  ]);
  const beta = await privateCompare.workers(party, COMPARE, random, digits, c); // step 3
  const betaPrime = await dealtZ64(party, "beta'", n);
  // step 4
  const gamma = xorPublic(party, betaPrime, beta);
  const delta = xorPublic(party, dealt.subarray(0, n), z64.bitAt(c, 0));
  const { opened, mask } = await beaver.workersMask(party, z64.concat(gamma, delta));
  const terms = [
    { x: opened.subarray(0, n), y: delta },
    { x: mask.subarray(0, n), y: opened.subarray(n) },
  ];
  const product = await elementwise([n], [n]).apply(party.compute, terms, dealt.subarray(n));
  return z64.subtractFrom(z64.add(gamma, delta), z64.accumulate(product, product));
}

/** P2: one chunk. */
export async function helper(party: Party, count: number): Promise<void> {
  const r = odd.accumulate(uniformOdd(party.stream('P0', 'r'), count), uniformOdd(party.stream('P1', 'r'), count));
  const UV = await beaver.maskOf(party, 2 * count);
  const Z = z64.multiply(UV.subarray(0, count), UV.subarray(count));
  const [, , betaPrime] = await Promise.all([
    codeProof.deal(party, 'digits', P67, r), // step 1
    dealZ64(party, 'r_0,Z', z64.concat(z64.fromBytes(z64.bitAt(r, 0)), Z)),
    privateCompare.helper(party, COMPARE, count), // step 3
  ]);
  await dealZ64(party, "beta'", z64.fromBytes(betaPrime));
}

/** ⟨b ⊕ m⟩ over Z_L for a shared bit b and a bit m known to both workers. */
function xorPublic(party: Party, b: BigUint64Array, m: Uint8Array): BigUint64Array {
  const signed = z64.negateWhere(m, b);
  return party.worker === 0 ? z64.accumulate(signed, z64.fromBytes(m)) : signed;
}

/** Of one chunk. */
export function cost(count: number, security: Security): Cost {
  const compare = privateCompare.cost(P67, count, count);
  return {
    rounds: 3 + compare.rounds,
    bytes: codeProof.bytes(P67, count, security) + 8 * count + 16 * count + compare.bytes + 8 * count + 40 * count,
  };
}

/** Of one chunk. */
export function steps(n: number, security: Security): Step[] {
  const opening = step('exchange', [':c', 8 * n]);
  const digits = { purpose: 'digits', code: P67, count: n };
  return [
    ...codeProof.steps(opening, 'ahead', [[':r_0,Z', 16 * n]], digits, security),
    ...privateCompare.steps(P67, n),
    step('deal', [":beta'", 8 * n]),
    step('exchange', ...inBlocks(':E', 2 * n)),
  ];
}
