/**
 * Truncation (Alg. 11) by `bits` fractional bits, each worker on its own share (PROTOCOLS §1): ⌊⟨z⟩₀ / 2^bits⌋ and −⌊(−⟨z⟩₁) / 2^bits⌋.
 * No message. Error 0 or 1 ulp, but wrong by 2^(64 − bits) with probability |z| / 2^64: the default is dealt (`direct/dealtTruncation.ts`).
 */
import type { Party } from '../../party/party.ts';

export function checkTruncationBits(bits: number): void {
  if (!Number.isInteger(bits) || bits < 1 || bits > 61)
    throw new RangeError(`truncation by ${bits} bits: expected 1 … 61`);
}

/** P0, P1: ⟨z⟩ → ⟨z / 2^bits⟩. */
export function workersLocal(party: Party, z: BigUint64Array, bits: number): BigUint64Array {
  checkTruncationBits(bits);
  return party.compute.truncateLocal(party.worker, z, bits);
}
