/**
 * All links of one party of a session: P1 dials P0, P2 dials P0 and P1, the owner dials all three; whoever is dialled accepts. The
 * mesh is complete when every peer has proved who it is and that it means the same computation.
 */
import { ChannelError, type Link, type PeerName } from './channel.ts';
import { dial, pause } from './dial.ts';
import { HungUpError, MismatchError } from './handshakeErrors.ts';
import { introduceTo, welcome, type Door, type HandshakeSide, type Introduced } from './handshake.ts';
import { FrameLink, type LinkOptions } from './link.ts';
import type { LinkModel } from './linkModel.ts';
import type { Listener } from './listener.ts';
import { Patience } from './patience.ts';
import type { LinkTls } from './pins.ts';
import { SessionProgress } from './progress.ts';
import { messageOf, reasonFor } from './reason.ts';
import { Reconnecting, type KeptLink } from './reconnect.ts';
import { shaped } from './shaped.ts';
import { FrameTags } from './tags.ts';
import type { WebSocketOptions, WebSocketTransport } from './websocket.ts';

export interface MeshOptions extends HandshakeSide {
  /** Where peers to accept connect to; stays open and the caller's. */
  readonly listener?: Listener | undefined;
  /** Address of each peer to dial. */
  readonly dial: Readonly<Partial<Record<PeerName, string>>>;
  readonly accept: readonly PeerName[];
  /** How long all peers together may take to appear. */
  readonly timeoutMs: number;
  readonly link?: Omit<LinkOptions, 'tags'>;
  /** Frames go behind tags (`tags.ts`): at both ends of a link, or at none. */
  readonly tags?: boolean | undefined;
  /** What leaves over each link, once the peer is known, is held up as such a link would. A matter of this party alone. */
  readonly shape?: LinkModel | undefined;
  /** For the connections this party dials; those it accepts have the listener's. */
  readonly socket?: WebSocketOptions;
  /** TLS 1.3 with pinned keys on every link this party dials (`wss://`); those it accepts have the listener's. */
  readonly tls?: LinkTls | undefined;
  /** Told whenever the peers change that are to connect to this party: all of `accept` at first, whoever broke off later. Empty: nobody. */
  readonly onExpecting?: ((peers: readonly PeerName[]) => void) | undefined;
  /** Told of each peer that has proved who it is and that it means the same computation. */
  readonly onConnected?: ((peer: PeerName) => void) | undefined;
  /** Told why a connection was turned away; the party goes on waiting for the true peer. */
  readonly onRefused?: ((reason: string) => void) | undefined;
  /** Told when a link that is to go on has lost its connection (with the reason), and when it is back: for a log. */
  readonly onNews?: ((peer: PeerName, text: string) => void) | undefined;
}

/** How long a connection may take over its first message, and over each of the others. */
const HELLO_MS = 3_000;
const HANDSHAKE_MS = 10_000;
const RETRY_MS = 200;

interface MeshDoor {
  expecting(): PeerName[];
  close(): void;
}

export class Mesh {
  readonly links: ReadonlyMap<PeerName, Link>;
  /** Resolves with the reason once one link has failed; never rejects. */
  readonly failed: Promise<Error>;
  readonly #pairKeys: ReadonlyMap<PeerName, Uint8Array>;
  readonly #door: MeshDoor;

  constructor(links: ReadonlyMap<PeerName, Link>, pairKeys: ReadonlyMap<PeerName, Uint8Array>, door: MeshDoor) {
    this.links = links;
    this.#pairKeys = pairKeys;
    this.#door = door;
    this.failed = Promise.race([...links.values()].map((link) => link.failed));
  }

  /** Stream key shared with each peer. A getter, so that printing a mesh shows no key. */
  get pairKeys(): ReadonlyMap<PeerName, Uint8Array> {
    return this.#pairKeys;
  }

  /** Who is to connect to this party: whoever dialled and broke off. Changes are told by `onExpecting`. */
  get expecting(): readonly PeerName[] {
    return this.#door.expecting();
  }

  /** Tells all peers why this party stops. */
  abortAll(reason: string): void {
    for (const link of this.links.values()) link.abort(reason);
  }

  /** Closes all links. When one fails, the others do not wait for a goodbye any more: all fail with its reason. */
  async close(): Promise<void> {
    void this.failed.then((error) => this.abortAll(error.message));
    const results = await Promise.allSettled([...this.links.values()].map((link) => link.close()));
    this.#door.close();
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw await this.failed;
  }
}

/** Rejects, after telling the peers already connected, when one peer does not appear or differs in configuration. */
export async function openMesh(options: MeshOptions): Promise<Mesh> {
  if (options.accept.length > 0 && options.listener === undefined) {
    throw new RangeError(`${options.self} cannot accept ${options.accept.join(', ')} without a listener`);
  }
  return new MeshOpening(options).run();
}

/** The state of a mesh: while it forms, and of the links that are to outlive their connections. */
class MeshOpening {
  readonly #options: MeshOptions;
  readonly #links: Map<PeerName, FrameLink> = new Map();
  readonly #pairKeys: Map<PeerName, Uint8Array> = new Map();
  readonly #progress: SessionProgress;
  /** Where links outlive their connections. */
  readonly #kept: Reconnecting | undefined;
  /** Which connection of a peer was the last to come as far as its terms. */
  readonly #newest: Map<PeerName, number> = new Map();
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
    const { linkPatienceMs = 0, dial: urls, tls, socket, onNews } = options;
    if (linkPatienceMs > 0) {
      const onChange = (): void => this.#tellExpecting();
      const common = { urls, tls, socket, onNews, onChange, progress: this.#progress };
      this.#kept = new Reconnecting({ side: options, patienceMs: linkPatienceMs, ...common });
    }
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
    listener?.accept((connection) => void this.#accept(listener, connection), this.#options.onRefused);
    for (const [peer, url] of Object.entries(urls) as [PeerName, string][]) {
      this.#dial(peer, url, patience).catch((error: unknown) => this.#fail(error));
    }
    if (this.#missing().length === 0) this.#complete();
    try {
      await this.#done;
      const close = (): void => listener?.accept(undefined);
      // Links that are to outlive their connections need the door open.
      if (this.#kept === undefined) close();
      return new Mesh(this.#links, this.#pairKeys, { expecting: () => this.#expected(), close });
    } catch (error) {
      listener?.accept(undefined);
      for (const link of this.#links.values()) link.abort(reasonFor(error));
      throw error;
    } finally {
      patience.cancel();
      this.#ending.abort();
    }
  }

  async #dial(peer: PeerName, url: string, patience: Patience): Promise<void> {
    const { signal } = this.#ending;
    const { tls, socket, self, sessionId: session } = this.#options;
    /** A link that may be open at the other end. */
    let link: KeptLink | undefined;
    let introducing: Introduced | undefined;
    while (!signal.aborted) {
      const timeoutMs = patience.left;
      const connection = await dial(url, { ...socket, tls, peer, session, timeoutMs, signal }).catch(
        (error: unknown) => {
          throw new ChannelError(`${self} cannot reach ${peer}: ${messageOf(error)}`, { cause: error });
        },
      );
      const stop = (): void => connection.destroy();
      signal.addEventListener('abort', stop);
      try {
        const introduced = await introduceTo(connection, this.#options, peer, {
          timeoutMs: patience.left,
          secured: connection.secured,
          onProved: () => connection.trust(),
          resumption: link?.resumption,
          onReady: (ready) => {
            introducing = ready;
            link = this.#kept?.open(peer, ready.resumeKey());
          },
        });
        // An answer with a claim goes on with the link of the connection before.
        return this.#add(introducing ?? introduced, connection, link, introduced.resumed?.received);
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
    const { remote, secured } = connection;
    try {
      const introduced = await welcome(connection, this.#options, this.#door, {
        helloMs: HELLO_MS,
        timeoutMs: HANDSHAKE_MS,
        secured,
        onProved: () => listener.trust(connection),
      });
      const { peer, resumed, resumeKey } = introduced;
      if (resumed !== undefined) this.#kept?.link(peer)?.join(connection, resumed.received);
      else if (this.#ending.signal.aborted) connection.destroy();
      else this.#add(introduced, connection, this.#kept?.open(peer, resumeKey()), undefined);
    } catch (error) {
      void connection.close();
      if (error instanceof MismatchError) this.#fail(error);
      else this.#options.onRefused?.(`${remote}: ${messageOf(error)}`);
    }
  }

  readonly #door: Door = {
    accepts: (role) => this.#options.accept.includes(role),
    resumption: (role) => this.#kept?.link(role)?.resumption,
    isConnected: (role) => this.#links.has(role),
    begin: (role) => {
      const mine = (this.#newest.get(role) ?? 0) + 1;
      this.#newest.set(role, mine);
      return () => this.#newest.get(role) === mine;
    },
  };

  /** @param link where it is to outlive the connection: its end here */
  #add(
    { peer, pairKey, tagKey }: Introduced,
    connection: WebSocketTransport,
    kept: KeptLink | undefined,
    received: number | undefined,
  ): void {
    if (this.#ending.signal.aborted) return connection.destroy();
    const transport = shaped(kept?.transport ?? connection, this.#options.shape);
    const { self, tags } = this.#options;
    const link = new FrameLink(self, peer, transport, {
      ...this.#options.link,
      progress: this.#progress,
      tags: tags === true ? new FrameTags({ own: tagKey(self), peer: tagKey(peer) }) : undefined,
    });
    if (kept === undefined) connection.share(this.#progress, peer);
    else kept.join(connection, received ?? 0);
    this.#links.set(peer, link);
    this.#pairKeys.set(peer, pairKey());
    this.#options.onConnected?.(peer);
    this.#tellExpecting();
    // While the mesh forms, the end of one link is the end of all.
    void link.failed.then((error) => this.#fail(error));
    if (this.#missing().length === 0) this.#complete();
  }

  /** Those whose connections this party waits for. */
  #expected(): PeerName[] {
    const apart = this.#kept?.apart ?? [];
    return this.#options.accept.filter((peer) => !this.#links.has(peer) || apart.includes(peer));
  }

  #tellExpecting(): void {
    const expected = this.#expected();
    if (expected.join() === this.#expecting) return;
    this.#expecting = expected.join();
    this.#options.onExpecting?.(expected);
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
