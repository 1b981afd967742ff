/** `sealing.ts` by Node's own cryptography: for parties and the command line. */
import { NODE } from '../random/node-primitives.ts';
import type { PublicIdentity, Signer } from './public-identity.ts';
import { openBy, openQuestionBy, sealBy, type OpenedQuestion } from './sealing.ts';

export function sealTo(to: PublicIdentity, info: string, bytes: Uint8Array): Promise<Uint8Array> {
  return sealBy(NODE, to, info, bytes);
}

/** Undefined: it was sealed to somebody else, or for something else, or has been changed. */
export function openWith(
  identity: Pick<Signer, 'sealing'>,
  info: string,
  sealed: Uint8Array,
): Promise<Uint8Array | undefined> {
  return openBy(NODE, identity, info, sealed);
}

/** The same of something to which there is an answer. */
export function openQuestionWith(
  identity: Pick<Signer, 'sealing'>,
  info: string,
  sealed: Uint8Array,
): Promise<OpenedQuestion | undefined> {
  return openQuestionBy(NODE, identity, info, sealed);
}
