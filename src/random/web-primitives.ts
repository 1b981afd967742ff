/**
 * `Primitives` by Web Cryptography: for browsers, and for tests in Node. Ed25519 and X25519 are in Chrome from 137, Firefox from 130 and
 * Safari from 17 on; all of it needs a page that came over HTTPS or from this very machine.
 */
import type { Agreeing, Masks, Primitives } from './primitives.ts';
import { sha256 } from '#aes';
import { concatBytes, toBase64Url, utf8 } from './text.ts';

/** The secret half of a pair, or a public key, as Web Cryptography has it. */
export type WebKey = Awaited<ReturnType<SubtleCrypto['importKey']>>;
type SubtleCrypto = typeof crypto.subtle;

const HMAC = { name: 'HMAC', hash: 'SHA-256' } as const;
const BLOCK_BYTES = 16;
const ADDRESS_BYTES = 12;
/** 2^32 blocks of 16 bytes, after which the counter would come to its first value again. */
const STREAM_BYTES = 2 ** 36;
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
  agreeing: async () => webAgreeing(await generatePair('X25519', ['deriveBits'], false)),
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

/** A pair whose secret half, unless `extractable`, no script can read. */
export async function generatePair(
  name: 'X25519' | 'Ed25519',
  usages: readonly ('deriveBits' | 'sign' | 'verify')[],
  extractable: boolean,
): Promise<{ readonly privateKey: WebKey; readonly publicKey: WebKey }> {
  const pair = await crypto.subtle.generateKey({ name }, extractable, [...usages]);
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
    if (!(
      Number.isSafeInteger(from) &&
      Number.isSafeInteger(n) &&
      from >= 0 &&
      n >= 0 &&
      8 * (from + n) <= STREAM_BYTES
    ))
      throw new RangeError(`elements ${from} … ${from + n} of a random stream: it has ${STREAM_BYTES / 8}`);
    const block = Math.floor((8 * from) / BLOCK_BYTES);
    const skip = 8 * from - BLOCK_BYTES * block;
    const counter = new Uint8Array(BLOCK_BYTES);
    counter.set(this.#address);
    new DataView(counter.buffer).setUint32(ADDRESS_BYTES, block);
    const zeros = new Uint8Array(skip + 8 * n);
    const bytes = await crypto.subtle.encrypt({ name: 'AES-CTR', counter, length: 32 }, await this.#key, zeros);
    return new BigUint64Array(bytes, skip, n);
  }
}

/** As `streams.ts` has it: SHA-256(len(path) ‖ path ‖ len(purpose) ‖ purpose), cut to 12 bytes. */
function addressOf(path: string, purpose: string): Uint8Array {
  if (/\p{Surrogate}/u.test(path) || /\p{Surrogate}/u.test(purpose))
    throw new RangeError('a stream address must be well-formed Unicode');
  const parts = [path, purpose].flatMap((text) => {
    const bytes = utf8(text);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length);
    return [length, bytes];
  });
  return sha256(concatBytes(...parts)).subarray(0, ADDRESS_BYTES);
}

/** Web Cryptography takes no memory that threads share; nothing here is. */
function shown(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
