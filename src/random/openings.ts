/**
 * A digest of what the two workers have opened, which each computes from its own sums (`party/ledger.ts`). They open in whatever order their
 * messages come, so it depends on the set of openings and not on their order:
 *
 *     t_i    = GMAC(K, nonce = address of the opening, what was opened)   K: 32 bytes, AES-256-GCM without text
 *     digest = ⊕_i AES(K', t_i) ‖ how many                                K': 16 bytes
 *
 * with K and K' from the workers' streams. Whoever lacks the workers' keys and has the two open different values finds digests that agree with
 * a probability below (n·ℓ + 1) / 2^128, for n openings of up to ℓ blocks of 16 bytes: GMAC of two different texts under one nonce differs but
 * for ℓ / 2^128 (NIST SP 800-38D), and what is added up is then AES of different blocks. The t_i alone would not do: two changes that are alike
 * would cancel each other in their sum. An opening costs 3 µs and a tenth of a nanosecond a byte; SHA-256 takes six times as long a byte.
 */
import { createCipheriv, createSecretKey, type Cipher, type KeyObject } from 'node:crypto';
import { addressOf } from './address.ts';
import type { Stream } from './stream.ts';

export const DIGEST_BYTES = 24;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const KEY_BYTES = 32;
const BLOCK_KEY_BYTES = 16;
/** Tags that are encrypted together. */
const TOGETHER = 1024;

/** The keys of one session's digests. */
export class OpeningKeys {
  readonly #tags: KeyObject;
  readonly #blocks: Cipher;

  /** @param stream the workers' own, of an address that nothing else is drawn from */
  constructor(stream: Pick<Stream, 'bytes'>) {
    const bytes = stream.bytes(KEY_BYTES + BLOCK_KEY_BYTES);
    this.#tags = createSecretKey(bytes.subarray(0, KEY_BYTES));
    this.#blocks = createCipheriv('aes-128-ecb', bytes.subarray(KEY_BYTES), null).setAutoPadding(false);
  }

  /** Of what was opened at this address. */
  tag(path: string, purpose: string, opened: Uint8Array): Buffer {
    const nonce = addressOf(path, purpose).subarray(0, NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#tags, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(opened).final();
    return cipher.getAuthTag();
  }

  /** Block by block. */
  encrypt(blocks: Uint8Array): Buffer {
    return this.#blocks.update(blocks);
  }
}

export class OpeningDigest {
  readonly #keys: OpeningKeys;
  readonly #tags: Buffer = Buffer.alloc(TOGETHER * TAG_BYTES);
  #waiting = 0;
  #count = 0;
  #sum: Uint32Array = new Uint32Array(TAG_BYTES / 4);

  constructor(keys: OpeningKeys) {
    this.#keys = keys;
  }

  add(path: string, purpose: string, opened: Uint8Array): void {
    this.#keys.tag(path, purpose, opened).copy(this.#tags, TAG_BYTES * this.#waiting++);
    this.#count++;
    if (this.#waiting === TOGETHER) this.#fold();
  }

  /** Of all openings since the last time. */
  take(): Uint8Array {
    this.#fold();
    const digest = new Uint8Array(DIGEST_BYTES);
    digest.set(new Uint8Array(this.#sum.buffer));
    new DataView(digest.buffer).setBigUint64(TAG_BYTES, BigInt(this.#count), true);
    this.#sum = new Uint32Array(TAG_BYTES / 4);
    this.#count = 0;
    return digest;
  }

  #fold(): void {
    if (this.#waiting === 0) return;
    const blocks = new Uint8Array(this.#keys.encrypt(this.#tags.subarray(0, TAG_BYTES * this.#waiting)));
    const words = new Uint32Array(blocks.buffer);
    for (let i = 0; i < words.length; i++) this.#sum[i % 4] ^= words[i];
    this.#waiting = 0;
  }
}
