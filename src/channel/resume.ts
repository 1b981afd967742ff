/**
 * How a link goes on over a new connection. Both ends shake hands anew: they prove who they are with new ephemeral keys and compare session
 * and configuration as for a new link (`handshake.ts`). Then each says in its terms, sealed for the other,
 *
 *     attempt    which attempt of the dialling end this is, from 1; B answers with A's
 *     received   how many frames of the other it has
 *     proof      HMAC-SHA256(resumeKey, role ‖ attempt ‖ received ‖ SHA-256(hellos)), in hexadecimal
 *
 * The resume key came with the link's first connection, so only the two ends that had it can go on with it: an identity key does not
 * suffice. The proof covers both hellos of this connection, so it serves no other. Each end sends again what the other does not have, the
 * very same bytes, under new TLS keys; what the other has it has forgotten, and a count that says otherwise ends the link. The keys that
 * the new handshake would give are dropped: random streams go on as they were.
 *
 * A connection that was under way while a newer one came through has a lower attempt and is turned away, whoever held it up.
 */
import { createHmac, createHash, timingSafeEqual } from 'node:crypto';
import type { PeerName } from './channel.ts';
import { StrangerError } from './handshakeErrors.ts';

export interface Claim {
  readonly attempt: number;
  readonly received: number;
  readonly proof: string;
}

/** The end of a link that connections come and go under. */
export interface Resumable {
  /** Lets go of the connection it has, if it has one. Returns how many frames of the peer have arrived: no more come until it is joined. */
  suspend(): number;
  /** Why the peer cannot have received so many frames, in words; undefined: it can. */
  faultOf(received: number): string | undefined;
  /** Ends the link for good. */
  fail(reason: string): void;
}

/** One link's right to go on, at one end. */
export class Resumption {
  readonly #self: PeerName;
  readonly #peer: PeerName;
  readonly #key: Uint8Array;
  readonly #end: Resumable;
  #attempt = 0;

  constructor(self: PeerName, peer: PeerName, key: Uint8Array, end: Resumable) {
    this.#self = self;
    this.#peer = peer;
    this.#key = key;
    this.#end = end;
  }

  /** What the dialling end says. */
  claim(hellos: Uint8Array): Claim {
    return this.#claimed(++this.#attempt, hellos);
  }

  /** What the listening end answers, once it has checked what the other said. The connection it had is over then. Throws a StrangerError. */
  answer(claim: Claim, hellos: Uint8Array): Claim {
    this.#checkProof(claim, hellos);
    if (claim.attempt <= this.#attempt)
      throw new StrangerError(`${this.#peer}: a connection that came later than a newer one of its own`);
    this.#attempt = claim.attempt;
    this.#checkReceived(claim);
    return this.#claimed(claim.attempt, hellos);
  }

  /** The dialling end checks the answer. Throws a StrangerError. */
  check(claim: Claim, hellos: Uint8Array): void {
    this.#checkProof(claim, hellos);
    if (claim.attempt !== this.#attempt) throw new StrangerError(`${this.#peer}: an answer to another attempt`);
    this.#checkReceived(claim);
  }

  #claimed(attempt: number, hellos: Uint8Array): Claim {
    const received = this.#end.suspend();
    return { attempt, received, proof: this.#proof(this.#self, attempt, received, hellos).toString('hex') };
  }

  #proof(role: PeerName, attempt: number, received: number, hellos: Uint8Array): Buffer {
    const digest = createHash('sha256').update(hellos).digest();
    return createHmac('sha256', this.#key).update(`${role} ${attempt} ${received} `).update(digest).digest();
  }

  #checkProof({ attempt, received, proof }: Claim, hellos: Uint8Array): void {
    const [found, expected] = [Buffer.from(proof, 'hex'), this.#proof(this.#peer, attempt, received, hellos)];
    if (found.length !== expected.length || !timingSafeEqual(found, expected))
      throw new StrangerError(`${this.#peer}: it did not prove that it had this link`);
  }

  /** Whoever made the proof is the peer: a count that cannot be is a fault of this link, for good. */
  #checkReceived({ received }: Claim): void {
    const fault = this.#end.faultOf(received);
    if (fault === undefined) return;
    this.#end.fail(fault);
    throw new StrangerError(`${this.#peer}: ${fault}`);
  }
}

/** A claim as it came; undefined: it is none. */
export function parseClaim(content: unknown): Claim | undefined {
  if (typeof content !== 'object' || content === null) return undefined;
  const { attempt, received, proof } = content as Partial<Record<keyof Claim, unknown>>;
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!isCount(attempt) || !isCount(received) || typeof proof !== 'string') return undefined;
  return { attempt, received, proof };
}
