/**
 * What one party or member alone shall read: HPKE (`hpke.ts`) to its X25519 key.
 *
 * Sealed: encapsulated key (32 bytes) ‖ ciphertext ‖ tag (16 bytes). `info` says what it is, so that nothing sealed for one purpose opens for
 * another. It proves nothing of who sealed it: what needs an author is signed, or comes in a signed request.
 *
 * Promises, as a page has to seal by Web Cryptography, which knows no other way.
 */
import { AEAD_TAG_BYTES, ENCAPSULATED_BYTES, open, seal } from './hpke.ts';
import type { Identity, PublicIdentity } from './identity.ts';

export const SEAL_OVERHEAD_BYTES: number = ENCAPSULATED_BYTES + AEAD_TAG_BYTES;

// eslint-disable-next-line @typescript-eslint/require-await -- what is wrong with the key rejects
export async function sealTo({ seal: key }: PublicIdentity, info: string, bytes: Uint8Array): Promise<Uint8Array> {
  return seal(Buffer.from(key, 'hex'), infoOf(info), bytes);
}

/** Undefined: it was sealed to somebody else, or for something else, or has been changed. */
export function openWith(
  { sealing }: Pick<Identity, 'sealing'>,
  info: string,
  sealed: Uint8Array,
): Promise<Uint8Array | undefined> {
  try {
    return Promise.resolve(open(sealing, infoOf(info), sealed));
  } catch {
    return Promise.resolve(undefined);
  }
}

function infoOf(info: string): Uint8Array {
  return new TextEncoder().encode(`securenn ${info}`);
}
