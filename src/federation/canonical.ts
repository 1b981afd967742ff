/** Canonical JSON (RFC 8785): the one way to write a document, so that its SHA-256 can be its name and a signature cover it. */
import { sha256 } from '#aes';
import { toHex } from '../random/text.ts';

/** UTF-8. Throws on what JSON has no place for. */
export function canonicalBytes(document: unknown): Uint8Array {
  // Through JSON first: a field that is undefined is a field that is absent.
  const text = JSON.stringify(document) as string | undefined;
  if (text === undefined) throw new RangeError('a document must be JSON');
  return new TextEncoder().encode(write(JSON.parse(text)));
}

/** Of what JSON.parse gives. Fields stand in the order of their UTF-16 units (§3.2.3); numbers and strings as ECMAScript writes them (§3.2.2). */
function write(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = value as Readonly<Record<string, unknown>>;
  return `{${Object.keys(fields)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${write(fields[name])}`)
    .join(',')}}`;
}

/** SHA-256 of the canonical bytes, 64 hexadecimal digits: the document's name. */
export type Digest = string;

export function digestOf(document: unknown): Digest {
  return toHex(sha256(canonicalBytes(document)));
}

/** Digits of an id or digest that people are shown. */
export const SHORT = 12;
