/**
 * What one party or member alone shall read: HPKE (`hpke.ts`) to its X25519 key.
 *
 * Sealed: encapsulated key (32 bytes) ‖ ciphertext ‖ tag (16 bytes). `info` says what it is, so that nothing sealed for one purpose opens for
 * another. It proves nothing of who sealed it: what needs an author is signed, or comes in a signed request.
 */
import type { Primitives } from '../random/primitives.ts';
import { concatBytes, fromHex, utf8 } from '../random/text.ts';
import { AEAD_TAG_BYTES, ENCAPSULATED_BYTES, open, seal } from './hpke.ts';
import type { PublicIdentity, Signer } from './public-identity.ts';

export const SEAL_OVERHEAD_BYTES: number = ENCAPSULATED_BYTES + AEAD_TAG_BYTES;
const NONCE_BYTES = 12;
/** What an answer is longer than what is sealed in it. */
export const ANSWER_OVERHEAD_BYTES: number = NONCE_BYTES + AEAD_TAG_BYTES;
const ANSWER = utf8('securenn answer');
const NONE = new Uint8Array();

export async function sealBy(
  by: Primitives,
  { seal: key }: PublicIdentity,
  info: string,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  return (await seal(by, fromHex(key), infoOf(info), bytes)).bytes;
}

/** Undefined: it was sealed to somebody else, or for something else, or has been changed. */
export async function openBy(
  by: Primitives,
  identity: Pick<Signer, 'sealing'>,
  info: string,
  sealed: Uint8Array,
): Promise<Uint8Array | undefined> {
  return (await openQuestionBy(by, identity, info, sealed))?.bytes;
}

/** Something sealed to which there is a sealed answer. */
export interface SealedQuestion {
  readonly bytes: Uint8Array;
  /** Undefined: it is no answer to this question by whom it was sealed to. */
  openAnswer(answer: Uint8Array): Promise<Uint8Array | undefined>;
}

export interface OpenedQuestion {
  readonly bytes: Uint8Array;
  /**
   * Sealed to who asked, whoever that is: under a key that both ends export from the question, which needs neither another agreement nor a key of
   * the asker's. Nonce (12 bytes, random: a question that comes twice may be answered twice) ‖ ciphertext ‖ tag.
   */
  sealAnswer(bytes: Uint8Array): Promise<Uint8Array>;
}

export async function sealQuestionBy(
  by: Primitives,
  { seal: key }: PublicIdentity,
  info: string,
  bytes: Uint8Array,
): Promise<SealedQuestion> {
  const sealed = await seal(by, fromHex(key), infoOf(info), bytes);
  return {
    bytes: sealed.bytes,
    async openAnswer(answer) {
      try {
        const [nonce, rest] = [answer.subarray(0, NONCE_BYTES), answer.subarray(NONCE_BYTES)];
        return await by.open(await sealed.exported(ANSWER), nonce, NONE, rest);
      } catch {
        return undefined;
      }
    },
  };
}

/** Undefined: it was sealed to somebody else, or for something else, or has been changed. */
export async function openQuestionBy(
  by: Primitives,
  { sealing }: Pick<Signer, 'sealing'>,
  info: string,
  sealed: Uint8Array,
): Promise<OpenedQuestion | undefined> {
  try {
    const { bytes, exported } = await open(by, sealing, infoOf(info), sealed);
    return {
      bytes,
      async sealAnswer(answer) {
        const nonce = by.randomBytes(NONCE_BYTES);
        return concatBytes(nonce, await by.seal(await exported(ANSWER), nonce, NONE, answer));
      },
    };
  } catch {
    return undefined;
  }
}

function infoOf(info: string): Uint8Array {
  return utf8(`securenn ${info}`);
}
