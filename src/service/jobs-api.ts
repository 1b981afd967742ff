/**
 * Between the HTTPS API with its stores, and the scheduler with its job processes. The API authenticates, checks signatures and forms, and stores
 * data sets, grants and decisions; the scheduler keeps jobs, asks for consent at every turn and runs them.
 */
import type { Socket } from 'node:net';
import type { Digest } from '../federation/canonical.ts';
import type { DataKeys } from '../federation/chunks.ts';
import type {
  CancelDocument,
  DataDocument,
  DecisionDocument,
  GrantDocument,
  JobDocument,
  WithdrawalDocument,
} from '../federation/documents.ts';
import type { Id, PublicIdentity } from '../federation/public-identity.ts';
import type { Received } from '../federation/received-form.ts';
import type { DataState, JobEvent, JobState, JobView, ModelView } from '../federation/views.ts';
import type { PartyName } from '../server/ipc.ts';
import type { Waiting } from './waiting.ts';

export type { Received } from '../federation/received-form.ts';
export {
  JOB_STATES,
  type DataState,
  type JobEvent,
  type JobState,
  type JobView,
  type ModelView,
} from '../federation/views.ts';

/** Whoever asks for it may see the job. A parsed job comes with it, so that nobody parses again. */
export interface KnownJob {
  readonly job: Received<JobDocument>;
  readonly view: JobView;
  /** Owners of data in it or in the model that it uses. */
  readonly owners: readonly Id[];
}

export type ControlOrder = 'prepare' | 'start' | 'abort' | 'outcome' | 'settle' | 'stop' | 'state';

/** The scheduler. Throws `Refusal` for what the asker can mend. */
export interface Jobs {
  /** Of a known member. The same job again is answered as the first time. */
  propose(job: Received<JobDocument>): Promise<JobView>;
  find(job: Digest): KnownJob | undefined;
  /** All, newest first. */
  all(): Iterable<KnownJob>;
  /** A decision, grant, receipt or withdrawal has been stored that may concern jobs. */
  reconsider(): void;
  cancel(cancel: Received<CancelDocument>): Promise<JobView>;
  /** Events from number `from` on; waits for one while there is none, until the signal aborts. */
  events(job: Digest, from: number, signal: AbortSignal): Promise<readonly JobEvent[]>;
  models(): readonly ModelView[];
  /**
   * An input of a serving session, opened. Resolves with this party's share of the answer; the same id of the same client again: the same.
   * @param gone aborts when nobody waits for the answer any more
   * @param as as whom limits and turns take a visitor, whose key says nothing
   */
  infer(
    job: Digest,
    id: string,
    client: PublicIdentity,
    input: Uint8Array,
    gone: Waiting,
    as?: Id,
  ): Promise<Uint8Array>;
  /** An order of another party, whose identity is proved; `body` is JSON as it came. */
  control(order: ControlOrder, from: PartyName, body: unknown): Promise<object>;
  /** A data set or grant is withdrawn, which is stored already. Resolves when no job process uses the data any more. @returns models trained on it */
  withdrawn(what: WithdrawalDocument['what'], digest: Digest): Promise<readonly Digest[]>;
  /**
   * Takes a connection to the links port, paused, of which `head` has been read, for the job process that waits for a peer in the session that it
   * names (`channel/client-hello.ts`); false: none does.
   */
  takeLink(socket: Socket, session: string, head: Uint8Array): boolean;
  counts(): Readonly<Record<JobState, number>>;
  /** Lets running jobs stop at a step and keep a checkpoint; no job starts after this. */
  drain(): Promise<void>;
  /** Ends all job processes at once. */
  kill(): void;
}

export interface StoredData {
  readonly data: Received<DataDocument>;
  readonly state: DataState;
  /** Where its chunks lie: `images-00000.chunk` …; P2 has none. */
  readonly folder: string;
}

export interface DataSets {
  find(data: Digest): StoredData | undefined;
  all(): Iterable<StoredData>;
  /** For the job process that reads them. Rejects with a Problem when they cannot be read. */
  keys(data: Digest): Promise<DataKeys>;
}

export interface StoredGrant {
  readonly grant: Received<GrantDocument>;
  readonly withdrawn: boolean;
  /** Jobs that started under it. */
  readonly uses: readonly Digest[];
}

export interface Grants {
  find(grant: Digest): StoredGrant | undefined;
  all(): Iterable<StoredGrant>;
  /** A job starts under it: on the disk when this resolves. A job counts once. Rejects with a Refusal when it is used up or withdrawn. */
  use(grant: Digest, job: Digest): Promise<void>;
}

export interface Decisions {
  /** The last one of each owner. */
  of(job: Digest): readonly Received<DecisionDocument>[];
}

/** Public: digests, ids, names, counts, reasons. */
export type Facts = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** What changes state goes into the audit log before it is acted on. */
export interface Audit {
  append(event: string, facts: Facts): Promise<void>;
}
