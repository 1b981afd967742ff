/**
 * X25519 (RFC 7748) key pairs, as identity keys of parties and as ephemeral keys of one connection. Public and secret keys travel
 * and rest as the RFC's raw 32 bytes.
 */
import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';

export const KEY_BYTES = 32;

/** RFC 8410 wrapping of a raw secret key, all that precedes its 32 bytes. Public keys go as JWK (RFC 8037): Node reads and writes them ten times as fast. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** An X25519 key pair. The secret half is out of reach of `util.inspect`, `JSON.stringify` and enumeration. */
export class KeyPair {
  readonly #secret: KeyObject;
  readonly #publicKey: Uint8Array;

  private constructor(secret: KeyObject, publicKey: KeyObject) {
    this.#secret = secret;
    const { x } = publicKey.export({ format: 'jwk' });
    this.#publicKey = new Uint8Array(Buffer.from(x!, 'base64url'));
  }

  static generate(): KeyPair {
    const { privateKey, publicKey } = generateKeyPairSync('x25519');
    return new KeyPair(privateKey, publicKey);
  }

  /** From the 32 bytes that `exportSecret` gave. */
  static fromSecret(secret: Uint8Array): KeyPair {
    checkLength('secret key', secret);
    const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, secret]), format: 'der', type: 'pkcs8' });
    return new KeyPair(key, createPublicKey(key));
  }

  /** The public half: 32 bytes, a fresh copy. */
  get publicKey(): Uint8Array {
    return this.#publicKey.slice();
  }

  /** The secret half, to be stored where only its owner can read it. */
  exportSecret(): Uint8Array {
    return new Uint8Array(this.#secret.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_PREFIX.length));
  }

  /** The secret shared with the owner of `peerPublicKey`. Refuses public keys of small order, for which it would be all zeros. */
  agree(peerPublicKey: Uint8Array): Uint8Array {
    checkLength('public key', peerPublicKey);
    const publicKey = readPublicKey(Buffer.from(peerPublicKey).toString('base64url'));
    let shared: Buffer | undefined;
    try {
      shared = diffieHellman({ privateKey: this.#secret, publicKey });
    } catch {
      // OpenSSL 3 itself refuses an all-zero result.
    }
    if (shared === undefined || shared.every((byte) => byte === 0))
      throw new RangeError('public key: of small order, refused');
    return new Uint8Array(shared);
  }
}

/** Public keys that were read last: whoever seals does so to the same few again and again, and reading one takes a third of an agreement. */
const read = new Map<string, KeyObject>();
const MOST_READ = 16;

function readPublicKey(x: string): KeyObject {
  const known = read.get(x);
  if (known !== undefined) return known;
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
  if (read.size >= MOST_READ) read.delete(read.keys().next().value!);
  read.set(x, key);
  return key;
}

function checkLength(what: string, key: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw new RangeError(`${what}: expected ${KEY_BYTES} bytes, found ${key.length}`);
}
