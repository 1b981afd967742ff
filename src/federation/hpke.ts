/**
 * HPKE (RFC 9180): base mode, single shot, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; sections 4, 4.1, 5.1, 5.3
 * and 6.1, no additional data.
 *
 * By X25519, HMAC and AES of `Primitives`. Node's own are there at once: through Web Cryptography, as `@hpke/core` has it, the same takes a dozen
 * tasks of other threads, and an inference seals and opens ten times. One image of network C, in turns on two cores: 1.02 times what `local infer`
 * takes, with `@hpke/core` 1.39 times (`docs/measurements.md`). What comes out is the same, bit for bit (`test/federation/hpke.test.ts`).
 */
import type { Agreeing, Primitives } from '../random/primitives.ts';
import { concatBytes, fromHex, utf8 } from '../random/text.ts';

export const ENCAPSULATED_BYTES = 32;
export const AEAD_TAG_BYTES = 16;
const HASH_BYTES = 32;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;

const NONE = new Uint8Array();
const VERSION = utf8('HPKE-v1');
const KEM_ID = fromHex('0020');
const KEM_SUITE = concatBytes(utf8('KEM'), KEM_ID);
const SUITE = concatBytes(utf8('HPKE'), KEM_ID, fromHex('0001'), fromHex('0002'));
const BASE_MODE = Uint8Array.of(0);
/** LabeledExtract("", "psk_id_hash", ""): in base mode always the same. */
const PSK_ID_HASH = fromHex('4ce5472ecdd5093ba0aecb8f871ff13f1fbc90ee76f0e18ace1a1b7e565bafa3');

/** What both ends of a message can derive besides, and nobody else (5.3). @param context one for each purpose */
export type Export = (context: Uint8Array) => Promise<Uint8Array>;

export interface Sealed {
  /** Encapsulated key ‖ ciphertext ‖ tag. */
  readonly bytes: Uint8Array;
  /** 32 bytes. */
  readonly exported: Export;
}

export interface Opened {
  readonly bytes: Uint8Array;
  readonly exported: Export;
}

/** @param ephemeral fresh, for this message alone; a test has its own */
export async function seal(
  by: Primitives,
  recipient: Uint8Array,
  info: Uint8Array,
  plaintext: Uint8Array,
  ephemeral?: Agreeing,
): Promise<Sealed> {
  const pair = ephemeral ?? (await by.agreeing());
  const encapsulated = pair.publicKey;
  const secrets = await schedule(by, await pair.agree(recipient), encapsulated, recipient, info);
  const { key, nonce } = await keysOf(by, secrets);
  const bytes = concatBytes(encapsulated, await by.seal(key, nonce, NONE, plaintext));
  return { bytes, exported: exporter(by, secrets) };
}

/** Rejects where it does not open: sealed to somebody else or for something else, changed, cut off. */
export async function open(by: Primitives, recipient: Agreeing, info: Uint8Array, sealed: Uint8Array): Promise<Opened> {
  if (sealed.length < ENCAPSULATED_BYTES + AEAD_TAG_BYTES) throw new RangeError('too short to be sealed');
  const encapsulated = sealed.subarray(0, ENCAPSULATED_BYTES);
  const agreed = await recipient.agree(encapsulated);
  const secrets = await schedule(by, agreed, encapsulated, recipient.publicKey, info);
  const { key, nonce } = await keysOf(by, secrets);
  const bytes = await by.open(key, nonce, NONE, sealed.subarray(ENCAPSULATED_BYTES));
  return { bytes, exported: exporter(by, secrets) };
}

/** `secret` and `key_schedule_context`. */
interface Secrets {
  readonly secret: Uint8Array;
  readonly context: Uint8Array;
}

/** ExtractAndExpand of the KEM, then KeySchedule. @param agreed X25519 of both keys, which `Agreeing` has seen not to be zero */
async function schedule(
  by: Primitives,
  agreed: Uint8Array,
  encapsulated: Uint8Array,
  recipient: Uint8Array,
  info: Uint8Array,
): Promise<Secrets> {
  const prk = await labeledExtract(by, KEM_SUITE, NONE, 'eae_prk', agreed);
  const exchanged = concatBytes(encapsulated, recipient);
  const shared = await labeledExpand(by, KEM_SUITE, prk, 'shared_secret', exchanged, HASH_BYTES);
  const context = concatBytes(BASE_MODE, PSK_ID_HASH, await labeledExtract(by, SUITE, NONE, 'info_hash', info));
  return { secret: await labeledExtract(by, SUITE, shared, 'secret', NONE), context };
}

async function keysOf(
  by: Primitives,
  { secret, context }: Secrets,
): Promise<{ readonly key: Uint8Array; readonly nonce: Uint8Array }> {
  // The nonce of the first message, which is the only one, is the base nonce.
  return {
    key: await labeledExpand(by, SUITE, secret, 'key', context, KEY_BYTES),
    nonce: await labeledExpand(by, SUITE, secret, 'base_nonce', context, NONCE_BYTES),
  };
}

function exporter(by: Primitives, { secret, context }: Secrets): Export {
  return async (exported) => {
    const prk = await labeledExpand(by, SUITE, secret, 'exp', context, HASH_BYTES);
    return labeledExpand(by, SUITE, prk, 'sec', exported, KEY_BYTES);
  };
}

async function labeledExtract(
  by: Primitives,
  suite: Uint8Array,
  salt: Uint8Array,
  label: string,
  ikm: Uint8Array,
): Promise<Uint8Array> {
  return by.hmac(salt, VERSION, suite, utf8(label), ikm);
}

/** Of one block of HKDF (RFC 5869): nothing here is longer than a hash. */
async function labeledExpand(
  by: Primitives,
  suite: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  const size = Uint8Array.of(length >> 8, length & 255);
  return (await by.hmac(prk, size, VERSION, suite, utf8(label), info, Uint8Array.of(1))).subarray(0, length);
}
