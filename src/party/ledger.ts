/**
 * What a worker has opened with the other one, where a session is private (docs/malicious.md). Each puts what it computed as the opened value
 * into a digest, and both compare digests before anything is revealed that follows from these openings: what is to be revealed waits here
 * until then. So a message that was changed without its sender's doing ends the session, and no wrong result leaves it. A worker that lies
 * and computes on with its lie is not found out: it might as well have had another share.
 */
import { timingSafeEqual } from 'node:crypto';
import { ChannelError } from '../channel/channel.ts';

/** `random/openings.ts` has one. */
export interface Digest {
  /** Of what was opened under a path and purpose, which come once. */
  add(path: string, purpose: string, opened: Uint8Array): void;
  /** Of all since the last time, in whatever order it was added. */
  take(): Uint8Array;
}

export interface Agreement {
  /** Also where nothing waits to be revealed. */
  readonly always?: boolean;
  /** Agreed upon first, too: what other ranks of this party have opened. */
  readonly others?: (() => Promise<void>) | undefined;
}

/** A worker, as it speaks with the other one. */
export interface Worker {
  readonly path: string;
  readonly peer: 'P0' | 'P1';
  send(to: 'P0' | 'P1', purpose: string, data: Uint8Array): Promise<void>;
  receive(from: 'P0' | 'P1', purpose: string, type: 'u8', length: number): Promise<Uint8Array>;
}

export class Ledger {
  readonly #begin: () => Digest;
  readonly #digest: Digest;
  #waiting: (() => Promise<void>)[] = [];
  #agreements = 0;

  constructor(begin: () => Digest) {
    this.#begin = begin;
    this.#digest = begin();
  }

  /** Of a task that is agreed upon apart from what goes on beside it. */
  apart(): Ledger {
    return new Ledger(this.#begin);
  }

  note(path: string, purpose: string, opened: BigUint64Array | Uint8Array): void {
    this.#digest.add(path, purpose, new Uint8Array(opened.buffer, opened.byteOffset, opened.byteLength));
  }

  /** Revealed when both have agreed. */
  hold(reveal: () => Promise<void>): void {
    this.#waiting.push(reveal);
  }

  /** All that this ledger's tasks open is opened: both workers call it at the same place. */
  async agree(party: Worker, { always = false, others }: Agreement = {}): Promise<void> {
    const waiting = this.#waiting;
    if (waiting.length === 0 && !always) return;
    this.#waiting = [];
    const mine = this.#digest.take();
    const purpose = `openings/${this.#agreements++}`;
    const [theirs] = await Promise.all([
      party.receive(party.peer, purpose, 'u8', mine.length),
      party.send(party.peer, purpose, mine.slice()),
      others?.(),
    ]);
    if (!timingSafeEqual(mine, theirs)) {
      const what = `${party.path}: P0 and P1 have opened different values`;
      throw new ChannelError(
        `${what}: a message between them was changed, or one of the two does not say what it computes`,
      );
    }
    for (const reveal of waiting) await reveal();
  }
}
