/**
 * What a party process and the process that started it tell each other over IPC. Nothing secret: identity keys are made inside the
 * party and only their public halves leave it.
 */
import { z } from 'zod';
import {
  MAX_MEGABYTES_PER_SECOND,
  MAX_RTT_MS,
  MIN_MEGABYTES_PER_SECOND,
  type LinkModel,
} from '../channel/linkModel.ts';
import type { Holdings } from '../data/checkpoint-store.ts';
import { BACKENDS, type Computing, type ComputeSettings } from './compute.ts';
import { jobSchema, type Job } from './job.ts';
import { LOG_LEVELS, type LogLevel } from './log-levels.ts';

export type PartyName = 'P0' | 'P1' | 'P2';
export const PARTY_NAMES: readonly PartyName[] = ['P0', 'P1', 'P2'];

/** Port 0: any free one. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface PartyAddress extends HostPort {
  /** X25519, raw, as hexadecimal. */
  readonly publicKey: string;
}

/** Make an identity key and listen (port 0: any free one). */
export interface OpenOrder {
  readonly type: 'open';
  readonly party: PartyName;
  readonly host: string;
  readonly port: number;
  /** Folder of this party's checkpoints. */
  readonly checkpoints?: string | undefined;
  /** Folder for this party's part of a profile. */
  readonly profile?: string | undefined;
  /** What of its log it writes to standard error. */
  readonly log: LogLevel;
  /** Where figures for Prometheus can be had, if they are asked for. */
  readonly metrics?: HostPort | undefined;
}

/** Join the mesh and do the job. */
export interface StartOrder {
  readonly type: 'start';
  readonly job: Job;
  readonly parties: Readonly<Record<PartyName, PartyAddress>>;
  readonly ownerPublicKey: string;
  /** Longest wait for one message. */
  readonly timeoutMs: number;
  readonly compute: ComputeSettings;
  /** Holds up what this party sends. */
  readonly link?: LinkModel | undefined;
}

/** Starter to party. */
export type Order = OpenOrder | StartOrder | { readonly type: 'abort'; readonly reason: string };

/** Something failed, and with it this party's part of the job. */
export interface FailureNotice {
  readonly type: 'error';
  readonly message: string;
  readonly fix?: string | undefined;
  /** `link`: a link failed, so the cause may lie in another party. */
  readonly origin: 'here' | 'link';
}

/** Party to starter. */
export type Notice =
  | {
      readonly type: 'listening';
      readonly port: number;
      readonly publicKey: string;
      /** Which checkpoints this party has. */
      readonly holdings: Holdings;
      /** Port for figures, if they are asked for. */
      readonly metricsPort?: number | undefined;
    }
  /** Someone who is not part of the session connected and was turned away. */
  | { readonly type: 'refused'; readonly reason: string }
  | ({ readonly type: 'computing' } & Computing)
  /** Something to tell the user; the job goes on. */
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'done' }
  | FailureNotice;

const party = z.enum(['P0', 'P1', 'P2']);
const port = z.int().min(0).max(65535);
const publicKey = z.string().regex(/^[0-9a-f]{64}$/);
const linkModel = z.strictObject({
  rttMs: z.number().min(0).max(MAX_RTT_MS),
  megabytesPerSecond: z.number().min(MIN_MEGABYTES_PER_SECOND).max(MAX_MEGABYTES_PER_SECOND),
});
const address = z.strictObject({ host: z.string(), port, publicKey });

export const orderSchema: z.ZodType<Order> = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('open'),
    party,
    host: z.string(),
    port,
    checkpoints: z.string().optional(),
    profile: z.string().optional(),
    log: z.enum(LOG_LEVELS),
    metrics: z.strictObject({ host: z.string(), port }).optional(),
  }),
  z.strictObject({
    type: z.literal('start'),
    job: jobSchema,
    parties: z.strictObject({ P0: address, P1: address, P2: address }),
    ownerPublicKey: publicKey,
    timeoutMs: z.int().min(1),
    compute: z.strictObject({ backend: z.enum(BACKENDS), fallbackAdapter: z.boolean(), workers: z.int().min(1) }),
    link: linkModel.optional(),
  }),
  z.strictObject({ type: z.literal('abort'), reason: z.string() }),
]);

export const noticeSchema: z.ZodType<Notice> = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('listening'),
    port,
    publicKey,
    holdings: z.strictObject({
      whole: z.array(z.strictObject({ run: z.string(), step: z.int() })),
      damaged: z.array(z.strictObject({ step: z.int(), what: z.string(), fix: z.string() })),
    }),
    metricsPort: port.optional(),
  }),
  z.strictObject({ type: z.literal('refused'), reason: z.string() }),
  z.strictObject({
    type: z.literal('computing'),
    backend: z.enum(['wasm', 'webgpu']),
    adapter: z.string().nullable(),
    reason: z.string().optional(),
  }),
  z.strictObject({ type: z.literal('note'), text: z.string() }),
  z.strictObject({ type: z.literal('done') }),
  z.strictObject({
    type: z.literal('error'),
    message: z.string(),
    fix: z.string().optional(),
    origin: z.enum(['here', 'link']),
  }),
]);

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}
