/** `Primitives` by Node's own modules, each at once. */
import { createCipheriv, createDecipheriv, createHmac, createPublicKey, randomBytes, verify } from 'node:crypto';
import { sha256 } from './aes-node.ts';
import { KeyPair } from './keys.ts';
import type { Primitives } from './primitives.ts';
import { PairStreams } from './streams.ts';
import { concatBytes } from './text.ts';

const CIPHER = 'aes-256-gcm';
const TAG_BYTES = 16;

export const NODE: Primitives = {
  randomBytes: (count) => new Uint8Array(randomBytes(count)),
  sha256,
  hmac(key, ...parts) {
    const mac = createHmac('sha256', key);
    for (const part of parts) mac.update(part);
    return mac.digest();
  },
  agreeing: () => KeyPair.generate(),
  verify(key, bytes, signature) {
    if (signature.length !== 64) return false;
    try {
      const x = Buffer.from(key).toString('base64url');
      const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
      return verify(null, bytes, publicKey, signature);
    } catch {
      return false; // No point of the curve.
    }
  },
  seal(key, nonce, additional, plaintext) {
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    if (additional.length > 0) cipher.setAAD(additional);
    return concatBytes(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
  },
  open(key, nonce, additional, sealed) {
    const end = sealed.length - TAG_BYTES;
    if (end < 0) throw new RangeError('too short to be sealed');
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    if (additional.length > 0) decipher.setAAD(additional);
    decipher.setAuthTag(sealed.subarray(end));
    const plaintext = new Uint8Array(decipher.update(sealed.subarray(0, end)));
    decipher.final();
    return plaintext;
  },
  masks: (key, path, purpose) => new PairStreams(key).table(path, purpose),
};
