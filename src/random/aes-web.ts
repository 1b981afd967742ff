/**
 * AES-128 and SHA-256 in plain JavaScript (@noble/ciphers, @noble/hashes): for a page, whose WebCrypto answers with promises alone. It looks up
 * in tables, which other code on the same processor core might time. So it is for streams whose key is public (rounding of the plain engine,
 * initial weights, batch order) or lives for one message in a page of one's own.
 */
import { ctr, ecb } from '@noble/ciphers/aes.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { AES_KEY_BYTES, type AesKey, BLOCK_BYTES, type KeyStream } from './aes.ts';

/** @param key 16 bytes; copied */
export function aesKey(key: Uint8Array): AesKey {
  if (key.length !== AES_KEY_BYTES) throw new RangeError(`AES-128 key: expected 16 bytes, found ${key.length}`);
  const secret = key.slice();
  return {
    blocks: (blocks) => ecb(secret, { disablePadding: true }).encrypt(blocks),
    counter: (first) => new Counter(secret, first),
  };
}

class Counter implements KeyStream {
  readonly #key: Uint8Array;
  readonly #first: Uint8Array<ArrayBuffer>;
  #given = 0;

  constructor(key: Uint8Array, first: Uint8Array) {
    this.#key = key;
    this.#first = first.slice();
  }

  update(zeros: Uint8Array): Uint8Array<ArrayBuffer> {
    const skip = this.#given % BLOCK_BYTES;
    const block = this.#first.slice();
    const view = new DataView(block.buffer);
    const at = BLOCK_BYTES - 4;
    view.setUint32(at, view.getUint32(at) + Math.floor(this.#given / BLOCK_BYTES));
    const bytes = ctr(this.#key, block).encrypt(new Uint8Array(skip + zeros.length));
    this.#given += zeros.length;
    return skip === 0 ? bytes : bytes.slice(skip);
  }
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes);
}
