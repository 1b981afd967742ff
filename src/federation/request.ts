/** Signed requests (`request-lines.ts`), made and checked at once by Node's own cryptography. */
import { randomBytes } from 'node:crypto';
import { isSignedBy, type Identity } from './identity.ts';
import { idOf, type Id, type PublicIdentity } from './public-identity.ts';
import { headerOf, linesOf, NONCE_BYTES, REQUEST, type RequestToSign } from './request-lines.ts';

/** How far from the party's clock a request's may be. */
export const CLOCK_TOLERANCE_MS = 120_000;
/** Nonces of one asker that are remembered: 160 requests a second, for four minutes. */
const MOST_NONCES = 40_000;
const SLOT_MS = 10_000;
/** In place of an id, which it is not. */
const VISITORS = 'visitors';

/** @returns the header `authorization` */
export function signRequest(identity: Identity, request: RequestToSign): string {
  const { time = Date.now(), nonce = randomBytes(NONCE_BYTES).toString('hex') } = request;
  const asked = { ...request, time, nonce };
  return headerOf(identity.id, asked, identity.sign(REQUEST, linesOf(asked)));
}

export interface RequestToCheck {
  readonly method: string;
  /** With the query, as it came. */
  readonly path: string;
  readonly authorization: string | undefined;
  /** The key that came with it, of somebody who may be unknown. */
  readonly visitor?: PublicIdentity | undefined;
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
  /** Nobody knows this key: it came with the request. */
  readonly isVisitor: boolean;
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

  check({ method, path, authorization, visitor }: RequestToCheck): AcceptedRequest | RefusedRequest {
    if (authorization === undefined) return { refused: 'no signature' };
    const fields = authorization.length > LONGEST_HEADER ? null : HEADER.exec(authorization);
    if (fields === null || /[\r\n]/.test(method + path)) return { refused: 'form' };
    const [, id, milliseconds, nonce, body, encoded] = fields;
    const { known, audiences, instance, now = Date.now, mostNonces = MOST_NONCES } = this.#options;
    const found = known(id);
    const isVisitor = found === undefined && visitor !== undefined;
    const identity = found ?? visitor;
    // All visitors together are remembered as one: keys cost nothing.
    const asker = isVisitor ? VISITORS : id;
    if (identity === undefined) return { refused: 'unknown', id };
    if (identity === 'revoked') return { refused: 'revoked', id };
    const time = Number(milliseconds);
    const signature = new Uint8Array(Buffer.from(encoded, 'base64url'));
    // One way to write it: the last letter has bits to spare.
    if (Buffer.from(signature).toString('base64url') !== encoded) return { refused: 'form', id };
    const meant = audiences().some((audience) => {
      const lines = linesOf({ method, path, bodyDigest: body, audience, instance, time, nonce });
      return isSignedBy(identity, REQUEST, lines, signature);
    });
    if (!meant || idOf(identity) !== id) return { refused: 'signature', id };
    const clockOffset = time - now();
    if (Math.abs(clockOffset) > CLOCK_TOLERANCE_MS) return { refused: 'time', id, clockOffset };
    this.#forget(now());
    if (slotOf(time) < this.#oldest) return { refused: 'clock', id };
    if (this.#seen.get(slotOf(time))?.get(asker)?.has(nonce) === true) return { refused: 'replayed', id };
    if (this.#countOf(asker) >= mostNonces) return { refused: 'too many', id };
    this.#remember(asker, time, nonce);
    return { id, identity, bodyDigest: body, isVisitor };
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
