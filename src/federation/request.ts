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
 * Only the header is looked at here, before a byte of the body is read; whoever reads the body compares it with `bodyDigest`.
 *
 * A request is taken once: the instance is random at each start of a party, so nothing from before a start counts; after it nonces are
 * remembered as long as their time would do. Only those whose signature is right are remembered, so many at most for each asker; who is
 * faster than that is refused, never forgotten.
 */
import { createHash, randomBytes } from 'node:crypto';
import { idOf, isSignedBy, type Id, type Identity, type PublicIdentity } from './identity.ts';

/** How far from the party's clock a request's may be. */
export const CLOCK_TOLERANCE_MS = 120_000;
const CONTEXT = 'request';
const NONCE_BYTES = 16;
/** Nonces of one asker that are remembered: 160 requests a second, for four minutes. */
const MOST_NONCES = 40_000;
const SLOT_MS = 10_000;

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

export const NO_BODY: string = createHash('sha256').digest('hex');

/** @returns the header `authorization` */
export function signRequest(identity: Identity, request: RequestToSign): string {
  const { method, path, bodyDigest = NO_BODY, audience, instance, time = Date.now() } = request;
  const nonce = request.nonce ?? randomBytes(NONCE_BYTES).toString('hex');
  const lines = linesOf({ method, path, body: bodyDigest, audience: idOf(audience), instance, time, nonce });
  const signature = Buffer.from(identity.sign(CONTEXT, lines)).toString('base64url');
  return `SecureNN id=${identity.id}, time=${time}, nonce=${nonce}, body=${bodyDigest}, signature=${signature}`;
}

interface Lines {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly audience: Id;
  readonly instance: string;
  readonly time: number;
  readonly nonce: string;
}

function linesOf({ method, path, body, audience, instance, time, nonce }: Lines): Uint8Array {
  const lines = [method.toUpperCase(), path, body, audience, instance, String(time), nonce];
  return new TextEncoder().encode(lines.map((line) => `${line}\n`).join(''));
}

export interface RequestToCheck {
  readonly method: string;
  /** With the query, as it came. */
  readonly path: string;
  readonly authorization: string | undefined;
}

/** For logs; a stranger learns none of it. */
export type RefusedRequest = {
  /** `clock`: this party's own clock has gone back, by more than it can tell old requests from new ones; a restart helps. */
  readonly refused:
    'no signature' | 'form' | 'unknown' | 'revoked' | 'signature' | 'time' | 'clock' | 'replayed' | 'too many';
  /** Whom it claims to come from; proved for all from `time` on. */
  readonly id?: Id | undefined;
  /** For `time`: by how much the asker's clock is ahead, in milliseconds. Its signature is right, so it may be told. */
  readonly clockOffset?: number | undefined;
};

export interface AcceptedRequest {
  readonly id: Id;
  readonly identity: PublicIdentity;
  /** SHA-256 that the body must have. */
  readonly bodyDigest: string;
}

export interface RequestCheckerOptions {
  /** This party: its identity, and the one before or after while it changes. */
  readonly audiences: () => readonly PublicIdentity[];
  /** Random at each start. */
  readonly instance: string;
  /** Who may ask at this moment. */
  readonly known: (id: Id) => PublicIdentity | 'revoked' | undefined;
  readonly now?: (() => number) | undefined;
  readonly mostNonces?: number | undefined;
}

const HEADER =
  /^SecureNN id=([0-9a-f]{32}), time=([1-9][0-9]{0,15}), nonce=([0-9a-f]{32}), body=([0-9a-f]{64}), signature=([A-Za-z0-9_-]{86})$/;
const LONGEST_HEADER = 400;

export class RequestChecker {
  readonly #options: RequestCheckerOptions;
  /** By slot of the time in the request, then by asker. */
  readonly #seen = new Map<number, Map<Id, Set<string>>>();
  /** Slots before this one are forgotten. */
  #oldest = 0;

  constructor(options: RequestCheckerOptions) {
    this.#options = options;
  }

  check({ method, path, authorization }: RequestToCheck): AcceptedRequest | RefusedRequest {
    if (authorization === undefined) return { refused: 'no signature' };
    const fields = authorization.length > LONGEST_HEADER ? null : HEADER.exec(authorization);
    if (fields === null || /[\r\n]/.test(method + path)) return { refused: 'form' };
    const [, id, milliseconds, nonce, body, encoded] = fields;
    const { known, audiences, instance, now = Date.now, mostNonces = MOST_NONCES } = this.#options;
    const identity = known(id);
    if (identity === undefined) return { refused: 'unknown', id };
    if (identity === 'revoked') return { refused: 'revoked', id };
    const time = Number(milliseconds);
    const signature = new Uint8Array(Buffer.from(encoded, 'base64url'));
    // One way to write it: the last letter has bits to spare.
    if (Buffer.from(signature).toString('base64url') !== encoded) return { refused: 'form', id };
    const meant = audiences().some((audience) => {
      const lines = linesOf({ method, path, body, audience: idOf(audience), instance, time, nonce });
      return isSignedBy(identity, CONTEXT, lines, signature);
    });
    if (!meant || idOf(identity) !== id) return { refused: 'signature', id };
    const clockOffset = time - now();
    if (Math.abs(clockOffset) > CLOCK_TOLERANCE_MS) return { refused: 'time', id, clockOffset };
    this.#forget(now());
    if (slotOf(time) < this.#oldest) return { refused: 'clock', id };
    if (this.#seen.get(slotOf(time))?.get(id)?.has(nonce) === true) return { refused: 'replayed', id };
    if (this.#countOf(id) >= mostNonces) return { refused: 'too many', id };
    this.#remember(id, time, nonce);
    return { id, identity, bodyDigest: body };
  }

  #remember(id: Id, time: number, nonce: string): void {
    const slot = this.#seen.get(slotOf(time)) ?? new Map<Id, Set<string>>();
    this.#seen.set(slotOf(time), slot);
    const nonces = slot.get(id) ?? new Set();
    slot.set(id, nonces);
    nonces.add(nonce);
  }

  /** What would be refused for its time need not be known. */
  #forget(now: number): void {
    this.#oldest = Math.max(this.#oldest, slotOf(now - CLOCK_TOLERANCE_MS));
    for (const slot of this.#seen.keys()) if (slot < this.#oldest) this.#seen.delete(slot);
  }

  #countOf(id: Id): number {
    let count = 0;
    for (const slot of this.#seen.values()) count += slot.get(id)?.size ?? 0;
    return count;
  }
}

function slotOf(time: number): number {
  return Math.floor(time / SLOT_MS);
}
