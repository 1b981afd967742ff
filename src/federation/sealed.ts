/**
 * What one party or member alone shall read: HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, single shot.
 *
 * Sealed: encapsulated key (32 bytes) ‖ ciphertext ‖ tag (16 bytes). `info` says what it is, so that nothing sealed for one purpose opens for
 * another. It proves nothing of who sealed it: what needs an author is signed, or comes in a signed request.
 *
 * Web Cryptography alone, so that a page can seal as well.
 */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import type { Identity, PublicIdentity } from './identity.ts';

export const SEAL_OVERHEAD_BYTES: number = 32 + 16;
const ENCAPSULATED_BYTES = 32;

const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

export async function sealTo({ seal }: PublicIdentity, info: string, bytes: Uint8Array): Promise<Uint8Array> {
  const recipientPublicKey: unknown = await suite.kem.deserializePublicKey(bufferOf(fromHex(seal)));
  const { enc, ct } = await suite.seal({ recipientPublicKey, info: infoOf(info) }, bufferOf(bytes));
  const sealed = new Uint8Array(enc.byteLength + ct.byteLength);
  sealed.set(new Uint8Array(enc));
  sealed.set(new Uint8Array(ct), enc.byteLength);
  return sealed;
}

/** Undefined: it was sealed to somebody else, or for something else, or has been changed. */
export async function openWith(
  identity: Pick<Identity, 'sealing'>,
  info: string,
  sealed: Uint8Array,
): Promise<Uint8Array | undefined> {
  if (sealed.length < SEAL_OVERHEAD_BYTES) return undefined;
  const secret = identity.sealing.exportSecret();
  try {
    const recipientKey: unknown = await suite.kem.deserializePrivateKey(bufferOf(secret));
    const enc = bufferOf(sealed.subarray(0, ENCAPSULATED_BYTES));
    const recipient = { recipientKey, enc, info: infoOf(info) };
    return new Uint8Array(await suite.open(recipient, bufferOf(sealed.subarray(ENCAPSULATED_BYTES))));
  } catch {
    return undefined;
  } finally {
    secret.fill(0);
  }
}

function infoOf(info: string): ArrayBuffer {
  return bufferOf(new TextEncoder().encode(`securenn ${info}`));
}

/** A copy of its own: what comes may be a part of something larger, or shared. */
function bufferOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}
