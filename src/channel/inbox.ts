/** Messages that arrived and were not asked for yet, and the labels of those that are over. */
import { ChannelError } from './channel.ts';
import type { Frame } from './frame.ts';

/** What keeping one message costs besides its payload, roughly. */
const OVERHEAD_BYTES = 256;
/**
 * Labels remembered at the least, to tell a message that comes twice. Sequence numbers, not these, defeat replay; and each is a string that
 * V8's collector visits again and again.
 */
const REMEMBERED_LABELS = 1_000;

export class Inbox {
  readonly #limitBytes: number;
  readonly #frames: Map<string, Frame> = new Map();
  #bytes = 0;
  /** Labels already delivered: the current generation and the one before, so that memory stays bounded in sessions of any length. */
  #recent: Set<string> = new Set();
  #older: Set<string> = new Set();
  #came: ((label: string) => void) | undefined;

  /** @param limitBytes of messages that wait; protects this party's memory from a peer far ahead of it. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Keeps a message until it is asked for. */
  put(frame: Frame): void {
    this.#bytes += frame.data.byteLength + OVERHEAD_BYTES;
    if (this.#bytes > this.#limitBytes) {
      const count = this.#frames.size + 1;
      throw new ChannelError(
        `${count} messages that nobody asked for take ${this.#bytes} bytes, the limit is ${this.#limitBytes}`,
      );
    }
    this.#frames.set(frame.label, frame);
    this.#came?.(frame.label);
  }

  /** The message with this label, removed; undefined when it has not come. */
  take(label: string): Frame | undefined {
    const frame = this.#frames.get(label);
    if (frame === undefined) return undefined;
    this.#frames.delete(label);
    this.#bytes -= frame.data.byteLength + OVERHEAD_BYTES;
    return frame;
  }

  peek(label: string): Frame | undefined {
    return this.#frames.get(label);
  }

  /** Remembers that the message with this label has been delivered. */
  finish(label: string): void {
    if (this.#recent.size >= REMEMBERED_LABELS) {
      this.#older = this.#recent;
      this.#recent = new Set();
    }
    this.#recent.add(label);
  }

  isFinished(label: string): boolean {
    return this.#recent.has(label) || this.#older.has(label);
  }

  /** Tells each label from now on, and those of messages that wait already. */
  onWaiting(came: (label: string) => void): void {
    this.#came = came;
    for (const label of [...this.#frames.keys()]) came(label);
  }

  get size(): number {
    return this.#frames.size;
  }

  /** Some of the waiting labels, for an error text. */
  names(maximum = 3): string {
    const names = [...this.#frames.keys()].slice(0, maximum).map((label) => `"${label}"`);
    return names.join(', ') + (this.#frames.size > names.length ? ', …' : '');
  }

  clear(): void {
    this.#frames.clear();
    this.#recent.clear();
    this.#older.clear();
    this.#bytes = 0;
  }
}
