/**
 * Files at rest: AES-256-GCM under a storage key of the party that keeps them. Bytes in, bytes out; no IO.
 *
 *     magic `SNNvlt1\n` ‖ id of the storage key (8 bytes) ‖ salt (32 random bytes) ‖ ciphertext ‖ tag (16 bytes)
 *     file key = HKDF-SHA256(storage key, salt, 'securenn vault ' ‖ purpose, 32 bytes); nonce: zeros; additional data: magic, id and salt
 *
 * Each file has a key of its own, so no nonce comes twice however many files there are. The purpose keeps a file of one kind, or of one
 * place, from being taken for another.
 */
import { type CipherGCM, createCipheriv, createDecipheriv, type DecipherGCM, hkdfSync, randomBytes } from 'node:crypto';
import { HeldBack } from './held-back.ts';
import { Problem } from './problem.ts';

export const STORAGE_KEY_BYTES = 32;

const MAGIC = Buffer.from('SNNvlt1\n');
const ID_BYTES = 8;
const SALT_BYTES = 32;
const TAG_BYTES = 16;
const HEAD_BYTES = MAGIC.length + ID_BYTES + SALT_BYTES;
const CIPHER = 'aes-256-gcm';
const NONCE = Buffer.alloc(12);
/** What Node's ciphers take at a time is less than 2 GiB. */
const PIECE_BYTES = 2 ** 28;

/** Bytes that a sealed file has more than what is in it. */
export const VAULT_OVERHEAD_BYTES: number = HEAD_BYTES + TAG_BYTES;

interface StorageKey {
  readonly id: Buffer;
  readonly secret: Buffer;
}

/** Storage keys are out of reach of `util.inspect`, `JSON.stringify` and enumeration. */
export class Vault {
  readonly #keys: readonly StorageKey[];

  /** @param keys 32 bytes each; copied. The first one seals, all of them open: there are several while they are changed. */
  constructor(keys: readonly Uint8Array[]) {
    if (keys.length === 0) throw new RangeError('a vault needs a key');
    this.#keys = keys.map((key) => {
      if (key.length !== STORAGE_KEY_BYTES)
        throw new RangeError(`storage key: expected ${STORAGE_KEY_BYTES} bytes, found ${key.length}`);
      const secret = Buffer.from(key);
      return { id: derive(secret, Buffer.alloc(0), 'securenn storage key id', ID_BYTES), secret };
    });
  }

  seal(purpose: string, bytes: Uint8Array): Uint8Array {
    const { head, cipher } = this.#sealing(purpose);
    const sealed = Buffer.alloc(HEAD_BYTES + bytes.length + TAG_BYTES);
    sealed.set(head);
    for (const [from, to] of pieces(bytes.length))
      sealed.set(cipher.update(bytes.subarray(from, to)), HEAD_BYTES + from);
    cipher.final();
    sealed.set(cipher.getAuthTag(), HEAD_BYTES + bytes.length);
    return sealed;
  }

  /** What `seal` makes of all of them. */
  async *sealParts(purpose: string, parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    const { head, cipher } = this.#sealing(purpose);
    yield head;
    for await (const part of parts) yield cipher.update(part);
    cipher.final();
    yield cipher.getAuthTag();
  }

  #sealing(purpose: string): { readonly head: Buffer; readonly cipher: CipherGCM } {
    const [{ id, secret }] = this.#keys;
    const salt = randomBytes(SALT_BYTES);
    const head = Buffer.concat([MAGIC, id, salt]);
    return { head, cipher: createCipheriv(CIPHER, fileKey(secret, salt, purpose), NONCE).setAAD(head) };
  }

  /** @param source names the file in errors */
  open(purpose: string, sealed: Uint8Array, source: string): Uint8Array {
    const decipher = this.#opening(purpose, sealed, source);
    const length = sealed.length - VAULT_OVERHEAD_BYTES;
    const bytes = new Uint8Array(length);
    for (const [from, to] of pieces(length))
      bytes.set(decipher.update(sealed.subarray(HEAD_BYTES + from, HEAD_BYTES + to)), from);
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    checkEnd(decipher, source);
    return bytes;
  }

  /** @param sealed its first bytes: all of a file that is too short */
  #opening(purpose: string, sealed: Uint8Array, source: string): DecipherGCM {
    if (sealed.length < VAULT_OVERHEAD_BYTES || !MAGIC.equals(sealed.subarray(0, MAGIC.length)))
      throw new Problem(`${source}: is not encrypted as this party encrypts its files`, 'restore the file from a copy');
    const key = this.#keyOf(sealed);
    if (key === undefined) {
      throw new Problem(
        `${source}: is encrypted under storage key ${idOf(sealed).toString('hex')}, which this party does not have`,
        'restore the storage key that it was written under',
      );
    }
    const head = sealed.subarray(0, HEAD_BYTES);
    const salt = head.subarray(MAGIC.length + ID_BYTES);
    const options = { authTagLength: TAG_BYTES };
    return createDecipheriv(CIPHER, fileKey(key.secret, salt, purpose), NONCE, options).setAAD(head);
  }

  /** What `open` gives, as the parts come. Nobody else has made it if it ends without an error; until then it may be anything. */
  async *openParts(
    purpose: string,
    parts: AsyncIterable<Uint8Array>,
    source: string,
  ): AsyncGenerator<Uint8Array, void> {
    const last = new HeldBack(TAG_BYTES);
    let head = Buffer.alloc(0);
    let decipher: DecipherGCM | undefined;
    for await (const part of parts) {
      let bytes = part;
      if (decipher === undefined) {
        head = Buffer.concat([head, part]);
        if (head.length < VAULT_OVERHEAD_BYTES) continue;
        decipher = this.#opening(purpose, head, source);
        bytes = head.subarray(HEAD_BYTES);
      }
      for (const some of last.take(bytes)) if (some.length > 0) yield decipher.update(some);
    }
    decipher ??= this.#opening(purpose, head, source);
    decipher.setAuthTag(last.bytes);
    checkEnd(decipher, source);
  }

  /** Whether a file is under an older key, and has to be sealed anew before that key can go. */
  isOutdated(sealed: Uint8Array): boolean {
    return !this.#keys[0].id.equals(idOf(sealed));
  }

  #keyOf(sealed: Uint8Array): StorageKey | undefined {
    const id = idOf(sealed);
    return this.#keys.find((key) => key.id.equals(id));
  }
}

function checkEnd(decipher: DecipherGCM, source: string): void {
  try {
    decipher.final();
  } catch {
    throw new Problem(`${source}: is damaged, or another file was put in its place`, 'restore the file from a copy');
  }
}

function idOf(sealed: Uint8Array): Buffer {
  return Buffer.from(sealed.subarray(MAGIC.length, MAGIC.length + ID_BYTES));
}

function fileKey(secret: Uint8Array, salt: Uint8Array, purpose: string): Buffer {
  return derive(secret, salt, `securenn vault ${purpose}`, STORAGE_KEY_BYTES);
}

function derive(secret: Uint8Array, salt: Uint8Array, info: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, bytes));
}

function* pieces(length: number): Generator<readonly [from: number, to: number]> {
  for (let from = 0; from < length; from += PIECE_BYTES) yield [from, Math.min(from + PIECE_BYTES, length)];
}
