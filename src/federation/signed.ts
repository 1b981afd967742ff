/** A document and its author's signature: what parties keep as evidence. The document says of what kind it is, so no signature serves two. */
import * as z from 'zod';
import { canonicalBytes, digestOf, type Digest } from './canonical.ts';
import { toHex } from '../random/text.ts';
import { publicIdentitySchema, type PublicIdentity, type Signer } from './public-identity.ts';

export interface SigningAtOnce extends Pick<Signer, 'public'> {
  sign(context: string, bytes: Uint8Array): Uint8Array;
}

/** Every document names its kind and the federation that it is for. */
export interface Document {
  readonly securenn: string;
  readonly federation: string;
}

export interface Signed<T extends Document = Document> {
  readonly document: T;
  readonly by: PublicIdentity;
  /** Ed25519 over the document's canonical bytes, in hexadecimal. */
  readonly signature: string;
}

/** By an identity that signs at once. */
export function signDocument<T extends Document>(document: T, identity: SigningAtOnce): Signed<T> {
  return signedAs(document, identity, identity.sign(contextOf(document), canonicalBytes(document)));
}

/** By an identity wherever its keys are. */
export async function signLater<T extends Document>(document: T, identity: Signer): Promise<Signed<T>> {
  return signedAs(document, identity, await identity.sign(contextOf(document), canonicalBytes(document)));
}

function signedAs<T extends Document>(document: T, identity: Pick<Signer, 'public'>, signature: Uint8Array): Signed<T> {
  return { document, by: identity.public, signature: toHex(signature) };
}

/** The document's name. */
export function nameOf({ document }: Signed): Digest {
  return digestOf(document);
}

export function signedSchema<T extends Document>(document: z.ZodType<T>): z.ZodType<Signed<T>> {
  const signature = z.string().regex(/^[0-9a-f]{128}$/);
  return z.strictObject({ document, by: publicIdentitySchema, signature });
}

export function contextOf({ securenn }: Document): string {
  return `document ${securenn}`;
}
