/** A document and its author's signature: what parties keep as evidence. The document says of what kind it is, so no signature serves two. */
import { z } from 'zod';
import { canonicalBytes, digestOf, type Digest } from './canonical.ts';
import { isSignedBy, publicIdentitySchema, type Identity, type PublicIdentity } from './identity.ts';

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

export function signDocument<T extends Document>(document: T, identity: Identity): Signed<T> {
  const signature = identity.sign(contextOf(document), canonicalBytes(document));
  return { document, by: identity.public, signature: Buffer.from(signature).toString('hex') };
}

/** Whether the signature is that of `by` over the document as it stands. */
export function isProperlySigned({ document, by, signature }: Signed): boolean {
  return isSignedBy(by, contextOf(document), canonicalBytes(document), new Uint8Array(Buffer.from(signature, 'hex')));
}

/** The document's name. */
export function nameOf({ document }: Signed): Digest {
  return digestOf(document);
}

export function signedSchema<T extends Document>(document: z.ZodType<T>): z.ZodType<Signed<T>> {
  const signature = z.string().regex(/^[0-9a-f]{128}$/);
  return z.strictObject({ document, by: publicIdentitySchema, signature });
}

function contextOf({ securenn }: Document): string {
  return `document ${securenn}`;
}
