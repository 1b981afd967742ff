/**
 * What one party or member alone shall read: HPKE (`hpke.ts`) to its X25519 key.
 *
 * Sealed: encapsulated key (32 bytes) ‖ ciphertext ‖ tag (16 bytes). `info` says what it is, so that nothing sealed for one purpose opens for
 * another. It proves nothing of who sealed it: what needs an author is signed, or comes in a signed request.
 */
import type { Primitives } from '../random/primitives.ts';
import { fromHex, utf8 } from '../random/text.ts';
import { AEAD_TAG_BYTES, ENCAPSULATED_BYTES, open, seal } from './hpke.ts';
import type { PublicIdentity, Signer } from './public-identity.ts';

export const SEAL_OVERHEAD_BYTES: number = ENCAPSULATED_BYTES + AEAD_TAG_BYTES;

export async function sealBy(
  by: Primitives,
  { seal: key }: PublicIdentity,
  info: string,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  return seal(by, fromHex(key), infoOf(info), bytes);
}

/** Undefined: it was sealed to somebody else, or for something else, or has been changed. */
export async function openBy(
  by: Primitives,
  { sealing }: Pick<Signer, 'sealing'>,
  info: string,
  sealed: Uint8Array,
): Promise<Uint8Array | undefined> {
  try {
    return await open(by, sealing, infoOf(info), sealed);
  } catch {
    return undefined;
  }
}

function infoOf(info: string): Uint8Array {
  return utf8(`securenn ${info}`);
}
