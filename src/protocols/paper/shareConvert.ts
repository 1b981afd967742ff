/**
 * ShareConvert (Alg. 4): shares over Z_L to shares over Z_{L−1}, L = 2^64, for a ≠ L − 1 (PROTOCOLS §2).
 *
 *   1. P0, P1 from k01: r, its shares r_j, η''; α = wrap(r₀, r₁)
 *   2. ã_j = a_j + r_j, β_j = wrap(a_j, r_j);   P0, P1 → P2: ã_j
 *   3. P2: x = ã₀ + ã₁, δ = wrap(ã₀, ã₁); deals the bits of x over Z_p and δ over Z_{L−1}
 *   4. PrivateCompare: P2 learns η' = η'' ⊕ [x ≥ r];  P2 deals η' over Z_{L−1}
 *   5. η = [x ≥ r] = η' ⊕ η'' in shares;  θ = β₀ + β₁ + δ − α − (1 − η);  output a_j − θ_j mod (L − 1)
 *
 * As printed, steps 7 and 11 give another comparison and sign and err; the weak comparison x ≥ r needs no corner case.
 * Views: x = a + r is masked by r, unknown to P2; η' by η''. Cost: 4 rounds, (16 + 56 + 8 + 112 + 8) bytes.
 */
import { P67 } from '../../../runtime/compute.ts';
import * as z64 from '../../ring/z64.ts';
import type { Cost } from '../../party/cost.ts';
import { dealOdd, dealtOdd } from '../../party/deal.ts';
import type { Party, Security } from '../../party/party.ts';
import * as codeProof from './codeProof.ts';
import * as privateCompare from './privateCompare.ts';
import { type Step, step } from '../../party/steps.ts';

const COMPARE = { code: P67, orEqual: true } as const;

/** P0, P1: one chunk. */
export async function workers(party: Party, a: BigUint64Array): Promise<BigUint64Array> {
  const n = a.length;
  const r = party.stream(party.peer, 'r').z64(n);
  const r0 = party.stream(party.peer, 'r0').z64(n);
  const masked = party.worker === 0 ? z64.add(a, r0) : z64.subtractFrom(z64.add(a, r), r0.slice());
  await party.send('P2', 'a~', masked); // step 2
  const [digits, delta, random] = await Promise.all(
    party.meanwhile(
      codeProof.dealt(party, 'x', P67, n, 'deal'), // step 3
      () => dealtOdd(party, 'delta', n),
      () => privateCompare.draw(party, P67, n),
    ),
  );
  const etaMask = await privateCompare.workers(party, COMPARE, random, digits, r); // step 4: η'' is PrivateCompare's β
  const etaPrime = await dealtOdd(party, 'eta', n);
  return party.compute.convertShare({ party: party.worker, a, r, r0, delta, etaPrime, etaMask }); // steps 2 (β_j), 5
}

/** P2: one chunk. */
export async function helper(party: Party, count: number): Promise<void> {
  const [a0, a1] = await Promise.all([
    party.receive('P0', 'a~', 'u64', count),
    party.receive('P1', 'a~', 'u64', count),
  ]);
  const x = z64.add(a0, a1);
  const delta = z64.fromBytes(party.compute.wrap(a0, a1));
  await Promise.all([codeProof.deal(party, 'x', P67, x, 'deal'), dealOdd(party, 'delta', delta)]); // step 3
  const etaPrime = await privateCompare.helper(party, COMPARE, count); // step 4
  await dealOdd(party, 'eta', z64.fromBytes(etaPrime));
}

/** Of one chunk. */
export function cost(count: number, security: Security): Cost {
  const compare = privateCompare.cost(P67, count, count);
  return {
    rounds: 3 + compare.rounds + (security === 'private' ? codeProof.ROUNDS : 0),
    bytes: 16 * count + codeProof.bytes(P67, count, security) + 8 * count + compare.bytes + 8 * count,
  };
}

/** Of one chunk. */
export function steps(n: number, security: Security): Step[] {
  const answer = step('answer', [':a~', 8 * n]);
  return [
    ...codeProof.steps(answer, 'deal', [[':delta', 8 * n]], { purpose: 'x', code: P67, count: n }, security),
    ...privateCompare.steps(P67, n),
    step('deal', [':eta', 8 * n]),
  ];
}
