/**
 * What random streams need of AES and SHA-256, at once and without a promise. `#aes` (package.json) is one of two files that give the same
 * bytes: Node's own primitives (`aes-node.ts`), or plain JavaScript for a page (`aes-web.ts`).
 */

/** AES-128 under one key. */
export interface AesKey {
  /** Each block of 16 bytes, encrypted by itself (ECB): a new array. */
  blocks(blocks: Uint8Array): Uint8Array<ArrayBuffer>;
  /** The key stream of counter mode from a counter block on, whose last 32 bits, big-endian, count. */
  counter(first: Uint8Array): KeyStream;
}

/** Goes on where its last call ended. */
export interface KeyStream {
  /** Zeros go in, as many bytes of the key stream come out: a new array. */
  update(zeros: Uint8Array): Uint8Array<ArrayBuffer>;
}

export const AES_KEY_BYTES = 16;
export const BLOCK_BYTES = 16;
