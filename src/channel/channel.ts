/**
 * Messages between two parties. One `Link` is one authenticated connection to one peer. A message is addressed by its label
 * (the path of the operation that sends it), so concurrent operations share a link without ordering each other.
 */

/** The four ends of a session: the workers P0 and P1, the helper P2, and the data/model owner. */
export type PeerName = 'P0' | 'P1' | 'P2' | 'owner';

/** Payload types of a message. u64: elements of Z_{2^64} or Z_{2^64−1}; u8: bytes (bits, packed Z_p values, JSON). */
export interface Payloads {
  u64: BigUint64Array;
  u8: Uint8Array;
}
export type ElementType = keyof Payloads;

/** What went through a link one way. Counted where bytes leave and come in, never by protocol code. */
export interface Traffic {
  messages: number;
  /** Bytes of the payloads alone: what protocols declare. */
  payloadBytes: number;
  /** Bytes of the frames: payload, header, label and padding. */
  frameBytes: number;
}

export interface Received<T> {
  readonly data: T;
  /** Length of the longest chain of dependent messages that ends with this one. */
  readonly depth: number;
}

export interface Link {
  /** Who is at the other end. */
  readonly peer: PeerName;
  /** Messages sent so far. */
  readonly sent: Readonly<Traffic>;
  /** Messages received so far, whether anyone has asked for them yet or not. */
  readonly received: Readonly<Traffic>;
  /**
   * Sends one message. Takes ownership of `data`: it must not change afterwards. Resolves when the transport has room for more
   * (back-pressure); a failed link rejects.
   */
  send(label: string, data: BigUint64Array | Uint8Array, depth: number): Promise<void>;
  /**
   * The message with this label. Rejects when its type or length differs, when the link fails, or after `timeoutMs`
   * (the link's own default when absent). Each label is sent and received once.
   */
  receive<K extends ElementType>(
    label: string,
    type: K,
    length: number,
    timeoutMs?: number,
  ): Promise<Received<Payloads[K]>>;
  /** Like receive, for a length only the sender knows (up to `maximum` elements): control messages. */
  receiveUpTo<K extends ElementType>(
    label: string,
    type: K,
    maximum: number,
    timeoutMs?: number,
  ): Promise<Received<Payloads[K]>>;
  /**
   * Tells `came` the label of each message that comes before anybody has asked for it, from now on, and of those that wait already. One a link; it
   * must not throw.
   */
  onWaiting(came: (label: string) => void): void;
  /** Tells the peer why (of an error: `reasonFor` in reason.ts), then fails the link on this side: pending and later calls reject with the reason. */
  abort(reason: string): void;
  /** Orderly end: waits for what was sent to leave; rejects if messages arrived that nobody claimed. */
  close(): Promise<void>;
  /** Resolves with the reason once the link has failed (peer died, aborted, broke the protocol); never rejects. */
  readonly failed: Promise<Error>;
}

/** A link that has failed, or a message that is not what was expected. The text names peer, label, expected and found. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
}
