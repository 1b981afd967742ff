/**
 * A transport whose outgoing direction behaves like a link of a model: frames leave one after the other at the model's bandwidth, and
 * each arrives half a round trip after its last byte has left. The peer shapes the other direction, if it does.
 *
 *     send ──▶ on the line: bytes / bandwidth, one frame at a time ──▶ under way: RTT / 2 ──▶ the transport below
 *
 * A frame's moment follows from the frames before it and from when it was sent, not from when those before it were let go: delays of
 * this process do not add up over a stream. Frames keep their order. What counts are frames as `Traffic` counts them; headers of
 * WebSocket, TCP and IP do not.
 *
 * Memory is bounded as it is without a model: a sender waits for room while more than a socket's worth is held beyond what the link
 * itself holds (256 MiB in all at most), and while the transport below wants it to.
 *
 * Precision: a frame is let go at most 1 % of RTT / 2 early, 0.5 ms at most, and on an idle machine about as much late (`clock.ts`). While
 * this party computes it lets nothing go, as it sends nothing without a model either.
 */
import { type Cancel, type Clock, systemClock } from './timers.ts';
import type { LinkModel } from './linkModel.ts';
import { messageOf } from './reason.ts';
import { type FrameSink, RoomQueue, totalBytes, type Transport } from './transport.ts';

interface Held {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  /** When its last byte arrives. */
  readonly due: number;
}

/** Bytes that wait for the line before senders must: as much as a WebSocket may hold. */
const HIGH_WATER_BYTES = 8 * 2 ** 20;
/** Bytes held at most, whatever the model: only beyond this product of half a round trip and bandwidth is the link slower than the model. */
const MOST_BYTES = 256 * 2 ** 20;
/** At an orderly end, how long beyond a round trip what was sent may take to leave. */
const CLOSE_MS = 3_000;
const EARLY_SHARE = 0.01;
const EARLY_MS = 0.5;

export class ShapedTransport implements Transport {
  readonly #below: Transport;
  readonly #clock: Clock;
  readonly #rttMs: number;
  readonly #bytesPerMs: number;
  readonly #earlyMs: number;
  readonly #limit: number;
  readonly #room: RoomQueue = new RoomQueue();
  #queue: Held[] = [];
  #bytes = 0;
  /** When the line has taken everything sent so far. */
  #lineFree = 0;
  #cancel: Cancel | undefined;
  /** The transport below has no room. */
  #blocked = false;
  #ended: string | undefined;
  #onEmpty: (() => void)[] = [];

  constructor(below: Transport, model: LinkModel, clock: Clock = systemClock) {
    this.#below = below;
    this.#clock = clock;
    this.#rttMs = model.rttMs;
    this.#bytesPerMs = 1000 * model.megabytesPerSecond;
    this.#earlyMs = Math.min(EARLY_MS, (EARLY_SHARE * model.rttMs) / 2);
    this.#limit = Math.min(MOST_BYTES, HIGH_WATER_BYTES + (this.#bytesPerMs * model.rttMs) / 2);
  }

  send(parts: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#ended !== undefined) {
      const refusal = Promise.reject(new Error(this.#ended));
      refusal.catch(() => undefined);
      return refusal;
    }
    const bytes = totalBytes(parts);
    this.#lineFree = Math.max(this.#clock.now(), this.#lineFree) + bytes / this.#bytesPerMs;
    this.#queue.push({ parts, bytes, due: this.#lineFree + this.#rttMs / 2 });
    this.#bytes += bytes;
    this.#arm();
    return this.#bytes <= this.#limit ? undefined : this.#room.wait();
  }

  attach(sink: FrameSink): void {
    this.#below.attach(sink);
  }

  detach(): void {
    this.#below.detach();
  }

  async settled(): Promise<void> {
    await this.#emptied();
    await this.#below.settled?.();
  }

  async close(): Promise<void> {
    await this.#emptied();
    this.#end('the connection was closed');
    await this.#below.close();
  }

  destroy(): void {
    this.#end('the connection was cut');
    this.#below.destroy();
  }

  async #emptied(): Promise<void> {
    if (this.#queue.length === 0) return;
    const impatience = setTimeout(() => this.#end('the connection was closed'), this.#rttMs + CLOSE_MS);
    await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
    clearTimeout(impatience);
  }

  #arm(): void {
    if (this.#cancel !== undefined || this.#blocked || this.#queue.length === 0) return;
    this.#cancel = this.#clock.at(this.#queue[0].due, this.#earlyMs, () => {
      this.#cancel = undefined;
      this.#letGo();
    });
  }

  /** Hands down what is due. */
  #letGo(): void {
    const now = this.#clock.now() + this.#earlyMs;
    let count = 0;
    while (count < this.#queue.length && this.#queue[count].due <= now && !this.#blocked) {
      const { parts, bytes } = this.#queue[count++];
      this.#bytes -= bytes;
      const room = this.#below.send(parts);
      if (room !== undefined) this.#waitFor(room);
    }
    this.#queue.splice(0, count);
    if (this.#bytes <= this.#limit) this.#room.release();
    if (this.#queue.length === 0) this.#tellEmpty();
    this.#arm();
  }

  #waitFor(room: Promise<void>): void {
    this.#blocked = true;
    room.then(
      () => {
        this.#blocked = false;
        this.#arm();
      },
      (error: unknown) => this.#end(messageOf(error)),
    );
  }

  /** Nothing more leaves; the first reason counts. */
  #end(reason: string): void {
    this.#ended ??= reason;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#queue = [];
    this.#bytes = 0;
    this.#room.fail(this.#ended);
    this.#tellEmpty();
  }

  #tellEmpty(): void {
    const waiting = this.#onEmpty;
    this.#onEmpty = [];
    for (const resolve of waiting) resolve();
  }
}

/** The transport itself where there is no model. */
export function shaped(transport: Transport, model: LinkModel | undefined): Transport {
  return model === undefined ? transport : new ShapedTransport(transport, model);
}
