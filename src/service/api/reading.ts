/** What requests carry: JSON, signed documents, bytes; and who may send what. */
import type { ZodType } from 'zod';
import type { MemberRole } from '../../federation/card.ts';
import type { Document } from '../../federation/signed.ts';
import { readBody } from '../http/body.ts';
import type { Received } from '../jobs-api.ts';
import { receive } from '../received.ts';
import { Refusal } from '../refusal.ts';
import type { ApiContext, Asker, Call, InputCall } from './context.ts';

/** The longest document is a network of 512 layers with all its data sets, or a list of clients. */
export const JSON_BYTES: number = 512 * 1024;
const DIGEST = /^[0-9a-f]{64}$/;

/** The body as JSON. */
export async function readJson(call: Call, { bodies }: ApiContext, maxBytes: number = JSON_BYTES): Promise<unknown> {
  const bytes = await readBytes(call, bodies, maxBytes);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Refusal(400, 'the body is no JSON', 'send JSON in UTF-8');
  }
}

export async function readBytes(call: InputCall, bodies: ApiContext['bodies'], maxBytes: number): Promise<Buffer> {
  const { incoming } = call.env;
  // Room is taken for what is announced, and for the most where nothing is.
  const announced = Number(incoming.headers['content-length'] ?? maxBytes);
  const giveBack = bodies.take(Math.min(announced, maxBytes));
  try {
    return await readBody(incoming, { digest: call.get('bodyDigest'), maxBytes });
  } finally {
    giveBack();
  }
}

/** A body that is a signed document of a member who has the right, sent by its author or passed on by a party. */
export async function readDocument<T extends Document>(
  call: Call,
  context: ApiContext,
  schema: ZodType<T>,
  what: T['securenn'],
  right: MemberRole | undefined,
): Promise<Received<T>> {
  return checkAuthor(call, context, receive(schema, what, await readJson(call, context), context.federation), right);
}

export function checkAuthor<T extends Document>(
  call: Call,
  { directory }: ApiContext,
  document: Received<T>,
  right: MemberRole | undefined,
): Received<T> {
  const asker = call.get('asker');
  const author = directory.find(document.author);
  if (author === undefined || author === 'revoked' || (asker.id !== author.id && asker.party === undefined)) {
    throw new Refusal(403, 'the document is not signed by who sends it', 'sign it with the identity that sends it');
  }
  if (right !== undefined) checkRight(author, right);
  return document;
}

/** Parties are no members. */
export function checkRight({ member }: Asker, right: MemberRole): void {
  if (member?.roles.includes(right) === true) return;
  const fix = 'ask the operator of this party to admit you for that (securenn party admit)';
  throw new Refusal(403, `you are not admitted as ${right === 'client' ? 'a client' : `an ${right}`} here`, fix);
}

export function checkParty({ party }: Asker): Exclude<Asker['party'], undefined> {
  if (party !== undefined) return party;
  throw new Refusal(403, 'this is between parties', 'ask as a party');
}

export function digestIn(call: Pick<InputCall, 'req'>, name: string): string {
  const digest = call.req.param(name) ?? '';
  if (DIGEST.test(digest)) return digest;
  throw new Refusal(404, 'no such thing here', 'name it by its digest, 64 hexadecimal digits');
}

/** A whole number in the query or path. */
export function wholeNumber(text: string | undefined, what: string, fallback?: number): number {
  if (text === undefined && fallback !== undefined) return fallback;
  if (text !== undefined && /^(0|[1-9][0-9]{0,8})$/.test(text)) return Number(text);
  throw new Refusal(400, `${what}: expected a whole number`, 'give digits alone');
}
