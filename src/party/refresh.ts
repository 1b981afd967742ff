/**
 * Other shares of the same value: ⟨x⟩₀ + r and ⟨x⟩₁ − r, r uniform from the workers' streams. Local. P2, which may know how the shares came
 * about, knows nothing of r.
 */
import * as z64 from '../ring/z64.ts';
import type { Party } from './party.ts';

export function refresh(party: Party, share: BigUint64Array): BigUint64Array {
  const r = party.stream(party.peer, 'r').z64(share.length);
  return party.worker === 0 ? z64.accumulate(r, share) : z64.subtractFrom(share, r);
}
