/**
 * The cryptography that whoever brings data or asks a model needs, behind one interface with two files: Node's own primitives, each at once
 * (`node-primitives.ts`), and Web Cryptography, which knows promises alone (`web-primitives.ts`). Both give the same, bit for bit
 * (`test/random/primitives.test.ts`). A party computes with Node's modules directly.
 *
 * Nothing here needs Node.
 */

/** Of a random stream. */
export const STREAM_KEY_BYTES = 16;

/** At once in Node, later in a browser: awaited by whoever serves both. */
export type Eventually<T> = T | Promise<T>;

/** An X25519 pair whose secret half stays where it is. */
export interface Agreeing {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** X25519 with a peer's public key, 32 bytes. Throws, or rejects, on a key of another length or of small order. */
  agree(peerPublicKey: Uint8Array): Eventually<Uint8Array>;
}

/** The masks of one input: a key stream that is read at any place, as elements of Z_{2^64}. */
export interface Masks {
  /** Elements from … from + n − 1. */
  z64(from: number, n: number): Eventually<BigUint64Array>;
}

export interface Primitives {
  randomBytes(count: number): Uint8Array;
  /** SHA-256, 32 bytes. */
  sha256(bytes: Uint8Array): Eventually<Uint8Array>;
  /** HMAC-SHA256 of all parts, one after the other. */
  hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Eventually<Uint8Array>;
  /** A fresh X25519 pair. */
  agreeing(): Eventually<Agreeing>;
  /** Ed25519; false for a key that is none. */
  verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): Eventually<boolean>;
  /** AES-256-GCM: ciphertext ‖ tag (16 bytes). */
  seal(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, plaintext: Uint8Array): Eventually<Uint8Array>;
  /** Throws, or rejects, where it does not open. */
  open(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, sealed: Uint8Array): Eventually<Uint8Array>;
  /** The stream of a 16-byte key at one address (PROTOCOLS §0; `streams.ts`). */
  masks(key: Uint8Array, path: string, purpose: string): Masks;
}
