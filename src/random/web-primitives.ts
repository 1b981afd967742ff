/**
 * `Primitives` by Web Cryptography: for browsers, and for tests in Node. Ed25519 and X25519 are in Chrome from 137, Firefox from 130 and
 * Safari from 17.4 on; all of it needs a page that came over HTTPS or from this very machine.
 */
import { addressOf, checkPlace, counterBlock } from './address.ts';
import { BLOCK_BYTES } from './aes.ts';
import type { Agreeing, Masks, Primitives } from './primitives.ts';
import { concatBytes, toBase64Url } from './text.ts';

/** The secret half of a pair, or a public key, as Web Cryptography has it. */
export type WebKey = Awaited<ReturnType<SubtleCrypto['importKey']>>;
type SubtleCrypto = typeof crypto.subtle;

const HMAC = { name: 'HMAC', hash: 'SHA-256' } as const;
const KEY_BYTES = 32;

export const WEB: Primitives = {
  randomBytes(count) {
    const out = new Uint8Array(count);
    crypto.getRandomValues(out);
    return out;
  },
  sha256: async (bytes) => new Uint8Array(await crypto.subtle.digest('SHA-256', shown(bytes))),
  async hmac(key, ...parts) {
    // Web Cryptography takes no empty key; a shorter key is the same one with zeros behind it (RFC 2104).
    const raw = key.length === 0 ? new Uint8Array(KEY_BYTES) : key;
    const imported = await crypto.subtle.importKey('raw', shown(raw), HMAC, false, ['sign']);
    return new Uint8Array(await crypto.subtle.sign('HMAC', imported, concatBytes(...parts)));
  },
  agreeing: async () => webAgreeing(await generatePair('X25519', ['deriveBits'])),
  async verify(key, bytes, signature) {
    if (signature.length !== 64) return false;
    try {
      const jwk = { kty: 'OKP', crv: 'Ed25519', x: toBase64Url(key) };
      const imported = await crypto.subtle.importKey('jwk', jwk, { name: 'Ed25519' }, false, ['verify']);
      return await crypto.subtle.verify('Ed25519', imported, shown(signature), shown(bytes));
    } catch {
      return false; // No point of the curve.
    }
  },
  async seal(key, nonce, additional, plaintext) {
    const imported = await crypto.subtle.importKey('raw', shown(key), 'AES-GCM', false, ['encrypt']);
    const options = { name: 'AES-GCM', iv: shown(nonce), additionalData: shown(additional) };
    return new Uint8Array(await crypto.subtle.encrypt(options, imported, shown(plaintext)));
  },
  async open(key, nonce, additional, sealed) {
    const imported = await crypto.subtle.importKey('raw', shown(key), 'AES-GCM', false, ['decrypt']);
    const options = { name: 'AES-GCM', iv: shown(nonce), additionalData: shown(additional) };
    return new Uint8Array(await crypto.subtle.decrypt(options, imported, shown(sealed)));
  },
  masks: (key, path, purpose) => new WebMasks(key, addressOf(path, purpose)),
};

/** A pair whose secret half no script can read. */
export async function generatePair(
  name: 'X25519' | 'Ed25519',
  usages: readonly ('deriveBits' | 'sign' | 'verify')[],
): Promise<{ readonly privateKey: WebKey; readonly publicKey: WebKey }> {
  const pair = await crypto.subtle.generateKey({ name }, false, [...usages]);
  return pair as { privateKey: WebKey; publicKey: WebKey };
}

/** The raw 32 bytes of a public key. */
export async function rawPublicKey(key: WebKey): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.exportKey('raw', key));
}

export async function webAgreeing(pair: {
  readonly privateKey: WebKey;
  readonly publicKey: WebKey;
}): Promise<Agreeing> {
  const { privateKey } = pair;
  const publicKey = await rawPublicKey(pair.publicKey);
  return {
    publicKey,
    async agree(peer) {
      if (peer.length !== KEY_BYTES)
        throw new RangeError(`public key: expected ${KEY_BYTES} bytes, found ${peer.length}`);
      const jwk = { kty: 'OKP', crv: 'X25519', x: toBase64Url(peer) };
      const imported = await crypto.subtle.importKey('jwk', jwk, { name: 'X25519' }, false, []);
      const derivation = { name: 'X25519', public: imported };
      let shared: Uint8Array | undefined;
      try {
        shared = new Uint8Array(await crypto.subtle.deriveBits(derivation, privateKey, 8 * KEY_BYTES));
      } catch {
        // Some refuse an all-zero result themselves.
      }
      if (shared === undefined || shared.every((byte) => byte === 0))
        throw new RangeError('public key: of small order, refused');
      return shared;
    },
  };
}

/** The key stream of `streams.ts` at one address: AES-128 in counter mode over zeros. */
class WebMasks implements Masks {
  readonly #key: Promise<WebKey>;
  readonly #address: Uint8Array;

  constructor(key: Uint8Array, address: Uint8Array) {
    this.#key = crypto.subtle.importKey('raw', shown(key), 'AES-CTR', false, ['encrypt']);
    this.#key.catch(() => undefined); // Told to whoever draws.
    this.#address = address;
  }

  async z64(from: number, n: number): Promise<BigUint64Array> {
    checkPlace(from, n);
    const block = Math.floor((8 * from) / BLOCK_BYTES);
    const skip = 8 * from - BLOCK_BYTES * block;
    const counter = counterBlock(this.#address, block);
    const zeros = new Uint8Array(skip + 8 * n);
    const bytes = await crypto.subtle.encrypt({ name: 'AES-CTR', counter, length: 32 }, await this.#key, zeros);
    return new BigUint64Array(bytes, skip, n);
  }
}

/** Web Cryptography takes no memory that threads share; nothing here is. */
function shown(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
