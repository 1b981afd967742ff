/**
 * Share, open, reconstruct: 2-out-of-2 additive shares over Z_{2^64} (PROTOCOLS §1).
 *
 * Share       x → ⟨x⟩₀ uniform, ⟨x⟩₁ = x − ⟨x⟩₀ (the owner: `src/data/share.ts`)
 * Open        both workers learn x: each sends its share to the other. 1 round, 16 bytes an element.
 * Reconstruct whoever holds both shares adds them (the owner: `src/client`).
 */
import * as odd from '../ring/odd.ts';
import * as z64 from '../ring/z64.ts';
import type { Cost } from './cost.ts';
import type { Party } from './party.ts';

/** P0, P1: the value behind two shares over Z_{2^64}. `mine` is sent and must not change afterwards. */
export async function open(party: Party, purpose: string, mine: BigUint64Array): Promise<BigUint64Array> {
  const [, theirs] = await exchange(party, purpose, mine); // what was received is this party's own array
  await party.slices(mine.length, (from, to) => z64.accumulate(theirs.subarray(from, to), mine.subarray(from, to)));
  return theirs;
}

/** P0, P1: the same over Z_{2^64 − 1}. */
export async function openOdd(party: Party, purpose: string, mine: BigUint64Array): Promise<BigUint64Array> {
  const [, theirs] = await exchange(party, purpose, mine);
  return odd.accumulate(theirs, mine);
}

function exchange(party: Party, purpose: string, mine: BigUint64Array): Promise<[void, BigUint64Array]> {
  return Promise.all([party.send(party.peer, purpose, mine), party.receive(party.peer, purpose, 'u64', mine.length)]);
}

export function openCost(count: number): Cost {
  return { rounds: 1, bytes: 16 * count };
}
