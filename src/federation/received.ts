/** Documents that come from outside, or back from the disk: their form, their signature, their federation. Digests are those of the JSON as it came. */
import type { ZodType } from 'zod';
import { digestOf, type Digest } from './canonical.ts';
import { idOf, publicIdentitySchema, type Id, type PublicIdentity } from './identity.ts';
import { isProperlySigned, signedSchema, type Document, type Signed } from './signed.ts';

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

/** Never throws, whatever the JSON is. */
export function examine<T extends Document>(
  schema: ZodType<T>,
  what: T['securenn'],
  json: unknown,
  federation: string,
): Received<T> | Fault {
  const found = formOf(signedSchema(schema), what, json);
  if ('fault' in found) return found;
  const signed = json as Signed;
  const { document } = found.value;
  if (!isProperlySigned(signed))
    return { fault: `${what}: the signature is not that of its author`, fix: 'sign the document as it is sent' };
  if (document.federation !== federation) {
    const fix = 'see that the federation file is the one of this party';
    return { fault: `${what}: is for another federation`, fix };
  }
  const by = publicIdentitySchema.parse(signed.by);
  return { digest: digestOf(signed.document), by, author: idOf(by), document, signed };
}

function formOf<T>(schema: ZodType<T>, what: string, json: unknown): { readonly value: T } | Fault {
  const found = schema.safeParse(json);
  if (found.success) return { value: found.data };
  const [issue] = found.error.issues;
  const place = issue.path.map(String).join('.').slice(0, 200);
  // Its words name types and bounds; of unknown fields it would name those.
  const words = issue.code === 'unrecognized_keys' ? 'a field that does not belong there' : issue.message.slice(0, 300);
  return { fault: `${what}: ${place === '' ? 'the whole' : place}: ${words}`, fix: CHECK_VERSION };
}
