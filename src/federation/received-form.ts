/**
 * Documents that come from outside, or back from the disk: their form, their signature, their federation. Digests are those of the JSON as it
 * came. Who checks the signature differs: parties at once (`received.ts`), whoever asks them by the cryptography that it has.
 */
import type { ZodType } from 'zod';
import type { Primitives } from '../random/primitives.ts';
import { fromHex } from '../random/text.ts';
import { canonicalBytes, digestOf, type Digest } from './canonical.ts';
import { idOf, inContext, publicIdentitySchema, type Id, type PublicIdentity } from './public-identity.ts';
import { contextOf, signedSchema, type Document, type Signed } from './signed.ts';

/** A document whose signature is right and whose form has been checked. */
export interface Received<T extends Document> {
  /** The document's name. */
  readonly digest: Digest;
  readonly by: PublicIdentity;
  readonly author: Id;
  readonly document: T;
  /** The JSON as it came: what is kept, passed on and digested. */
  readonly signed: Signed;
}

/** What is wrong with a document; no value of it is quoted. */
export interface Fault {
  readonly fault: string;
  readonly fix: string;
}

const CHECK_VERSION = 'see that this program and that of the party are of the same version';

/** A document of the right form. Its signature is not checked yet. */
export interface Formed<T extends Document> {
  /** With what the form fills in. */
  readonly document: T;
  readonly signed: Signed;
}

/** The first step. Never throws, whatever the JSON is. */
export function examineForm<T extends Document>(
  schema: ZodType<T>,
  what: T['securenn'],
  json: unknown,
): Formed<T> | Fault {
  const found = formOf(signedSchema(schema), what, json);
  return 'fault' in found ? found : { document: found.value.document, signed: json as Signed };
}

/** All steps, by the cryptography that is here. Never rejects, whatever the JSON is. */
export async function examineBy<T extends Document>(
  { verify }: Pick<Primitives, 'verify'>,
  schema: ZodType<T>,
  what: T['securenn'],
  json: unknown,
  federation: string,
): Promise<Received<T> | Fault> {
  const found = examineForm(schema, what, json);
  if ('fault' in found) return found;
  const { document, by, signature } = found.signed;
  const bytes = inContext(contextOf(document), canonicalBytes(document));
  if (!(await verify(fromHex(by.sign), bytes, fromHex(signature)))) return NOT_SIGNED(what);
  return receivedOf(found, what, federation);
}

/** The last step, of a document whose signature is right. */
export function receivedOf<T extends Document>(
  { document, signed }: Formed<T>,
  what: string,
  federation: string,
): Received<T> | Fault {
  if (document.federation !== federation) {
    const fix = 'see that the federation file is the one of this party';
    return { fault: `${what}: is for another federation`, fix };
  }
  const by = publicIdentitySchema.parse(signed.by);
  return { digest: digestOf(signed.document), by, author: idOf(by), document, signed };
}

export const NOT_SIGNED = (what: string): Fault => ({
  fault: `${what}: the signature is not that of its author`,
  fix: 'sign the document as it is sent',
});

function formOf<T>(schema: ZodType<T>, what: string, json: unknown): { readonly value: T } | Fault {
  const found = schema.safeParse(json);
  if (found.success) return { value: found.data };
  const [issue] = found.error.issues;
  const place = issue.path.map(String).join('.').slice(0, 200);
  // Its words name types and bounds; of unknown fields it would name those.
  const words = issue.code === 'unrecognized_keys' ? 'a field that does not belong there' : issue.message.slice(0, 300);
  return { fault: `${what}: ${place === '' ? 'the whole' : place}: ${words}`, fix: CHECK_VERSION };
}
