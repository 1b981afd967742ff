/** Documents that come from outside, or back from the disk: their form, their signature, their federation. Digests are those of the JSON as it came. */
import type { ZodSafeParseResult, ZodType } from 'zod';
import { Problem } from '../data/problem.ts';
import { digestOf } from '../federation/canonical.ts';
import { idOf, publicIdentitySchema } from '../federation/identity.ts';
import { isProperlySigned, signedSchema, type Document, type Signed } from '../federation/signed.ts';
import type { Received } from './jobs-api.ts';
import { Refusal } from './refusal.ts';

const CHECK_VERSION = 'see that this program and that of the party are of the same version';

/** Throws a Refusal that says what is wrong with it; no value of it is quoted. */
export function receive<T extends Document>(
  schema: ZodType<T>,
  what: T['securenn'],
  json: unknown,
  federation: string,
): Received<T> {
  const document = parseSigned(schema, what, json);
  const signed = json as Signed;
  if (!isProperlySigned(signed)) {
    throw new Refusal(400, `${what}: the signature is not that of its author`, 'sign the document as it is sent');
  }
  if (document.federation !== federation) {
    throw new Refusal(
      400,
      `${what}: is for another federation`,
      'see that the federation file is the one of this party',
    );
  }
  const by = publicIdentitySchema.parse(signed.by);
  return { digest: digestOf(signed.document), by, author: idOf(by), document, signed };
}

function parseSigned<T extends Document>(schema: ZodType<T>, what: string, json: unknown): T {
  const found = parse(signedSchema(schema), what, json);
  if (found.success) return found.data.document;
  const [issue] = found.error.issues;
  const place = issue.path.map(String).join('.').slice(0, 200);
  // Its words name types and bounds; of unknown fields it would name those.
  const words = issue.code === 'unrecognized_keys' ? 'a field that does not belong there' : issue.message.slice(0, 200);
  throw new Refusal(400, `${what}: ${place === '' ? 'the whole' : place}: ${words}`, CHECK_VERSION);
}

/** A network that is none is a Problem of its own (`parseNetwork`). */
function parse<T>(schema: ZodType<T>, what: string, json: unknown): ZodSafeParseResult<T> {
  try {
    return schema.safeParse(json);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new Refusal(400, `${what}: ${error.message.slice(0, 300)}`, error.fix);
  }
}

/** For a store's records: what was accepted once. Throws with what is wrong. */
export function receivedAgain<T extends Document>(schema: ZodType<T>, what: T['securenn'], json: unknown): Received<T> {
  const { federation } = (json as Partial<Signed> | null)?.document ?? {};
  return receive(schema, what, json, String(federation));
}
