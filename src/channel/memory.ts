/**
 * Two links joined in memory, for simulations and tests. Frames are encoded, copied and decoded as on a wire, and delivered in a later
 * turn of the event loop, through a bounded queue.
 */
import type { Link, PeerName } from './channel.ts';
import { decodeFrame } from './frame.ts';
import { FrameLink, type LinkOptions } from './link.ts';
import { Inlet, RoomQueue, totalBytes, type FrameSink, type Transport } from './transport.ts';

export interface MemoryOptions extends LinkOptions {
  /** Bytes on their way in one direction before senders must wait. A larger frame passes alone. Default 4 MiB. */
  readonly queueBytes?: number;
  /** Changes what arrives: given the n-th frame (from 0) that `from` sends, returns the frames to deliver in its place. */
  readonly tamper?: (index: number, bytes: Uint8Array, from: PeerName) => Uint8Array[];
  /** Told of every message as it arrives: what `to` sees of `from`. */
  readonly record?: (message: RecordedMessage) => void;
}

export interface RecordedMessage {
  readonly from: PeerName;
  readonly to: PeerName;
  readonly label: string;
  readonly depth: number;
  /** A copy. */
  readonly data: BigUint64Array | Uint8Array;
}

const DEFAULT_QUEUE_BYTES = 4 * 2 ** 20;

/** Both ends: the link of `a` (to `b`) and the link of `b` (to `a`). */
export function memoryPair(a: PeerName, b: PeerName, options: MemoryOptions = {}): [Link, Link] {
  const [atA, atB] = memoryTransports(a, b, options);
  return [new FrameLink(a, b, atA, options), new FrameLink(b, a, atB, options)];
}

/** The transports alone, for tests that speak frames. */
export function memoryTransports(a: PeerName, b: PeerName, options: MemoryOptions = {}): [Transport, Transport] {
  const aToB = new Lane(a, b, options);
  const bToA = new Lane(b, a, options);
  return [new MemoryTransport(aToB, bToA), new MemoryTransport(bToA, aToB)];
}

/** One direction. */
class Lane {
  readonly inlet: Inlet = new Inlet();
  readonly #from: PeerName;
  readonly #to: PeerName;
  readonly #options: MemoryOptions;
  readonly #queueBytes: number;
  readonly #room: RoomQueue = new RoomQueue();
  #queue: Uint8Array[] = [];
  #bytes = 0;
  #index = 0;
  #scheduled = false;
  #ended: string | undefined;
  #onEmpty: (() => void)[] = [];

  constructor(from: PeerName, to: PeerName, options: MemoryOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
    this.#queueBytes = options.queueBytes ?? DEFAULT_QUEUE_BYTES;
  }

  push(parts: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#ended !== undefined) return refusal(this.#ended);
    const bytes = concatenate(parts);
    this.#queue.push(bytes);
    this.#bytes += bytes.length;
    this.#schedule();
    return this.#bytes <= this.#queueBytes ? undefined : this.#room.wait();
  }

  /** The sender sends no more: what is queued still arrives, then the reason. */
  end(reason: string): void {
    this.#ended ??= reason;
    this.#schedule();
  }

  /** Nothing more arrives. */
  cut(reason: string): void {
    this.#queue = [];
    this.#bytes = 0;
    this.#room.fail(reason);
    this.end(reason);
  }

  empty(): Promise<void> {
    if (this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    const queue = this.#queue;
    this.#queue = [];
    this.#bytes = 0;
    for (const bytes of queue) {
      const arriving = this.#options.tamper?.(this.#index++, bytes, this.#from) ?? [bytes];
      for (const frame of arriving) {
        this.#record(frame);
        this.inlet.frame([frame]);
      }
    }
    this.#room.release();
    if (this.#queue.length > 0) return;
    if (this.#ended !== undefined) this.inlet.end(this.#ended);
    const waiting = this.#onEmpty;
    this.#onEmpty = [];
    for (const resolve of waiting) resolve();
  }

  #record(bytes: Uint8Array): void {
    if (this.#options.record === undefined) return;
    try {
      const { kind, label, depth, data } = decodeFrame([bytes]);
      if (kind !== 'u8' && kind !== 'u64') return;
      this.#options.record({ from: this.#from, to: this.#to, label, depth, data: data.slice() });
    } catch {
      // Tampered with beyond reading: the link will say so.
    }
  }
}

class MemoryTransport implements Transport {
  readonly #out: Lane;
  readonly #in: Lane;

  constructor(out: Lane, incoming: Lane) {
    this.#out = out;
    this.#in = incoming;
  }

  send(parts: readonly Uint8Array[]): Promise<void> | undefined {
    return this.#out.push(parts);
  }

  attach(sink: FrameSink): void {
    this.#in.inlet.attach(sink);
  }

  detach(): void {
    this.#in.inlet.detach();
  }

  async close(): Promise<void> {
    this.#out.end('the connection was closed');
    await this.#out.empty();
  }

  destroy(): void {
    this.#out.cut('the connection was cut');
    this.#in.cut('the connection was cut');
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(totalBytes(parts));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function refusal(reason: string): Promise<never> {
  const refused = Promise.reject(new Error(reason));
  refused.catch(() => undefined);
  return refused;
}
