/**
 * The ranks of a party that are threads of its process, as the main thread sees them, which is rank 0. All of them end with the process; when
 * one fails, the party does.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Link, PeerName } from '../../channel/channel.ts';
import { FrameLink } from '../../channel/link.ts';
import type { OwnedInput } from '../../engine/ownedInput.ts';
import type { HostPort } from '../../federation/address.ts';
import type { KeyPair } from '../../random/keys.ts';
import type { Shape } from '../../ring/shape.ts';
import { Deferred } from '../deferred.ts';
import type { PartyName } from '../ipc.ts';
import { countersMemory, readCounters, type RankCounters } from './counters.ts';
import { handInput, inSharedMemory } from './inputs.ts';
import type { FromRank, RankData, RankInput, RankStart, ToRank } from './messages.ts';
import { PortTransport } from './port-transport.ts';
import { failureOf, ofRank, type Ranks } from './ranks.ts';
import { SharedWeights } from './shared-weights.ts';
import { RankTeam } from './team.ts';
import { childrenOf, parentOf } from './tree.ts';

/** How long a rank that has failed may take to say why. */
const OWN_WORDS_MS = 200;

export interface ThreadsOptions {
  readonly party: PartyName;
  readonly size: number;
  /** Where rank 1 listens, and the next ones; port 0: all at free ports. */
  readonly listen: HostPort;
  /** From a rank's port to the next one's. */
  readonly stride: number;
  readonly identity: KeyPair;
  readonly onRefused: (reason: string) => void;
}

interface Thread {
  readonly rank: number;
  readonly worker: Worker;
  readonly counters: SharedArrayBuffer;
  readonly listening: Deferred<number>;
  readonly connected: Deferred<void>;
  readonly done: Deferred<void>;
}

export class RankThreads implements Ranks {
  readonly size: number;
  readonly team: RankTeam;
  /** Resolves with the reason once a rank has failed; never rejects. */
  readonly failed: Promise<unknown>;
  readonly #threads: readonly Thread[];
  readonly #fail: Deferred<unknown> = new Deferred();
  readonly #options: ThreadsOptions;
  readonly #inputs: RankInput[] = [];

  constructor(options: ThreadsOptions) {
    const { size } = options;
    this.#options = options;
    this.size = size;
    this.failed = this.#fail.promise;
    const ends = treePorts(size);
    this.#threads = Array.from({ length: size - 1 }, (_, i) => this.#begin(i + 1, ends));
    const link = (port: MessagePort): Link => new FrameLink(options.party, options.party, new PortTransport(port));
    const children = new Map([...ends[0].children].map(([rank, port]) => [rank, link(port)]));
    // A rank that fails says why itself; this is for one that cannot.
    for (const [rank, child] of children)
      void child.failed.then((error) => setTimeout(() => this.#end(rank, error), OWN_WORDS_MS).unref());
    this.team = new RankTeam({ rank: 0, size, parent: undefined, children, shared: new SharedWeights() });
  }

  /** Of ranks 1, 2, …, once they listen. */
  ports(): Promise<number[]> {
    return Promise.all(this.#threads.map(({ listening }) => listening.promise));
  }

  /** Resolves when each rank has joined its peers. */
  async start(order: RankStart): Promise<void> {
    // The threads of a party's kernels are shared out, too.
    const workers = Math.floor(order.compute.workers / this.size);
    this.#tell({ ...order, compute: { ...order.compute, workers } });
    await Promise.all(this.#threads.map(({ connected }) => connected.promise));
  }

  /** An input that all ranks read. */
  input(name: string, shape: Shape, fractionBits: number, input: OwnedInput): OwnedInput {
    const { own, others } = handInput(name, shape, fractionBits, input);
    this.#inputs.push(others);
    return own;
  }

  forAll(data: BigUint64Array): BigUint64Array {
    return inSharedMemory(data);
  }

  /** All inputs are here: the others may compute what `team` begins. */
  work(pairKeys: ReadonlyMap<PeerName, Uint8Array>): void {
    this.#tell({ type: 'work', pairKeys, inputs: this.#inputs });
  }

  /** Nothing more is begun. Resolves when all ranks have ended. */
  async end(): Promise<void> {
    await this.team.end();
    await Promise.all([this.team.close(), ...this.#threads.map(({ done }) => done.promise)]);
  }

  /** What each has spent so far, by rank from 1 on. */
  get counters(): readonly RankCounters[] {
    return this.#threads.map(({ counters }) => readCounters(counters));
  }

  #begin(rank: number, ends: readonly TreeEnds[]): Thread {
    const { party, size, listen, stride, identity } = this.#options;
    const counters = countersMemory();
    const { parent, children } = ends[rank];
    const port = listen.port === 0 ? 0 : listen.port + stride * (rank - 1);
    const data: RankData = {
      ...{ party, rank, size, counters, children },
      listen: { host: listen.host, port },
      identity: identity.exportSecret(),
      parent: parent!,
    };
    // Compiled or run from source, the entry lies next to this file with the same ending.
    const entry = new URL(`./thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
    const worker = new Worker(entry, { workerData: data, transferList: [parent!, ...children.values()] });
    const [listening, connected, done] = [new Deferred<number>(), new Deferred<void>(), new Deferred<void>()];
    let ended = false;
    worker.on('message', (message: FromRank) => {
      switch (message.type) {
        case 'listening':
          return listening.resolve(message.port);
        case 'connected':
          return connected.resolve();
        case 'done':
          ended = true;
          return done.resolve();
        case 'refused':
          return this.#options.onRefused(`${message.reason} (rank ${rank})`);
        case 'error':
          return this.#end(rank, failureOf(message));
      }
    });
    worker.on('error', (error) => this.#end(rank, error));
    worker.on('exit', () => {
      if (!ended) this.#end(rank, new Error(`${party} lost a rank: its thread has ended`));
    });
    return { rank, worker, counters, listening, connected, done };
  }

  #tell(message: ToRank): void {
    for (const { worker } of this.#threads) worker.postMessage(message);
  }

  #end(rank: number, error: unknown): void {
    this.#fail.resolve(ofRank(rank, error));
  }
}

/** A rank's ends of the tree. */
interface TreeEnds {
  parent: MessagePort | undefined;
  readonly children: Map<number, MessagePort>;
}

function treePorts(size: number): TreeEnds[] {
  const ends = Array.from({ length: size }, (): TreeEnds => ({ parent: undefined, children: new Map() }));
  for (let rank = 0; rank < size; rank++) {
    for (const child of childrenOf(rank, size)) {
      const { port1, port2 } = new MessageChannel();
      ends[parentOf(child)].children.set(child, port1);
      ends[child].parent = port2;
    }
  }
  return ends;
}
