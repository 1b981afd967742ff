/** Documents that come from outside, or back from the disk, checked at once by Node's own cryptography (`received-form.ts`). */
import type { ZodType } from 'zod';
import { canonicalBytes } from './canonical.ts';
import { isSignedBy } from './identity.ts';
import { examineForm, NOT_SIGNED, receivedOf, type Fault, type Received } from './received-form.ts';
import { contextOf, type Document, type Signed } from './signed.ts';

/** Never throws, whatever the JSON is. */
export function examine<T extends Document>(
  schema: ZodType<T>,
  what: T['securenn'],
  json: unknown,
  federation: string,
): Received<T> | Fault {
  const found = examineForm(schema, what, json);
  if ('fault' in found) return found;
  return isProperlySigned(found.signed) ? receivedOf(found, what, federation) : NOT_SIGNED(what);
}

/** Whether the signature is that of `by` over the document as it stands. */
export function isProperlySigned({ document, by, signature }: Signed): boolean {
  return isSignedBy(by, contextOf(document), canonicalBytes(document), new Uint8Array(Buffer.from(signature, 'hex')));
}
