/**
 * The owner's end of a session: it holds the data in the clear, gives the parties shares of it (`data/share.ts`), and alone learns what the
 * parties reveal. It takes part in no protocol.
 */
import { receiveBlocks } from '../channel/blocks.ts';
import type { Link, PeerName } from '../channel/channel.ts';
import type { LinkModel } from '../channel/linkModel.ts';
import { openMesh, type Mesh } from '../channel/mesh.ts';
import { revealLabel } from '../data/party-events.ts';
import { shareInput, tellAllSent, WHILE_THE_LINK_LIVES } from '../data/share.ts';
import type { Source } from '../data/encode.ts';
import { agreementsWith } from '../random/agreement.ts';
import { continuedKeys } from '../random/continued.ts';
import type { KeyPair } from '../random/keys.ts';
import { PairStreams } from '../random/streams.ts';
import { add } from '../ring/z64.ts';
import { PARTIES, type PartyName } from './parties.ts';

export interface OwnerOptions {
  readonly identity: KeyPair;
  /** Identity keys of the three parties. */
  readonly publicKeys: Readonly<Record<PartyName, Uint8Array>>;
  /** Where they listen. */
  readonly urls: Readonly<Record<PartyName, string>>;
  readonly sessionId: string;
  /** The public fields of the job, which the parties compare with theirs. */
  readonly config: readonly (readonly [name: string, value: string])[];
  /** As the job's: with `private`, frames go behind tags. */
  readonly security?: 'private' | undefined;
  readonly timeoutMs: number;
  /** Holds up what the owner sends. */
  readonly link?: LinkModel | undefined;
  readonly insecureSeed?: number | undefined;
  /** Of a run that goes on: the stream keys that were kept. */
  readonly streamKeys?: ReadonlyMap<PeerName, Uint8Array> | undefined;
}

/** An input of a job. */
export interface Input {
  readonly name: string;
  /** What the user is told that it is. */
  readonly what: string;
  readonly source: Source;
}

/** How far the owner is with sharing. */
export interface Sharing {
  /** What is going out. */
  readonly input: string;
  /** Bytes of all inputs that are out, and of all that there are. */
  readonly sent: number;
  readonly total: number;
}

/** Of a ring element. */
const BYTES = 8;

export class Owner {
  readonly links: Readonly<Record<PartyName, Link>>;
  /** Resolves with the reason once a link has failed. */
  readonly failed: Promise<Error>;
  readonly #mesh: Mesh;
  readonly #streamKeys: ReadonlyMap<PeerName, Uint8Array>;
  readonly #streams: Readonly<Record<PartyName, PairStreams>>;
  readonly #security: 'private' | undefined;

  private constructor(mesh: Mesh, streamKeys: ReadonlyMap<PeerName, Uint8Array>, security: 'private' | undefined) {
    const { links } = mesh;
    this.#mesh = mesh;
    this.links = { P0: links.get('P0')!, P1: links.get('P1')!, P2: links.get('P2')! };
    this.failed = mesh.failed;
    this.#streamKeys = streamKeys;
    this.#security = security;
    const streams = (name: PartyName): PairStreams => new PairStreams(streamKeys.get(name)!);
    this.#streams = { P0: streams('P0'), P1: streams('P1'), P2: streams('P2') };
  }

  /** For a checkpoint. A getter, so that printing an owner shows no key. */
  get streamKeys(): ReadonlyMap<PeerName, Uint8Array> {
    return this.#streamKeys;
  }

  /** Dials all three parties and checks with each that both mean the same job. */
  static async connect(options: OwnerOptions): Promise<Owner> {
    const { urls, sessionId, config, timeoutMs } = options;
    const agreement = agreementsWith({ self: 'owner', ...options });
    const mesh = await openMesh({
      self: 'owner',
      sessionId,
      config,
      agreement,
      tags: options.security === 'private',
      dial: urls,
      accept: [],
      timeoutMs,
      link: { timeoutMs },
      shape: options.link,
    });
    return new Owner(mesh, continuedKeys(options.security, options.streamKeys, mesh.pairKeys), options.security);
  }

  /**
   * Shares inputs between P0 and P1, one after the other, open under masks that P2 knows, and tells the parties that they have all and may start.
   * @param onSharing told when an input begins, and of each block that is out
   */
  async share(inputs: readonly Input[], onSharing: (sharing: Sharing) => void): Promise<void> {
    const total = BYTES * inputs.reduce((sum, { source }) => sum + source.elements, 0);
    let sent = 0;
    const { P0, P1, P2 } = this.links;
    const links = this.#security === 'private' ? { P0, P1, P2 } : { P1, P2 };
    for (const { name, what, source } of inputs) {
      const tell = (elements: number): void => onSharing({ input: what, sent: (sent += BYTES * elements), total });
      tell(0);
      await shareInput(name, source, { links, streams: this.#streams }, tell);
    }
    await this.allShared();
  }

  /** Tells the parties that they have all inputs and may start. */
  async allShared(): Promise<void> {
    await tellAllSent(PARTIES.map((name) => this.links[name]));
  }

  /** A revealed value: the sum of the workers' shares. */
  async revealed(name: string, length: number): Promise<BigUint64Array> {
    const shares = await Promise.all([this.revealedShare('P0', name, length), this.revealedShare('P1', name, length)]);
    return add(...shares);
  }

  /** One worker's share of a revealed value. */
  revealedShare(worker: 'P0' | 'P1', name: string, length: number): Promise<BigUint64Array> {
    return receiveBlocks(this.links[worker], revealLabel(name), length, WHILE_THE_LINK_LIVES);
  }

  /** Ends the session early and tells the parties why. */
  abort(reason: string): void {
    this.#mesh.abortAll(reason);
  }

  close(): Promise<void> {
    return this.#mesh.close();
  }
}
