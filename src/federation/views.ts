/** What a party shows of jobs, models and data sets, as JSON: the service writes it, clients check and read it. */
import type { Digest } from './canonical.ts';
import type { Id } from './public-identity.ts';
import type { Signed } from './signed.ts';

/** Uploading: not all is at the party. Complete: all of its part is. Ready: all three parties say so. */
export const DATA_STATES = ['uploading', 'complete', 'ready', 'withdrawn'] as const;
export type DataState = (typeof DATA_STATES)[number];

export const JOB_STATES = [
  'proposed',
  'awaiting',
  'queued',
  'preparing',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'expired',
  'refused',
] as const;
export type JobState = (typeof JOB_STATES)[number];

/** No other state follows. */
export const ENDED: readonly JobState[] = ['succeeded', 'failed', 'cancelled', 'expired', 'refused'];

/** What those concerned are shown of a job. */
export interface JobView {
  readonly job: Digest;
  readonly signed: Signed;
  readonly state: JobState;
  /** When it came into this state. */
  readonly since: string;
  /** Why it waits, failed, was cancelled or refused; no value, no path. */
  readonly reason?: string | undefined;
  readonly fix?: string | undefined;
  /** Owners whose approval is still wanted. */
  readonly waitingFor: readonly Id[];
  readonly attempt: number;
  readonly step?: number | undefined;
  readonly steps?: number | undefined;
}

/** Something that happened to a job, numbered from 0. */
export interface JobEvent {
  readonly n: number;
  readonly time: string;
  readonly event: string;
  readonly [fact: string]: unknown;
}

/** A trained model that stayed shared. */
export interface ModelView {
  /** The job that trained it. */
  readonly job: Digest;
  readonly network: string;
  readonly created: string;
  /** Owners of the data in it: each must approve a job that uses it. */
  readonly owners: readonly Id[];
}
