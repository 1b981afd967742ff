/** What a link needs of the medium below it: whole frames, in order, to one peer. */
export interface Transport {
  /**
   * Sends one frame, given in pieces that must not change afterwards. Returns nothing when there is room for more, else a promise of
   * room, which rejects when the transport ends first.
   */
  send(parts: readonly Uint8Array[]): Promise<void> | undefined;
  /** Who listens from now on. Frames that arrived while nobody did are handed over first, then the end if it has come. */
  attach(sink: FrameSink): void;
  /** Nobody listens: what arrives is kept for the next sink. */
  detach(): void;
  /** Resolves when the peer has all that was sent, where the transport can tell. Before an orderly end; never rejects. */
  settled?(): Promise<void>;
  /**
   * Orderly end: what was sent still leaves, for as long as the transport thinks reasonable. Resolves when the transport has ended;
   * never rejects.
   */
  close(): Promise<void>;
  /** Ends at once; what has not left is dropped. */
  destroy(): void;
}

export interface FrameSink {
  /** One frame, in one piece or several. */
  onFrame(parts: readonly Uint8Array[]): void;
  /** The transport has ended, with the reason in words. */
  onClose(reason: string): void;
}

/** Of a frame in pieces. */
export function totalBytes(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** The receiving side of a transport: keeps what arrives while nobody listens. */
export class Inlet {
  #sink: FrameSink | undefined;
  #kept: (readonly Uint8Array[])[] = [];
  #ended: string | undefined;

  attach(sink: FrameSink): void {
    this.#sink = sink;
    const kept = this.#kept;
    this.#kept = [];
    // The sink may detach itself on any of these; the rest is then kept again, in order.
    for (const parts of kept) this.frame(parts);
    if (this.#ended !== undefined) this.#sink?.onClose(this.#ended);
  }

  detach(): void {
    this.#sink = undefined;
  }

  frame(parts: readonly Uint8Array[]): void {
    if (this.#sink === undefined) this.#kept.push(parts);
    else this.#sink.onFrame(parts);
  }

  /** The first reason counts. */
  end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#sink?.onClose(reason);
  }
}

/**
 * Senders that wait for room. Room is told by the transport, which knows how much is on its way; the first failure ends the wait of
 * all, present and future.
 */
export class RoomQueue {
  #waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];

  /** A promise of room; never an unhandled rejection, for a sender may have gone on to other things. */
  wait(): Promise<void> {
    const room = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    room.catch(() => undefined);
    return room;
  }

  release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { resolve } of waiting) resolve();
  }

  fail(reason: string): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(new Error(reason));
  }
}
