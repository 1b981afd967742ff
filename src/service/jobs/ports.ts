/** What the scheduler is given by the rest of the service, and by tests. */
import type { Socket } from 'node:net';
import type { LinkTls } from '../../channel/pins.ts';
import type { Holdings } from '../../data/checkpoint-store.ts';
import type { JobDocument } from '../../federation/documents.ts';
import type { Id, Identity } from '../../federation/identity.ts';
import type { ComputeSettings } from '../../server/compute.ts';
import type { InputOrder, Notice, OpenOrder, PartyName, StartOrder } from '../../server/ipc.ts';
import type { Logger } from '../../server/log.ts';
import type { LogLevel } from '../../server/log-levels.ts';
import type { Audit, ControlOrder, DataSets, Grants, ModelView, Received } from '../jobs-api.ts';
import type { StoreFiles } from '../store/store-files.ts';
import type { Outcome } from './control.ts';
import type { Roll } from './start-check.ts';
import type { Verdict } from './verdict.ts';

/** The other two parties. */
export interface Peers {
  /**
   * A control order, signed. Resolves with the JSON of its answer. Rejects with a Refusal when the party answered with an error, with anything else
   * when it could not be reached or did not answer in time.
   */
  ask(to: PartyName, order: ControlOrder, body: object, timeoutMs: number): Promise<unknown>;
}

/** The rules of consent with what this party knows. */
export interface Consent {
  /** Before a job begins. @param models those that stayed shared here */
  judge(job: Received<JobDocument>, models: readonly ModelView[]): Verdict;
  /** Once it has begun: why it must not go on; undefined: it may. */
  objection(job: Received<JobDocument>): string | undefined;
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
  input(order: InputOrder): void;
  /** @returns whether it waits for a peer, and took the connection, of which `head` has been read */
  take(socket: Socket, head: Uint8Array): boolean;
  /** Ends it, gently first. */
  end(reason: string): void;
  /** At once. */
  kill(): void;
}

/** What a job process tells while it runs. */
export type JobNews = Extract<
  Notice,
  { type: 'event' | 'checkpoint' | 'revealed' | 'output' | 'rejected' | 'note' | 'computing' | 'refused' }
>;

export type Launch = (order: OpenOrder, onNews: (news: JobNews) => void) => JobProcess;

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
  readonly consent: Consent;
  readonly audit: Audit;
  readonly peers: Peers;
  readonly nameOf: (id: Id) => string;
  readonly compute: ComputeSettings;
  readonly patience: { readonly linkSeconds: number; readonly partySeconds: number };
  /** Bytes that all job processes together may take. */
  readonly memoryBytes: number;
  readonly log: Logger;
  readonly logLevel: () => LogLevel;
  readonly launch?: Launch | undefined;
  readonly now?: (() => number) | undefined;
  readonly files?: StoreFiles | undefined;
}
