/**
 * The identity of a party, an owner, an analyst or a client: an Ed25519 key that signs and an X25519 key that others seal to. The two public
 * halves are known to everybody; the id, SHA-256 of both, names their holder in documents and requests. Nothing here needs Node.
 */
import * as z from 'zod';
import type { Agreeing, Eventually } from '../random/primitives.ts';
import { sha256 } from '#aes';
import { concatBytes, fromHex, toHex, utf8 } from '../random/text.ts';

export const keySchema: z.ZodType<string> = z.string().regex(/^[0-9a-f]{64}$/);

/** Public: both keys as the raw 32 bytes of RFC 8032 and RFC 7748, in hexadecimal. */
export interface PublicIdentity {
  readonly sign: string;
  readonly seal: string;
}

export const publicIdentitySchema: z.ZodType<PublicIdentity> = z.strictObject({ sign: keySchema, seal: keySchema });

/** First 32 hexadecimal digits of SHA-256(sign ‖ seal). */
export type Id = string;
export const idSchema: z.ZodType<Id> = z.string().regex(/^[0-9a-f]{32}$/);

/** Who signs and opens, wherever its secret halves are: `Identity` in Node, keys of Web Cryptography in a page. */
export interface Signer {
  readonly public: PublicIdentity;
  readonly id: Id;
  /** Ed25519, 64 bytes. `context` keeps a signature of one purpose from serving another. */
  sign(context: string, bytes: Uint8Array): Eventually<Uint8Array>;
  /** The X25519 pair that others seal to. */
  readonly sealing: Agreeing;
}

/** Hashed once for an identity that is known for long: a request asks for half a dozen ids. */
const ids = new WeakMap<PublicIdentity, Id>();

export function idOf(identity: PublicIdentity): Id {
  const known = ids.get(identity);
  if (known !== undefined) return known;
  const id = toHex(sha256(fromHex(identity.sign + identity.seal))).slice(0, 32);
  ids.set(identity, id);
  return id;
}

/** What is signed of bytes that are for one purpose. */
export function inContext(context: string, bytes: Uint8Array): Uint8Array {
  return concatBytes(utf8(`securenn ${context}\0`), bytes);
}
