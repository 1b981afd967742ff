/**
 * The ranks of a party that are threads of its process, as the main thread sees them, which is rank 0. All of them end with the process; when
 * one fails, the party does.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Link, PeerName } from '../../channel/channel.ts';
import { FrameLink } from '../../channel/link.ts';
import { Problem } from '../../data/problem.ts';
import type { OwnedInput } from '../../engine/ownedInput.ts';
import type { HostPort } from '../../federation/address.ts';
import type { KeyPair } from '../../random/keys.ts';
import { parameters } from '../../nn/network.ts';
import type { RankCounters } from '../../profile/rank-counters.ts';
import { type Shape, sizeOf } from '../../ring/shape.ts';
import { beside } from '../beside.ts';
import { Deferred } from '../deferred.ts';
import type { PartyName } from '../ipc.ts';
import type { TrainJob } from '../job.ts';
import { countersMemory, readCounters } from './counters.ts';
import { handInput, inSharedMemory } from './inputs.ts';
import type { FromRank, RankData, RankInput, RankStart, ToRank } from './messages.ts';
import { PortTransport } from './port-transport.ts';
import { failureOf, ofRank, type Ranks, workersOfRank } from './ranks.ts';
import { type SharedPlaces, sharedPlaces } from './shared-weights.ts';
import { RankTeam } from './team.ts';

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
  #places: SharedPlaces = new Map();

  constructor(options: ThreadsOptions) {
    const { size } = options;
    this.#options = options;
    this.size = size;
    this.failed = this.#fail.promise;
    const ends = portsOf(size);
    this.#threads = Array.from({ length: size - 1 }, (_, i) => this.#begin(i + 1, ends));
    const link = (port: MessagePort): Link => new FrameLink(options.party, options.party, new PortTransport(port));
    const links = new Map([...ends[0]].map(([rank, port]) => [rank, link(port)]));
    // A rank that fails says why itself; this is for one that cannot.
    for (const [rank, other] of links) void other.failed.then((error) => this.#later(rank, error));
    this.team = new RankTeam({ rank: 0, size, links });
  }

  /** Of ranks 1, 2, …, once they listen. */
  ports(): Promise<number[]> {
    return Promise.all(this.#threads.map(({ listening }) => listening.promise));
  }

  ownWorkers(workers: number): number {
    return workersOfRank(workers, this.size, 0);
  }

  /** Resolves when each rank has joined its peers. */
  async start(order: RankStart): Promise<void> {
    if (order.job.kind === 'train') this.#places = placesOf(order.job);
    this.#tell((rank) => {
      const workers = workersOfRank(order.compute.workers, this.size, rank);
      return { ...order, compute: { ...order.compute, workers } };
    });
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
    this.team.share(this.#places);
    this.#tell(() => ({ type: 'work', pairKeys, inputs: this.#inputs, shared: this.#places }));
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

  #begin(rank: number, ends: readonly ReadonlyMap<number, MessagePort>[]): Thread {
    const { party, size, listen, stride, identity } = this.#options;
    const counters = countersMemory();
    const links = ends[rank];
    const port = listen.port === 0 ? 0 : listen.port + stride * (rank - 1);
    const data: RankData = {
      ...{ party, rank, size, counters, links },
      listen: { host: listen.host, port },
      identity: identity.exportSecret(),
    };
    const worker = new Worker(beside(import.meta.url, 'thread'), {
      workerData: data,
      transferList: [...links.values()],
    });
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
          // It may have lost one that is gone, of which that is known in a moment.
          return message.origin === 'link'
            ? this.#later(rank, failureOf(message))
            : this.#end(rank, failureOf(message));
      }
    });
    worker.on('error', (error) => this.#end(rank, error));
    worker.on('exit', () => {
      const what = `${party} lost a rank: its thread has ended`;
      if (!ended) this.#end(rank, new Problem(what, 'start again', { told: what }));
    });
    return { rank, worker, counters, listening, connected, done };
  }

  #tell(message: (rank: number) => ToRank): void {
    for (const { rank, worker } of this.#threads) worker.postMessage(message(rank));
  }

  #later(rank: number, error: unknown): void {
    setTimeout(() => this.#end(rank, error), OWN_WORDS_MS).unref();
  }

  #end(rank: number, error: unknown): void {
    this.#fail.resolve(ofRank(rank, error));
  }
}

/** Of each rank its ends of the links to all others. */
function portsOf(size: number): Map<number, MessagePort>[] {
  const ends = Array.from({ length: size }, () => new Map<number, MessagePort>());
  for (let rank = 0; rank < size; rank++) {
    for (let other = rank + 1; other < size; other++) {
      const { port1, port2 } = new MessageChannel();
      ends[rank].set(other, port1);
      ends[other].set(rank, port2);
    }
  }
  return ends;
}

function placesOf({ network, truncation }: Pick<TrainJob, 'network' | 'truncation'>): SharedPlaces {
  const operands = parameters(network).filter(({ operand }) => operand === true);
  const each = truncation === 'dealt' ? 1 : 2;
  return sharedPlaces(new Map(operands.map(({ name, shape }) => [name, each * sizeOf(shape)])));
}
