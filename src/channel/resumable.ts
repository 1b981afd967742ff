/**
 * A transport that outlives its connections. Frames are counted, one by one, in each direction; what the peer has not acknowledged is kept
 * and sent again, the very same bytes, over the next connection (`resume.ts`, `reconnect.ts`). Nothing is lost, doubled or reordered.
 *
 *     joined ──connection ends──▶ apart ──resume()──▶ joined … ──close(), destroy(), fail()──▶ ended
 *
 * Acknowledgements ride on the heartbeats that tell progress, and go out at once when so many frames or bytes have come in. Memory: senders wait
 * for room once `HELD_BYTES` are kept (a larger frame passes alone), and a link with `MOST_BYTES` of them, from senders that did not
 * wait, fails.
 */
import { ChannelError } from './channel.ts';
import type { Resumable } from './resume.ts';
import { Inlet, RoomQueue, type FrameSink, type Transport } from './transport.ts';

/** Counts of frames, from the beginning of the link. */
export interface FrameCounts {
  /** Received, for the peer to know. */
  told(): number;
  /** The peer says that it has so many. */
  acknowledge(count: number): void;
}

/** What runs below for a while. */
export interface Connection extends Transport {
  /** It ended as both ends wanted. */
  readonly endedCleanly: boolean;
  /** Tells the peer at once how much has been received, by a heartbeat. */
  tell(): void;
}

export interface ResumableOptions {
  /** How long the peer may be away. */
  readonly patienceMs: number;
  /** The connection has ended, with the reason in words; `resume` or `fail` is expected. */
  readonly onApart: (reason: string) => void;
  /** No connection is needed any more. */
  readonly onEnded: () => void;
}

/** Frames that the peer has not acknowledged, above which senders wait. */
const HELD_BYTES = 64 * 2 ** 20;
const MOST_BYTES = 256 * 2 ** 20;
/** An acknowledgement goes out at once after so much. */
const TELL_BYTES = 2 ** 20;
const TELL_FRAMES = 256;
/** How long this end, which has all, waits at an orderly end for a peer that may not know it. */
const LINGER_MS = 5_000;
/** What keeping a frame costs besides its bytes, roughly. */
const OVERHEAD_BYTES = 256;
const CLOSED = 'the connection was closed';

interface Held {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

export class ResumableTransport implements Transport, FrameSink, Resumable {
  readonly #options: ResumableOptions;
  readonly #inlet: Inlet = new Inlet();
  readonly #room: RoomQueue = new RoomQueue();
  #connection: Connection | undefined;
  /** From the first that the peer has not acknowledged; those before `#from` are gone. */
  #held: Held[] = [];
  #from = 0;
  #heldBytes = 0;
  /** Frames, from the beginning of the link: that the peer has, that this connection was given, that any was given. */
  #acknowledged = 0;
  #given = 0;
  #everGiven = 0;
  #received = 0;
  #untoldFrames = 0;
  #untoldBytes = 0;
  /** The connection has no room. */
  #blocked = false;
  #settling: (() => void) | undefined;
  #closing = false;
  #ended: string | undefined;
  #onJoined: () => void = () => undefined;

  constructor(options: ResumableOptions) {
    this.#options = options;
  }

  /** Bytes kept for the peer. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Frames that have come through, either way. */
  get framesThrough(): number {
    return this.#received + this.#acknowledged;
  }

  get isApart(): boolean {
    return this.#ended === undefined && this.#connection === undefined;
  }

  // ── for the link above ──

  send(parts: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#ended !== undefined) return refusal(this.#ended);
    const bytes = parts.reduce((sum, part) => sum + part.length, OVERHEAD_BYTES);
    this.#held.push({ parts, bytes });
    this.#heldBytes += bytes;
    if (this.#heldBytes > MOST_BYTES && this.#held.length - this.#from > 1) {
      this.fail(`${this.#heldBytes} bytes wait for it to acknowledge them, the limit is ${MOST_BYTES}`);
      return refusal(this.#ended!);
    }
    this.#give();
    return this.#hasRoom ? undefined : this.#room.wait();
  }

  attach(sink: FrameSink): void {
    this.#inlet.attach(sink);
  }

  detach(): void {
    this.#inlet.detach();
  }

  /** Resolves when the peer has all that was sent, or cannot be told any more. Until then the link may go on over other connections. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#settling = resolve;
      this.#connection?.tell();
      this.#settle();
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    // After an orderly end the peer may not know yet that this side has all: it gets the chance to ask once more.
    const orderly = this.#settling !== undefined && this.#acknowledged === this.#sent;
    const deadline = performance.now() + Math.min(LINGER_MS, this.#options.patienceMs);
    do {
      const connection = this.#connection;
      if (connection === undefined) continue;
      await connection.close();
      if (connection.endedCleanly) break;
    } while (orderly && this.#ended === undefined && (await this.#joined(deadline - performance.now())));
    this.#end(CLOSED);
  }

  destroy(): void {
    const connection = this.#connection;
    this.#end('the connection was cut');
    connection?.destroy();
  }

  // ── for whoever finds new connections ──

  suspend(): number {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.detach();
    connection?.destroy();
    return this.#received;
  }

  faultOf(received: number): string | undefined {
    return this.#faultOf(received, this.#everGiven);
  }

  /** Goes on over a new connection. `received`: what the peer has, checked by `faultOf`. */
  resume(connection: Connection, received: number): void {
    if (this.#ended !== undefined) return connection.destroy();
    this.suspend();
    this.#connection = connection;
    this.#blocked = false;
    this.#given = received;
    this.#acknowledge(received);
    this.#give();
    connection.attach(this);
    if (this.#settling !== undefined) this.#connection?.tell();
    this.#onJoined();
  }

  /** Nothing more comes of this link. */
  fail(reason: string): void {
    const connection = this.#connection;
    this.#end(reason);
    connection?.destroy();
  }

  // ── from the connection ──

  onFrame(parts: readonly Uint8Array[]): void {
    this.#received++;
    this.#untoldFrames++;
    for (const { length } of parts) this.#untoldBytes += length;
    this.#inlet.frame(parts);
    const many = this.#untoldFrames >= TELL_FRAMES || this.#untoldBytes >= TELL_BYTES;
    if (many || this.#settling !== undefined) this.#connection?.tell();
  }

  onClose(reason: string): void {
    const connection = this.#connection;
    this.#connection = undefined;
    // Should it say any more, nobody hears it.
    connection?.detach();
    if (this.#ended !== undefined || (this.#closing && connection?.endedCleanly === true)) return;
    this.#options.onApart(reason);
  }

  /** What heartbeats of a connection say of the frames that have come in, and what those of the peer say. */
  countsOn(connection: Connection): FrameCounts {
    return {
      told: () => {
        this.#untoldFrames = this.#untoldBytes = 0;
        return this.#received;
      },
      acknowledge: (count) => {
        // One of a connection that is over may be late.
        if (connection === this.#connection) this.#acknowledge(count);
      },
    };
  }

  // ──

  /** The peer has so many frames. */
  #acknowledge(count: number): void {
    const fault = this.#faultOf(count, this.#given);
    if (fault !== undefined) return this.fail(fault);
    for (; this.#acknowledged < count; this.#acknowledged++) this.#heldBytes -= this.#held[this.#from++].bytes;
    if (this.#from > this.#held.length / 2) {
      this.#held = this.#held.slice(this.#from);
      this.#from = 0;
    }
    if (this.#hasRoom) this.#room.release();
    this.#settle();
  }

  /** Frames sent by the link above. */
  get #sent(): number {
    return this.#acknowledged + this.#held.length - this.#from;
  }

  get #hasRoom(): boolean {
    return !this.#blocked && this.#heldBytes <= HELD_BYTES;
  }

  #faultOf(received: number, most: number): string | undefined {
    const fits = Number.isSafeInteger(received) && received >= this.#acknowledged && received <= most;
    return fits ? undefined : `it says that it has ${received} frames of ${most}, and had ${this.#acknowledged}`;
  }

  /** Gives the connection what it takes. */
  #give(): void {
    const connection = this.#connection;
    while (connection !== undefined && !this.#blocked && this.#given < this.#sent) {
      const { parts } = this.#held[this.#from + this.#given - this.#acknowledged];
      this.#given++;
      this.#everGiven = Math.max(this.#everGiven, this.#given);
      const room = connection.send(parts);
      if (room === undefined) continue;
      this.#blocked = true;
      room.then(
        () => this.#unblock(connection),
        () => undefined, // It has ended, and says so.
      );
    }
  }

  #unblock(connection: Connection): void {
    if (connection !== this.#connection) return;
    this.#blocked = false;
    this.#give();
    if (this.#hasRoom) this.#room.release();
  }

  #settle(): void {
    if (this.#acknowledged === this.#sent || this.#ended !== undefined) this.#settling?.();
  }

  /** Whether a connection is there before so many milliseconds are over. */
  #joined(ms: number): Promise<boolean> {
    if (this.#connection !== undefined) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#onJoined = () => undefined;
        resolve(this.#connection !== undefined);
      };
      const timer = setTimeout(end, Math.max(0, ms));
      this.#onJoined = end;
    });
  }

  /** The first reason counts. */
  #end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#connection = undefined;
    this.#held = [];
    this.#from = this.#heldBytes = 0;
    this.#room.fail(reason);
    this.#onJoined();
    this.#settling?.();
    this.#options.onEnded();
    this.#inlet.end(reason);
  }
}

function refusal(reason: string): Promise<never> {
  const refused = Promise.reject(new ChannelError(reason));
  refused.catch(() => undefined);
  return refused;
}
