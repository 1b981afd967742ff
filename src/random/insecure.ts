/** Keys that follow from a public seed: of what is no secret (the plain engine's rounding, initial weights), and of runs that are compared. */
import { sha256 } from '#aes';
import { AES_KEY_BYTES } from './aes.ts';

/**
 * A pair key that anyone can compute from the seed: for comparing runs value by value, and for nothing else. A session that uses it
 * protects no data.
 */
export function insecurePairKey(seed: number, pair: string): Uint8Array {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new RangeError(`insecure keys: expected a non-negative integer seed, found ${seed}`);
  const digest = sha256(new TextEncoder().encode(`securenn/1 insecure ${seed} ${pair}`));
  return digest.slice(0, AES_KEY_BYTES);
}

/** The name both ends give their pair: 'P0-P1', never 'P1-P0'. */
export function pairName(a: string, b: string): string {
  if (a === b) throw new RangeError(`${a} is no pair with itself`);
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}
