/** Canonical JSON (RFC 8785): the one way to write a document, so that its SHA-256 can be its name and a signature cover it. */
import canonicalize from 'canonicalize';
import { sha256 } from '#aes';
import { toHex } from '../random/text.ts';

/** UTF-8. Throws on what JSON has no place for. */
export function canonicalBytes(document: unknown): Uint8Array {
  // The package is CommonJS: its function is the module, or the module's default, depending on who loads it.
  const write = canonicalize as unknown as (value: unknown) => string | undefined;
  // Through JSON first: a field that is undefined is a field that is absent.
  const text = write(JSON.parse(JSON.stringify(document)));
  if (text === undefined) throw new RangeError('a document must be JSON');
  return new TextEncoder().encode(text);
}

/** SHA-256 of the canonical bytes, 64 hexadecimal digits: the document's name. */
export type Digest = string;

export function digestOf(document: unknown): Digest {
  return toHex(sha256(canonicalBytes(document)));
}

/** Digits of an id or digest that people are shown. */
export const SHORT = 12;
