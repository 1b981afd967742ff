/**
 * All links of one party of a session: P1 dials P0, P2 dials P0 and P1, the owner dials all three; whoever is dialled accepts. The
 * mesh is complete when every peer has proved who it is and that it means the same computation.
 */
import { ChannelError, type Link, type PeerName } from './channel.ts';
import {
  HungUpError,
  introduceTo,
  MismatchError,
  welcome,
  type Door,
  type HandshakeSide,
  type Introduced,
} from './handshake.ts';
import { FrameLink, type LinkOptions } from './link.ts';
import type { LinkModel } from './linkModel.ts';
import type { Listener } from './listener.ts';
import type { LinkTls } from './pins.ts';
import { SessionProgress } from './progress.ts';
import { reasonFor } from './reason.ts';
import { shaped } from './shaped.ts';
import { Patience } from './patience.ts';
import { dial, pause, type WebSocketOptions, type WebSocketTransport } from './websocket.ts';

export interface MeshOptions extends HandshakeSide {
  /** Where peers to accept connect to; stays open and the caller's. */
  readonly listener?: Listener | undefined;
  /** Address of each peer to dial. */
  readonly dial: Readonly<Partial<Record<PeerName, string>>>;
  readonly accept: readonly PeerName[];
  /** How long all peers together may take to appear. */
  readonly timeoutMs: number;
  readonly link?: LinkOptions;
  /** What leaves over each link, once the peer is known, is held up as such a link would. A matter of this party alone. */
  readonly shape?: LinkModel | undefined;
  /** For the connections this party dials; those it accepts have the listener's. */
  readonly socket?: WebSocketOptions;
  /** TLS 1.3 with pinned keys on every link this party dials (`wss://`); those it accepts have the listener's. */
  readonly tls?: LinkTls | undefined;
  /**
   * How long a peer may be away once its link has been open: the link breaks, lives on and is joined to a new connection, and nothing is
   * lost. The same at both ends. Default 0: a link that breaks has failed.
   */
  readonly linkPatienceMs?: number;
  /** Told whenever the peers change that are to connect to this party: all of `accept` at first, whoever broke off later. Empty: nobody. */
  readonly onExpecting?: ((peers: readonly PeerName[]) => void) | undefined;
  /** Told of each peer that has proved who it is and that it means the same computation. */
  readonly onConnected?: ((peer: PeerName) => void) | undefined;
  /** Told why a connection was turned away; the party goes on waiting for the true peer. */
  readonly onRefused?: ((reason: string) => void) | undefined;
}

/** How long a connection may take over its first message, and over each of the others. */
const HELLO_MS = 3_000;
const HANDSHAKE_MS = 10_000;
const RETRY_MS = 200;

export class Mesh {
  readonly links: ReadonlyMap<PeerName, Link>;
  /** Resolves with the reason once one link has failed; never rejects. */
  readonly failed: Promise<Error>;
  readonly #pairKeys: ReadonlyMap<PeerName, Uint8Array>;

  constructor(links: ReadonlyMap<PeerName, Link>, pairKeys: ReadonlyMap<PeerName, Uint8Array>) {
    this.links = links;
    this.#pairKeys = pairKeys;
    this.failed = Promise.race([...links.values()].map((link) => link.failed));
  }

  /** Stream key shared with each peer. A getter, so that printing a mesh shows no key. */
  get pairKeys(): ReadonlyMap<PeerName, Uint8Array> {
    return this.#pairKeys;
  }

  /** Tells all peers why this party stops. */
  abortAll(reason: string): void {
    for (const link of this.links.values()) link.abort(reason);
  }

  /** Closes all links. When one fails, the others do not wait for a goodbye any more: all fail with its reason. */
  async close(): Promise<void> {
    void this.failed.then((error) => this.abortAll(error.message));
    const results = await Promise.allSettled([...this.links.values()].map((link) => link.close()));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw await this.failed;
  }
}

/** Rejects, after telling the peers already connected, when one peer does not appear or differs in configuration. */
export async function openMesh(options: MeshOptions): Promise<Mesh> {
  if (options.accept.length > 0 && options.listener === undefined) {
    throw new RangeError(`${options.self} cannot accept ${options.accept.join(', ')} without a listener`);
  }
  if (options.tls !== undefined || (options.linkPatienceMs ?? 0) > 0) throw new RangeError('not on this build yet');
  return new MeshOpening(options).run();
}

/** The state of a mesh while it forms. */
class MeshOpening {
  readonly #options: MeshOptions;
  readonly #links: Map<PeerName, FrameLink> = new Map();
  readonly #pairKeys: Map<PeerName, Uint8Array> = new Map();
  readonly #progress: SessionProgress;
  /** What became of the last connection to a peer that hung up in the handshake. */
  readonly #hungUp: Map<PeerName, string> = new Map();
  #expecting = '';
  readonly #ending: AbortController = new AbortController();
  readonly #done: Promise<void>;
  #complete: () => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  constructor(options: MeshOptions) {
    this.#options = options;
    this.#progress = new SessionProgress(options.link?.timeoutMs ?? options.timeoutMs);
    this.#done = new Promise((resolve, reject) => {
      this.#complete = resolve;
      this.#fail = reject;
    });
  }

  async run(): Promise<Mesh> {
    const { self, listener, dial: urls, timeoutMs } = this.#options;
    const patience = new Patience(timeoutMs, () => {
      this.#fail(
        new ChannelError(
          `${self} waited ${timeoutMs / 1000} s for ${this.#missing().join(' and ')} to connect${this.#lastSeen()}`,
        ),
      );
    });
    this.#tellExpecting();
    listener?.accept((connection) => void this.#accept(listener, connection));
    for (const [peer, url] of Object.entries(urls) as [PeerName, string][]) {
      this.#dial(peer, url, patience).catch((error: unknown) => this.#fail(error));
    }
    if (this.#missing().length === 0) this.#complete();
    try {
      await this.#done;
      return new Mesh(this.#links, this.#pairKeys);
    } catch (error) {
      for (const link of this.#links.values()) link.abort(reasonFor(error));
      throw error;
    } finally {
      patience.cancel();
      listener?.accept(undefined);
      this.#ending.abort();
    }
  }

  async #dial(peer: PeerName, url: string, patience: Patience): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const timeoutMs = patience.left;
      const connection = await dial(url, { ...this.#options.socket, timeoutMs, signal }).catch((error: unknown) => {
        throw new ChannelError(`${this.#options.self} cannot reach ${peer}: ${messageOf(error)}`, { cause: error });
      });
      const stop = (): void => connection.destroy();
      signal.addEventListener('abort', stop);
      try {
        const introduced = await introduceTo(connection, this.#options, peer, {
          timeoutMs: patience.left,
          onProved: () => connection.trust(),
        });
        return this.#add(introduced, connection);
      } catch (error) {
        void connection.close();
        if (!(error instanceof HungUpError)) throw error;
        this.#hungUp.set(peer, error.message);
      } finally {
        signal.removeEventListener('abort', stop);
      }
      await pause(RETRY_MS, signal);
    }
  }

  async #accept(listener: Listener, connection: WebSocketTransport): Promise<void> {
    const { remote } = connection;
    const door: Door = {
      accepts: (role) => this.#options.accept.includes(role),
      isConnected: (role) => this.#links.has(role),
    };
    try {
      const introduced = await welcome(connection, this.#options, door, {
        helloMs: HELLO_MS,
        timeoutMs: HANDSHAKE_MS,
        onProved: () => listener.trust(connection),
      });
      this.#add(introduced, connection);
    } catch (error) {
      void connection.close();
      if (error instanceof MismatchError) this.#fail(error);
      else this.#options.onRefused?.(`${remote}: ${messageOf(error)}`);
    }
  }

  #add({ peer, pairKey }: Introduced, connection: WebSocketTransport): void {
    if (this.#ending.signal.aborted) return connection.destroy();
    const transport = shaped(connection, this.#options.shape);
    const link = new FrameLink(this.#options.self, peer, transport, {
      ...this.#options.link,
      progress: this.#progress,
    });
    connection.share(this.#progress, peer);
    this.#links.set(peer, link);
    this.#pairKeys.set(peer, pairKey());
    this.#options.onConnected?.(peer);
    this.#tellExpecting();
    // While the mesh forms, the end of one link is the end of all.
    void link.failed.then((error) => this.#fail(error));
    if (this.#missing().length === 0) this.#complete();
  }

  #tellExpecting(): void {
    const { accept, onExpecting } = this.#options;
    const expecting = accept.filter((peer) => !this.#links.has(peer));
    if (expecting.join() === this.#expecting) return;
    this.#expecting = expecting.join();
    onExpecting?.(expecting);
  }

  #lastSeen(): string {
    const seen = this.#missing().flatMap((peer) => this.#hungUp.get(peer) ?? []);
    return seen.length === 0 ? '' : ` (${seen.join('; ')})`;
  }

  #missing(): PeerName[] {
    const expected = [...(Object.keys(this.#options.dial) as PeerName[]), ...this.#options.accept];
    return expected.filter((peer) => !this.#links.has(peer));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
