/**
 * Signed requests: how a party knows who asks. Header
 *
 *     authorization: SecureNN id=…, time=…, nonce=…, body=…, signature=…
 *
 * with id: who asks; time: milliseconds since 1970; nonce: 32 hexadecimal digits, fresh; body: SHA-256 of the body, in hexadecimal; signature:
 * base64url of Ed25519 (context `request`) over these lines, each ended by a line feed:
 *
 *     method, path with query, body, id of the party that is asked, its instance, time, nonce
 *
 * Only the header is looked at (`request.ts`), before a byte of the body is read; whoever reads the body compares it with `bodyDigest`.
 *
 * A request is taken once: the instance is random at each start of a party, so nothing from before a start counts; after it nonces are
 * remembered as long as their time would do. Only those whose signature is right are remembered, so many at most for each asker; who is
 * faster than that is refused, never forgotten.
 */
import { idOf, type Id, type PublicIdentity } from './public-identity.ts';
import { sha256 } from '#aes';
import { toBase64Url, toHex, utf8 } from '../random/text.ts';

/** The context of its signature. */
export const REQUEST = 'request';
export const NONCE_BYTES = 16;

export interface RequestToSign {
  readonly method: string;
  /** With the query, as it goes out. */
  readonly path: string;
  /** SHA-256, hexadecimal; absent: of no bytes. */
  readonly bodyDigest?: string | undefined;
  readonly audience: PublicIdentity;
  /** From `GET /v1/hello`. */
  readonly instance: string;
  /** By the party's clock; absent: this machine's. */
  readonly time?: number | undefined;
  readonly nonce?: string | undefined;
}

export const NO_BODY: string = toHex(sha256(new Uint8Array()));

type Complete = RequestToSign & { readonly time: number; readonly nonce: string };

/** What is signed. */
export function linesOf({ method, path, bodyDigest = NO_BODY, audience, instance, time, nonce }: Complete): Uint8Array {
  const lines = [method.toUpperCase(), path, bodyDigest, idOf(audience), instance, String(time), nonce];
  return utf8(lines.map((line) => `${line}\n`).join(''));
}

/** @returns the header `authorization` */
export function headerOf(id: Id, { bodyDigest = NO_BODY, time, nonce }: Complete, signature: Uint8Array): string {
  return `SecureNN id=${id}, time=${time}, nonce=${nonce}, body=${bodyDigest}, signature=${toBase64Url(signature)}`;
}
