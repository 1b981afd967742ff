/** AES-128 and SHA-256 by Node's own primitives (OpenSSL). */
import { createCipheriv, createSecretKey, hash } from 'node:crypto';
import type { AesKey } from './aes.ts';

/** @param key 16 bytes; copied */
export function aesKey(key: Uint8Array): AesKey {
  const secret = createSecretKey(key);
  const ecb = createCipheriv('aes-128-ecb', secret, null).setAutoPadding(false);
  return {
    blocks: (blocks) => ecb.update(blocks),
    counter: (first) => createCipheriv('aes-128-ctr', secret, first),
  };
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}
