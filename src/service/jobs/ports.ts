/** What the scheduler is given by the rest of the service, and by tests. */
import type { Socket } from 'node:net';
import type { LinkTls } from '../../channel/pins.ts';
import type { Holdings } from '../../data/checkpoint-store.ts';
import type { Identity } from '../../federation/identity.ts';
import type { World } from '../../federation/job-check.ts';
import type { ComputeSettings } from '../../server/compute.ts';
import type { InputPart, Notice, OpenOrder, PartyName, RankPlaces, StartOrder } from '../../server/ipc.ts';
import type { Logger } from '../../server/log.ts';
import type { LogLevel } from '../../server/log-levels.ts';
import type { Audit, ControlOrder, DataSets, Decisions, Grants } from '../jobs-api.ts';
import type { PartyConfig } from '../config.ts';
import type { StoreFiles } from '../store/store-files.ts';
import type { Outcome } from './control.ts';
import type { Roll } from './start-check.ts';

/** The other two parties. */
export interface Peers {
  /**
   * A control order, signed. Resolves with the JSON of its answer. Rejects with a Refusal when the party answered with an error, with anything else
   * when it could not be reached or did not answer in time.
   */
  ask(to: PartyName, order: ControlOrder, body: object, timeoutMs: number): Promise<unknown>;
}

/** A job's process, as the scheduler sees it. */
export interface JobProcess {
  /** Once; not at all if it ends before. */
  readonly listening: Promise<{ readonly publicKey: string; readonly holdings: Holdings }>;
  /** When the process is gone. */
  readonly ended: Promise<Outcome>;
  start(order: StartOrder): void;
  /** P0's: all three are to stop. */
  stop(): void;
  /** Of a serving session. */
  give(parts: readonly InputPart[]): void;
  /** Nobody waits for this input here any more. */
  withdraw(id: string): void;
  /** @returns whether it waits for a peer, and took the connection, of which `head` has been read */
  take(socket: Socket, head: Uint8Array): boolean;
  /** Ends it, gently first. */
  end(reason: string): void;
  /** At once. */
  kill(): void;
}

/** The ranks of this party, as jobs need them. */
export interface RankPool extends Omit<RankPlaces, 'job'> {
  readonly size: number;
  /** Ranks whose memory is this host's. */
  readonly here: number;
  /** Where the peers of ranks 1, 2, … of a job with so many ranks find them. */
  announced(ranks: number): readonly string[];
  /** Which of them is not there, in words for others; undefined: all are. */
  missing(ranks: number): Promise<string | undefined>;
}

/** What a job process tells while it runs. */
export type JobNews = Extract<
  Notice,
  { type: 'event' | 'checkpoint' | 'revealed' | 'answers' | 'rejected' | 'note' | 'computing' | 'refused' }
>;

export type Launch = (order: OpenOrder, onNews: (news: JobNews) => void) => JobProcess;

/** Bytes where a party keeps what jobs leave. */
export interface Disk {
  readonly free: number;
  /** That are to stay free. */
  readonly least: number;
}

/** Told of what jobs do, for metrics. */
export interface JobFigures {
  /** A step of a training. @param seconds since the one before */
  step(seconds: number): void;
  /** An input of a session. @param seconds from when it came until this party had its share  @param waited of these, for its turn */
  answered(images: number, seconds: number, waited: number): void;
  /** Images of a session that were computed together. */
  batch(images: number): void;
  /** So many more inputs of sessions are under way. */
  underWay(more: number): void;
}

export interface SchedulerOptions {
  /** Who the parties are at this moment. */
  readonly roll: () => Roll;
  readonly identity: Identity;
  /** host:port of each party's links. */
  readonly links: () => Readonly<Record<PartyName, string>>;
  readonly tls: () => LinkTls;
  readonly storageKeys: readonly Uint8Array[];
  /** The party's folder `state`. */
  readonly folder: string;
  readonly data: DataSets;
  readonly grants: Grants;
  readonly decisions: Decisions;
  /** How somebody stands with this party; undefined: not at all. */
  readonly member: World['member'];
  readonly audit: Audit;
  readonly peers: Peers;
  readonly compute: ComputeSettings;
  /** Absent: the party has one rank. */
  readonly ranks?: RankPool | undefined;
  readonly patience: PartyConfig['patience'];
  /** Bytes that all job processes together may take. */
  readonly memoryBytes: number;
  /** Undefined: the system does not say. */
  readonly disk: () => Promise<Disk | undefined>;
  readonly figures: JobFigures;
  readonly log: Logger;
  readonly logLevel: () => LogLevel;
  /** Where lines go that job processes log. */
  readonly writeLine: (line: string) => void;
  readonly launch?: Launch | undefined;
  readonly now?: (() => number) | undefined;
  readonly files?: StoreFiles | undefined;
}
