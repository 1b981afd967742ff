/** Documents that requests bring, and records hold. */
import type { ZodType } from 'zod';
import { examine } from '../federation/received.ts';
import type { Received } from '../federation/received-form.ts';
import type { Document, Signed } from '../federation/signed.ts';
import { Refusal } from './refusal.ts';

/** Throws a Refusal that says what is wrong with it; no value of it is quoted. */
export function receive<T extends Document>(
  schema: ZodType<T>,
  what: T['securenn'],
  json: unknown,
  federation: string,
): Received<T> {
  const found = examine(schema, what, json, federation);
  if ('fault' in found) throw new Refusal(400, found.fault, found.fix);
  return found;
}

/** For a store's records: what was accepted once. Throws with what is wrong. */
export function receivedAgain<T extends Document>(schema: ZodType<T>, what: T['securenn'], json: unknown): Received<T> {
  const { federation } = (json as Partial<Signed> | null)?.document ?? {};
  return receive(schema, what, json, String(federation));
}
