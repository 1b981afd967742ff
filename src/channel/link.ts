/**
 * A link over a transport: a state machine without IO of its own.
 *
 *     open ──close()──▶ closing ──peer's bye, nothing unclaimed──▶ closed
 *       └──────┴── any fault of the peer, the transport or the caller ──▶ failed (for good, with the first reason)
 *
 * A fault is never skipped over: what arrives out of sequence, twice, or otherwise than expected fails the link, and the peer is told
 * why in an abort frame unless it is the one that told us. A time-out is a fault too: the parties are in step or the run is over.
 *
 * Orderly end: each side sends a bye frame when it will send no more; who has sent one and received one closes the transport. So a
 * peer that died is never taken for one that finished.
 */
import {
  ChannelError,
  type ElementType,
  type Link,
  type Payloads,
  type PeerName,
  type Received,
  type Traffic,
} from './channel.ts';
import {
  DEFAULT_FRAME_BYTES,
  decodeFrame,
  encodeFrame,
  printable,
  TAG_BYTES,
  type Frame,
  type FrameKind,
} from './frame.ts';
import { describe, mismatch, type Expected } from './expected.ts';
import { Inbox } from './inbox.ts';
import { Patience, type Timers } from './patience.ts';
import type { SessionProgress } from './progress.ts';
import { messageOf, reasonFor } from './reason.ts';
import type { FrameTags } from './tags.ts';
import { type FrameSink, totalBytes, type Transport } from './transport.ts';

export interface LinkOptions {
  /** How long a message may be waited for while nobody gets on, unless the receiver says otherwise. Default 60 s. */
  readonly timeoutMs?: number;
  /** By which time-outs are counted: time in which this process ran (`patience.ts`). */
  readonly timers?: Timers | undefined;
  /** Who gets on in the session. Without it a wait is measured by time alone. */
  readonly progress?: SessionProgress | undefined;
  /** Bytes of messages that arrived before anyone asked for them. Default 1 GiB. */
  readonly inboxBytes?: number;
  /** Longest frame, in and out, with its tag. Default 64 MiB. */
  readonly maxFrameBytes?: number;
  /** Frames go behind tags under the keys of this link. */
  readonly tags?: FrameTags | undefined;
  /** Told whenever a frame of the peer comes in, before it is looked at. */
  readonly onArrival?: ((peer: PeerName) => void) | undefined;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_INBOX_BYTES = 2 ** 30;
/** The longest time-out a timer can hold; this and more mean: as long as the link lives. */
const FOREVER_MS = 2 ** 31 - 1;

interface Waiter {
  readonly expected: Expected;
  readonly resolve: (message: Received<Payloads[ElementType]>) => void;
  readonly reject: (error: Error) => void;
  readonly patience: Patience | undefined;
}

export class FrameLink implements Link, FrameSink {
  readonly self: PeerName;
  readonly peer: PeerName;
  readonly failed: Promise<Error>;
  readonly #transport: Transport;
  readonly #timeoutMs: number;
  readonly #timers: Timers | undefined;
  readonly #progress: SessionProgress | undefined;
  readonly #maxFrameBytes: number;
  readonly #tags: FrameTags | undefined;
  readonly #inbox: Inbox;
  readonly #waiters: Map<string, Waiter> = new Map();
  readonly #pendingSends: Set<(error: Error) => void> = new Set();
  readonly #onArrival: ((peer: PeerName) => void) | undefined;
  readonly #sent: Traffic = { messages: 0, payloadBytes: 0, frameBytes: 0 };
  readonly #received: Traffic = { messages: 0, payloadBytes: 0, frameBytes: 0 };
  #state: 'open' | 'closing' | 'closed' | 'failed' = 'open';
  #error: Error | undefined;
  #tellFailed: (error: Error) => void = () => undefined;
  #nextOut = 0;
  #nextIn = 0;
  #peerSaidBye = false;
  #closing: Promise<void> | undefined;
  #onPeerBye: () => void = () => undefined;

  constructor(self: PeerName, peer: PeerName, transport: Transport, options: LinkOptions = {}) {
    this.self = self;
    this.peer = peer;
    this.#transport = transport;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#timers = options.timers;
    this.#progress = options.progress;
    this.#tags = options.tags;
    this.#maxFrameBytes = (options.maxFrameBytes ?? DEFAULT_FRAME_BYTES) - (this.#tags === undefined ? 0 : TAG_BYTES);
    this.#inbox = new Inbox(options.inboxBytes ?? DEFAULT_INBOX_BYTES);
    this.#onArrival = options.onArrival;
    this.failed = new Promise((resolve) => (this.#tellFailed = resolve));
    transport.attach(this);
  }

  get sent(): Readonly<Traffic> {
    return this.#sent;
  }

  get received(): Readonly<Traffic> {
    return this.#received;
  }

  send(label: string, data: BigUint64Array | Uint8Array, depth: number): Promise<void> {
    if (this.#state === 'open') {
      const room = this.#transmit(data instanceof BigUint64Array ? 'u64' : 'u8', label, data, depth);
      if (this.#error === undefined) return room === undefined ? Promise.resolve() : this.#orFailure(room);
    }
    return this.#refuse(`send "${label}"`);
  }

  receive<K extends ElementType>(
    label: string,
    type: K,
    length: number,
    timeoutMs?: number,
  ): Promise<Received<Payloads[K]>> {
    return this.#receive<K>({ label, type, length, exact: true }, timeoutMs);
  }

  receiveUpTo<K extends ElementType>(
    label: string,
    type: K,
    maximum: number,
    timeoutMs?: number,
  ): Promise<Received<Payloads[K]>> {
    return this.#receive<K>({ label, type, length: maximum, exact: false }, timeoutMs);
  }

  onWaiting(came: (label: string) => void): void {
    this.#inbox.onWaiting(came);
  }

  abort(reason: string): void {
    this.#stop(printable(reason));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    // Whoever closes without waiting learns of a failure from `failed`.
    this.#closing.catch(() => undefined);
    return this.#closing;
  }

  // ── from the transport ──

  onFrame(parts: readonly Uint8Array[]): void {
    if (this.#state === 'failed' || this.#state === 'closed') return;
    this.#onArrival?.(this.peer);
    this.#progress?.note();
    try {
      const frame = decodeFrame(this.#tags?.open(this.#nextIn, parts) ?? parts, this.#maxFrameBytes);
      this.#accept(frame);
      if (frame.kind === 'u8' || frame.kind === 'u64') {
        this.#received.messages++;
        this.#received.payloadBytes += frame.data.byteLength;
        this.#received.frameBytes += totalBytes(parts);
      }
    } catch (error) {
      this.#stop(`from ${this.peer}: ${reasonFor(error)}`);
    }
  }

  onClose(reason: string): void {
    // Both have said goodbye: `close` is about to find out.
    if (this.#state === 'closing' && this.#peerSaidBye) return;
    this.#fail(`${this.self} lost ${this.peer}: ${printable(reason)}`, 'gone');
  }

  // ── receiving ──

  /** Checks in the order in which a fault makes the next check meaningless. Throws on any fault of the peer. */
  #accept(frame: Frame): void {
    if (frame.sequence !== this.#nextIn) {
      const what = frame.sequence > this.#nextIn ? 'a frame is missing' : 'a frame came twice or late';
      throw new ChannelError(`${what}: sequence number ${frame.sequence}, expected ${this.#nextIn}`);
    }
    this.#nextIn++;
    switch (frame.kind) {
      case 'abort':
        return this.#fail(`${this.peer} stopped: ${printable(textOf(frame.data))}`, 'told');
      case 'bye':
        return this.#acceptBye();
      case 'u8':
      case 'u64':
        return this.#acceptMessage(frame);
    }
  }

  #acceptBye(): void {
    if (this.#peerSaidBye) throw new ChannelError('it said goodbye twice');
    this.#peerSaidBye = true;
    this.#onPeerBye();
    const [waiter] = this.#waiters.values();
    if (waiter !== undefined) throw new ChannelError(`it closed the link before it sent ${describe(waiter.expected)}`);
  }

  #acceptMessage(frame: Frame): void {
    if (this.#peerSaidBye) throw new ChannelError(`"${frame.label}" came after the goodbye`);
    const known = this.#inbox.peek(frame.label) !== undefined || this.#inbox.isFinished(frame.label);
    if (known) throw new ChannelError(`"${frame.label}" came twice`);
    const waiter = this.#waiters.get(frame.label);
    if (waiter === undefined) return this.#inbox.put(frame);
    const fault = mismatch(waiter.expected, frame);
    if (fault !== undefined) throw new ChannelError(fault);
    this.#waiters.delete(frame.label);
    this.#inbox.finish(frame.label);
    waiter.patience?.cancel();
    waiter.resolve({ data: frame.data, depth: frame.depth });
  }

  #receive<K extends ElementType>(expected: Expected, timeoutMs = this.#timeoutMs): Promise<Received<Payloads[K]>> {
    const { label } = expected;
    const fault = this.#state === 'open' ? this.#faultOfAsking(expected) : undefined;
    if (fault !== undefined) this.#stop(fault);
    if (this.#state !== 'open') return this.#refuse(`receive "${label}"`);
    const frame = this.#inbox.take(label);
    if (frame !== undefined) {
      this.#inbox.finish(label);
      // `mismatch` has compared the kind with K, which the type system cannot follow.
      return Promise.resolve({ data: frame.data as Payloads[K], depth: frame.depth });
    }
    const message = new Promise<Received<Payloads[ElementType]>>((resolve, reject) => {
      const timeOut = (): void => this.#timeOut(expected, timeoutMs);
      const patience = timeoutMs >= FOREVER_MS ? undefined : this.#patience(timeoutMs, timeOut);
      this.#waiters.set(label, { expected, resolve, reject, patience });
    });
    // A message may be asked for long before it is awaited; a failure in between must not end the process.
    message.catch(() => undefined);
    return message as Promise<Received<Payloads[K]>>;
  }

  /** Why the message cannot be had: it was asked for before, is not what it should be, or cannot come any more. */
  #faultOfAsking(expected: Expected): string | undefined {
    const { label, length } = expected;
    if (!Number.isSafeInteger(length) || length < 0) return `asked for ${length} elements of "${label}"`;
    if (this.#waiters.has(label) || this.#inbox.isFinished(label)) return `asked twice for "${label}"`;
    const frame = this.#inbox.peek(label);
    const fault = frame && mismatch(expected, frame);
    if (fault !== undefined) return `from ${this.peer}: ${fault}`;
    if (frame === undefined && this.#peerSaidBye)
      return `${this.peer} closed the link before it sent ${describe(expected)}`;
    return undefined;
  }

  #patience(timeoutMs: number, onEnd: () => void): Patience {
    return new Patience(timeoutMs, onEnd, this.#timers, this.#progress);
  }

  #timeOut(expected: Expected, timeoutMs: number): void {
    const others = this.#inbox.size;
    const waiting =
      others === 0
        ? 'no other message is waiting'
        : `${others} other ${others === 1 ? 'message is' : 'messages are'} waiting: ${this.#inbox.names()}`;
    const text = `${this.self} waited ${timeoutMs / 1000} s for ${describe(expected)} from ${this.peer}; ${waiting}`;
    this.#fail(text, 'tell');
  }

  // ── sending ──

  /** Encodes and hands over one frame. A frame that cannot be encoded fails the link: its receiver would wait in vain. */
  #transmit(
    kind: FrameKind,
    label: string,
    data: BigUint64Array | Uint8Array,
    depth: number,
  ): Promise<void> | undefined {
    try {
      const sequence = this.#nextOut;
      const { header, payload } = encodeFrame({ kind, sequence, depth, label, data }, this.#maxFrameBytes);
      const frame = payload.length === 0 ? [header] : [header, payload];
      const parts = this.#tags?.seal(sequence, frame) ?? frame;
      this.#nextOut++;
      this.#progress?.note();
      if (kind === 'u8' || kind === 'u64') {
        this.#sent.messages++;
        this.#sent.payloadBytes += payload.length;
        this.#sent.frameBytes += totalBytes(parts);
      }
      const room = this.#transport.send(parts);
      room?.catch(() => undefined);
      return room;
    } catch (error) {
      this.#stop(reasonFor(error));
      return undefined;
    }
  }

  /** Room in the transport, or the link's first failure. */
  #orFailure(room: Promise<void>): Promise<void> {
    const result = new Promise<void>((resolve, reject) => {
      this.#pendingSends.add(reject);
      room.then(
        () => {
          this.#pendingSends.delete(reject);
          resolve();
        },
        (error: unknown) => this.#fail(`${this.self} lost ${this.peer}: ${messageOf(error)}`, 'gone'),
      );
    });
    result.catch(() => undefined);
    return result;
  }

  // ── ending ──

  async #close(): Promise<void> {
    const [waiter] = this.#waiters.values();
    if (waiter !== undefined)
      this.#stop(`closed the link to ${this.peer} while waiting for ${describe(waiter.expected)}`);
    this.#checkUnclaimed();
    this.#state = 'closing';
    void this.#transmit('bye', '', new Uint8Array(0), 0);
    if (!this.#peerSaidBye) await this.#peerBye();
    this.#checkUnclaimed();
    this.#state = 'closed';
    await this.#transport.settled?.();
    await this.#transport.close();
    this.#inbox.clear();
  }

  #peerBye(): Promise<void> {
    return new Promise((resolve) => {
      const late = (): void => {
        this.#fail(`${this.self} waited ${this.#timeoutMs / 1000} s for ${this.peer} to close the link`, 'tell');
      };
      const patience = this.#patience(this.#timeoutMs, late);
      this.#onPeerBye = () => {
        patience.cancel();
        resolve();
      };
      void this.failed.then(this.#onPeerBye);
    });
  }

  /** Throws if the link has failed. */
  #checkUnclaimed(): void {
    const count = this.#inbox.size;
    const messages = count === 1 ? 'message' : 'messages';
    if (count > 0)
      this.#stop(`closed with ${count} ${messages} from ${this.peer} that nobody asked for: ${this.#inbox.names()}`);
    if (this.#error !== undefined) throw this.#error;
  }

  #refuse(what: string): Promise<never> {
    const closed = new ChannelError(`${this.self} has closed the link to ${this.peer}: cannot ${what}`);
    const refusal = Promise.reject(this.#error ?? closed);
    // Nobody needs to look at it: failures also show on `failed`.
    refusal.catch(() => undefined);
    return refusal;
  }

  /** Fails the link for a reason found on this side, and tells the peer. */
  #stop(reason: string): void {
    this.#fail(`${this.self} stopped: ${reason}`, 'tell', reason);
  }

  /**
   * The one way into the failed state.
   * @param how tell: the peer is told `reason` (the text itself when absent). told: it told us. gone: the transport has ended.
   */
  #fail(text: string, how: 'tell' | 'told' | 'gone', reason: string = text): void {
    if (this.#state === 'failed' || this.#state === 'closed') return;
    this.#state = 'failed';
    const error = new ChannelError(text);
    this.#error = error;
    for (const { reject, patience } of this.#waiters.values()) {
      patience?.cancel();
      reject(error);
    }
    for (const reject of this.#pendingSends) reject(error);
    this.#waiters.clear();
    this.#pendingSends.clear();
    this.#inbox.clear();
    this.#tellFailed(error);
    if (how === 'gone') return this.#transport.destroy();
    if (how === 'tell') void this.#transmit('abort', '', new TextEncoder().encode(printable(reason)), 0);
    void this.#transport.close();
  }
}

function textOf(data: BigUint64Array | Uint8Array): string {
  return data instanceof Uint8Array ? String.fromCharCode(...data.subarray(0, 500)) : '';
}
