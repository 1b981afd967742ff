/**
 * Links that outlive their connections: for each of them whoever dialled dials again, and whoever listened waits, for as long as its
 * patience lasts. Patience counts the time that a link is apart since a frame last came through, in time in which this process ran: a
 * link that comes back only to break again has not come back. While one is apart, no wait of the session ends for want of progress.
 */
import type { PeerName } from './channel.ts';
import { dialOnce, pause, textOf } from './dial.ts';
import { LostLinkError, MismatchError } from './handshakeErrors.ts';
import { introduceTo, type HandshakeSide, type Introduced } from './handshake.ts';
import type { LinkTls } from './pins.ts';
import { Patience } from './patience.ts';
import type { SessionProgress } from './progress.ts';
import { ResumableTransport } from './resumable.ts';
import { Resumption } from './resume.ts';
import type { WebSocketOptions, WebSocketTransport } from './websocket.ts';

export interface ReconnectOptions {
  readonly side: HandshakeSide;
  readonly patienceMs: number;
  readonly urls: Readonly<Partial<Record<PeerName, string>>>;
  readonly tls?: LinkTls | undefined;
  readonly socket?: WebSocketOptions | undefined;
  readonly progress: SessionProgress;
  /** A link broke or has been joined: who is expected may have changed. */
  readonly onChange: () => void;
  /** Told what happened, for a log. */
  readonly onNews?: ((peer: PeerName, text: string) => void) | undefined;
}

/** Between two attempts to dial: longer and longer, and many in the time that there is. */
const RETRY_MS = 100;
const LONGEST_RETRY_MS = 1_000;
const RETRIES = 20;
/** One attempt, from dialling to the answer. */
const ATTEMPT_MS = 5_000;

export class Reconnecting {
  readonly #options: ReconnectOptions;
  readonly #links: Map<PeerName, KeptLink> = new Map();

  constructor(options: ReconnectOptions) {
    this.#options = options;
  }

  /** A link that has no connection yet, and perhaps never will: whether it is open at the other end, too, the next one tells. */
  open(peer: PeerName, resumeKey: Uint8Array): KeptLink {
    const link: KeptLink = new KeptLink(peer, resumeKey, this.#options, () => {
      if (this.#links.get(peer) === link) this.#links.delete(peer);
    });
    this.#links.set(peer, link);
    return link;
  }

  /** The link with this peer, unless it has ended. */
  link(peer: PeerName): KeptLink | undefined {
    return this.#links.get(peer);
  }

  /** Those whose links are apart. */
  get apart(): PeerName[] {
    return [...this.#links.values()].filter(({ transport }) => transport.isApart).map(({ peer }) => peer);
  }
}

/** A link, its end here, and the search for a new connection while it has none. */
export class KeptLink {
  readonly peer: PeerName;
  readonly transport: ResumableTransport;
  readonly resumption: Resumption;
  readonly #options: ReconnectOptions;
  /** Milliseconds that it may still be apart. */
  #leftMs: number;
  /** Frames that had come through when it was last joined. */
  #throughBefore = 0;
  #search: { readonly ending: AbortController; readonly patience: Patience; readonly release: () => void } | undefined;
  /** Why the last attempt failed. */
  #lastTry = '';

  constructor(peer: PeerName, resumeKey: Uint8Array, options: ReconnectOptions, onEnded: () => void) {
    this.peer = peer;
    this.#options = options;
    this.#leftMs = options.patienceMs;
    this.transport = new ResumableTransport({
      patienceMs: options.patienceMs,
      onApart: (reason) => this.#lookFor(reason),
      onEnded: () => {
        this.#stopLooking();
        onEnded();
        options.onChange();
      },
    });
    this.resumption = new Resumption(options.side.self, peer, resumeKey, this.transport);
  }

  /** A connection over which the link goes on. `received`: what the peer has, checked. */
  join(connection: WebSocketTransport, received: number): void {
    if (this.#search !== undefined) {
      this.#leftMs = this.#search.patience.left;
      this.#throughBefore = this.transport.framesThrough;
      this.#stopLooking();
      this.#options.onNews?.(this.peer, 'is back');
    }
    connection.share(this.#options.progress, this.peer, this.transport.countsOn(connection));
    this.transport.resume(connection, received);
    this.#options.onChange();
  }

  #lookFor(reason: string): void {
    const { progress, patienceMs, urls, onNews, onChange } = this.#options;
    if (this.transport.framesThrough > this.#throughBefore) this.#leftMs = patienceMs;
    this.#lastTry = '';
    const ending = new AbortController();
    const giveUp = (): void => {
      const tries = this.#lastTry === '' ? '' : `; last try: ${this.#lastTry}`;
      this.transport.fail(`it has been away for ${patienceMs / 1000} s (${reason}${tries})`);
    };
    this.#search = { ending, patience: new Patience(this.#leftMs, giveUp), release: progress.hold() };
    onNews?.(this.peer, reason);
    onChange();
    const url = urls[this.peer];
    if (url !== undefined) void this.#dial(url, ending.signal);
  }

  #stopLooking(): void {
    this.#search?.patience.cancel();
    this.#search?.release();
    this.#search?.ending.abort();
    this.#search = undefined;
  }

  async #dial(url: string, signal: AbortSignal): Promise<void> {
    const longestMs = Math.min(LONGEST_RETRY_MS, this.#options.patienceMs / RETRIES);
    for (let waitMs = RETRY_MS; !signal.aborted; waitMs = Math.min(2 * waitMs, longestMs)) {
      try {
        const [connection, { resumed }] = await this.#attempt(url, signal);
        // Another attempt, or the end of the link, may have come first.
        if (signal.aborted || resumed === undefined) return connection.destroy();
        return this.join(connection, resumed.received);
      } catch (error) {
        this.#lastTry = textOf(error);
        if (error instanceof MismatchError || error instanceof LostLinkError) return this.transport.fail(this.#lastTry);
      }
      await pause(waitMs, signal);
    }
  }

  async #attempt(url: string, signal: AbortSignal): Promise<[WebSocketTransport, Introduced]> {
    const { side, tls, socket } = this.#options;
    const { peer, resumption } = this;
    const session = side.sessionId;
    const connection = await dialOnce(url, { ...socket, tls, peer, session, timeoutMs: ATTEMPT_MS, signal });
    const stop = (): void => connection.destroy();
    signal.addEventListener('abort', stop);
    try {
      const { secured } = connection;
      const onProved = (): void => connection.trust();
      const introduced = await introduceTo(connection, side, peer, {
        ...{ timeoutMs: ATTEMPT_MS, secured, onProved, resumption, isOpen: true },
      });
      return [connection, introduced];
    } catch (error) {
      connection.destroy();
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}
