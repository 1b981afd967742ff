/**
 * HPKE (RFC 9180): base mode, single shot, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; sections 4, 4.1, 5.1 and 6.1, no additional data.
 *
 * By Node's own X25519, HMAC and AES, each at once: through Web Cryptography, as `@hpke/core` has it, the same takes a dozen tasks of other
 * threads, and an inference seals and opens ten times. One image of network C, in turns on two cores: 1.02 times what `local infer` takes, with
 * `@hpke/core` 1.39 times (`docs/measurements.md`). What comes out is the same, bit for bit (`test/federation/hpke.test.ts`).
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { KeyPair } from '../random/keys.ts';

export const ENCAPSULATED_BYTES = 32;
export const AEAD_TAG_BYTES = 16;
const HASH_BYTES = 32;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const CIPHER = 'aes-256-gcm';

const NONE = new Uint8Array();
const VERSION = Buffer.from('HPKE-v1');
const KEM_ID = Buffer.from('0020', 'hex');
const KEM_SUITE = Buffer.concat([Buffer.from('KEM'), KEM_ID]);
const SUITE = Buffer.concat([Buffer.from('HPKE'), KEM_ID, Buffer.from('0001', 'hex'), Buffer.from('0002', 'hex')]);
const BASE_MODE = Buffer.of(0);
const PSK_ID_HASH = labeledExtract(SUITE, NONE, 'psk_id_hash', NONE);

/** Encapsulated key ‖ ciphertext ‖ tag. @param ephemeral fresh, for this message alone; a test has its own */
export function seal(
  recipient: Uint8Array,
  info: Uint8Array,
  plaintext: Uint8Array,
  ephemeral: KeyPair = KeyPair.generate(),
): Uint8Array {
  const encapsulated = ephemeral.publicKey;
  const { key, nonce } = schedule(ephemeral.agree(recipient), encapsulated, recipient, info);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: AEAD_TAG_BYTES });
  const parts = [encapsulated, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
  const sealed = new Uint8Array(ENCAPSULATED_BYTES + plaintext.length + AEAD_TAG_BYTES);
  let at = 0;
  for (const part of parts) {
    sealed.set(part, at);
    at += part.length;
  }
  return sealed;
}

/** Throws where it does not open: sealed to somebody else or for something else, changed, cut off. */
export function open(recipient: KeyPair, info: Uint8Array, sealed: Uint8Array): Uint8Array {
  if (sealed.length < ENCAPSULATED_BYTES + AEAD_TAG_BYTES) throw new RangeError('too short to be sealed');
  const encapsulated = sealed.subarray(0, ENCAPSULATED_BYTES);
  const { key, nonce } = schedule(recipient.agree(encapsulated), encapsulated, recipient.publicKey, info);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: AEAD_TAG_BYTES });
  const end = sealed.length - AEAD_TAG_BYTES;
  decipher.setAuthTag(sealed.subarray(end));
  const plaintext = new Uint8Array(decipher.update(sealed.subarray(ENCAPSULATED_BYTES, end)));
  decipher.final();
  return plaintext;
}

/** ExtractAndExpand of the KEM, then KeySchedule. @param agreed X25519 of both keys, which `KeyPair` has seen not to be zero */
function schedule(
  agreed: Uint8Array,
  encapsulated: Uint8Array,
  recipient: Uint8Array,
  info: Uint8Array,
): { readonly key: Buffer; readonly nonce: Buffer } {
  const prk = labeledExtract(KEM_SUITE, NONE, 'eae_prk', agreed);
  const shared = labeledExpand(KEM_SUITE, prk, 'shared_secret', Buffer.concat([encapsulated, recipient]), HASH_BYTES);
  const context = Buffer.concat([BASE_MODE, PSK_ID_HASH, labeledExtract(SUITE, NONE, 'info_hash', info)]);
  const secret = labeledExtract(SUITE, shared, 'secret', NONE);
  // The nonce of the first message, which is the only one, is the base nonce.
  return {
    key: labeledExpand(SUITE, secret, 'key', context, KEY_BYTES),
    nonce: labeledExpand(SUITE, secret, 'base_nonce', context, NONCE_BYTES),
  };
}

function labeledExtract(suite: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array): Buffer {
  return hmac(salt, VERSION, suite, Buffer.from(label), ikm);
}

/** Of one block of HKDF (RFC 5869): nothing here is longer than a hash. */
function labeledExpand(suite: Uint8Array, prk: Uint8Array, label: string, info: Uint8Array, length: number): Buffer {
  const size = Buffer.of(length >> 8, length & 255);
  return hmac(prk, size, VERSION, suite, Buffer.from(label), info, Buffer.of(1)).subarray(0, length);
}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
