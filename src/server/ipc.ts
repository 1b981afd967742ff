/**
 * What a party process and the process that started it tell each other over IPC, by structured clone ('advanced'). The process of a job on
 * stored data is given keys of what its organisation keeps, and a key for its links; the key of its session is made inside it, and only
 * the public half leaves it. No notice holds a key, and none a share but an answer's, which its party seals to whoever asked.
 */
import * as z from 'zod';
import {
  MAX_MEGABYTES_PER_SECOND,
  MAX_RTT_MS,
  MIN_MEGABYTES_PER_SECOND,
  type LinkModel,
} from '../channel/linkModel.ts';
import type { PeerName } from '../channel/channel.ts';
import type { LinkTls } from '../channel/pins.ts';
import type { Holdings } from '../data/checkpoint-store.ts';
import { partyEventSchema, type PartyEvent } from '../data/party-events.ts';
import type { Digest } from '../federation/canonical.ts';
import type { DataKeys } from '../federation/chunks.ts';
import type { DataDocument } from '../federation/documents.ts';
import { publicIdentitySchema, type PublicIdentity } from '../federation/public-identity.ts';
import type { HostPort } from '../federation/address.ts';
import type { PartyId } from '../party/party.ts';
import { BACKENDS, type Computing, type ComputeSettings } from './compute.ts';
import { jobSchema, type Job } from './job.ts';
import { INPUT_ID } from './serving-lane.ts';
import { LOG_LEVELS, type LogLevel } from './log-levels.ts';

export type PartyName = 'P0' | 'P1' | 'P2';
export const PARTY_NAMES: readonly PartyName[] = ['P0', 'P1', 'P2'];
/** As protocols number them. */
export const PARTY_IDS: Readonly<Record<PartyName, PartyId>> = { P0: 0, P1: 1, P2: 2 };

export interface PartyAddress extends HostPort {
  /** X25519, raw, as hexadecimal. */
  readonly publicKey: string;
  /** Where the peers of its ranks 1, 2, … find them, if it has several. */
  readonly ranks?: readonly HostPort[] | undefined;
}

/** Ranks that are processes, on this host or others. */
export interface RankPlaces {
  /** Where this party finds its ranks 1, 2, … */
  readonly at: readonly HostPort[];
  /** What ranks of this party show each other, and its pin under the party's own name (`ranks/own-links.ts`). */
  readonly tls: LinkTls;
  /** Whose attempt this is: an earlier one of the same is over. */
  readonly job: Digest;
}

/** Make an identity key, and say where links end. */
export interface OpenOrder {
  readonly type: 'open';
  readonly party: PartyName;
  /** Where it listens (port 0: any free one); 'handed': the starter does, and hands connections over. */
  readonly listen: HostPort | 'handed';
  /** Who computes parts of a batch side by side (docs/ranks.md): so many threads, or processes beside this one; absent: this one alone. */
  readonly ranks?: number | RankPlaces | undefined;
  /** Folder of this party's checkpoints. */
  readonly checkpoints?: string | undefined;
  /** Keys that what it keeps is encrypted under (`data/vault.ts`); absent: nothing is. */
  readonly storageKeys?: readonly Uint8Array[] | undefined;
  /** Folder for this party's part of a profile. */
  readonly profile?: string | undefined;
  /** What of its log it writes to standard error. */
  readonly log: LogLevel;
  /** Where figures for Prometheus can be had, if they are asked for. */
  readonly metrics?: HostPort | undefined;
}

/** A data set that is stored here. */
export interface StoredSet {
  /** Of its document, as all of these. */
  readonly data: Digest;
  readonly sizes: Pick<DataDocument, 'images' | 'rows' | 'columns' | 'channels' | 'classes' | 'fractionBits'>;
  /** Where its chunks lie. P2 has none. */
  readonly folder: string;
  readonly keys: DataKeys;
}

/** Inputs come from an owner who takes part in the session, and results go there. */
export interface OwnerOrder {
  readonly kind: 'owner';
  /** Its identity key for the session. */
  readonly publicKey: string;
}

/** A training whose inputs are stored here, and whose results are sealed to a receiver. */
export interface StoredTrainingOrder {
  readonly kind: 'training';
  /** In the order in which their rows follow each other. */
  readonly train: readonly StoredSet[];
  readonly test: readonly StoredSet[];
  readonly receiver: PublicIdentity;
  /** Folder for what is revealed: `encodeURIComponent(NAME).sealed`. Workers only. */
  readonly results: string;
  /** The shared model to begin with, if the job does: its file, and the job that trained it. */
  readonly from?: { readonly file: string; readonly job: Digest } | undefined;
  /** File for the trained model, if it is to stay shared. */
  readonly keep?: string | undefined;
}

/** A session that answers images with a model which is stored here. */
export interface StoredServingOrder {
  readonly kind: 'serving';
  /** File of the shared model. */
  readonly model: string;
}

export type EndsOrder = OwnerOrder | StoredTrainingOrder | StoredServingOrder;

/** Join the mesh and do the job. */
export interface StartOrder {
  readonly type: 'start';
  readonly job: Job;
  /** Where inputs come from and results go. */
  readonly ends: EndsOrder;
  readonly parties: Readonly<Record<PartyName, PartyAddress>>;
  /** Links are encrypted, and whose key is not pinned is turned away. */
  readonly tls?: LinkTls | undefined;
  /** Longest wait for one message while nobody gets on. */
  readonly timeoutMs: number;
  /** How long a link that broke may take to come back. Absent: it ends the session. */
  readonly linkPatienceMs?: number | undefined;
  readonly compute: ComputeSettings;
  /** Holds up what this party sends. */
  readonly link?: LinkModel | undefined;
}

/** A connection to the links port, on the same message as its socket, which is paused. */
export interface ConnectionOrder {
  readonly type: 'connection';
  /** What has been read of it, to find out for which session it is. */
  readonly head: Uint8Array;
}

/** To P0: all three end at the next step that none has passed, with a checkpoint of it, or when what is under way is answered. */
export interface StopOrder {
  readonly type: 'stop';
}

/** This party's part of an input of a serving session. */
export interface InputPart {
  /** The same at all three parties, and of no other input of the session. */
  readonly id: string;
  /** Who sent it: each has its turn. */
  readonly client: string;
  readonly images: number;
  /** E (images × inputs) at P0 and P1; null at P2. */
  readonly opened: BigUint64Array | null;
  /** Keys of the mask's shares: P0's or P1's own, or both at P2. */
  readonly masks: readonly Uint8Array[];
}

/** Inputs of a serving session. */
export interface InputsOrder {
  readonly type: 'inputs';
  readonly parts: readonly InputPart[];
}

/** Nobody waits for this input here any more: it goes, unless it is under way. */
export interface WithdrawOrder {
  readonly type: 'withdraw';
  readonly id: string;
}

/** Starter to party. */
export type Order =
  | OpenOrder
  | StartOrder
  | ConnectionOrder
  | StopOrder
  | InputsOrder
  | WithdrawOrder
  | { readonly type: 'abort'; readonly reason: string };

/** Something failed, and with it this party's part of the job. */
export interface FailureNotice {
  readonly type: 'error';
  readonly message: string;
  readonly fix?: string | undefined;
  /** What others may be told of it: no value, no path. Absent: that it happened. */
  readonly told?: string | undefined;
  /** `link`: a link failed, so the cause may lie in another party. */
  readonly origin: 'here' | 'link';
}

export interface Answer {
  /** Of the input. */
  readonly id: string;
  /** Of the classes' indices (images), or of scores (images × classes); null at P2. */
  readonly share: BigUint64Array | null;
  /** Seconds for which it waited for its turn. */
  readonly waited: number;
}

/** Inputs of a serving session have been answered, together. */
export interface AnswersNotice {
  readonly type: 'answers';
  /** Of all that were computed together. */
  readonly images: number;
  readonly answers: readonly Answer[];
}

/** Party to starter. */
export type Notice =
  | {
      readonly type: 'listening';
      /** 0 where the starter listens. */
      readonly port: number;
      readonly publicKey: string;
      /** Which checkpoints this party has. */
      readonly holdings: Holdings;
      /** Port for figures, if they are asked for. */
      readonly metricsPort?: number | undefined;
      /** Of its ranks but the first, where they are threads. */
      readonly rankPorts?: readonly number[] | undefined;
    }
  /** Who is to connect to this party from here on; nobody: connections are not handed over. */
  | { readonly type: 'expecting'; readonly peers: readonly PeerName[] }
  /** Someone who is not part of the session connected and was turned away. */
  | { readonly type: 'refused'; readonly reason: string }
  | ({ readonly type: 'computing' } & Computing)
  /** Something to tell the user; the job goes on. */
  | { readonly type: 'note'; readonly text: string }
  /** How a job on stored data proceeds. */
  | { readonly type: 'event'; readonly event: PartyEvent }
  /** All three parties have the checkpoint of this step. */
  | { readonly type: 'checkpoint'; readonly step: number }
  /** This worker's share of a result is on the disk, sealed. */
  | { readonly type: 'revealed'; readonly name: string; readonly bytes: number }
  | AnswersNotice
  /** An input of a serving session will not be answered; nothing of it is kept. `computed`: it has been, and the answer stays here. */
  | { readonly type: 'rejected'; readonly id: string; readonly reason: string; readonly computed: boolean }
  | { readonly type: 'done' }
  /** It was told to stop, and has: after this step, of which all three have a checkpoint. */
  | { readonly type: 'stopped'; readonly step: number }
  | FailureNotice;

const party = z.enum(['P0', 'P1', 'P2']);
const port = z.int().min(0).max(65535);
const publicKey = z.string().regex(/^[0-9a-f]{64}$/);
export const linkModel: z.ZodType<LinkModel> = z.strictObject({
  rttMs: z.number().min(0).max(MAX_RTT_MS),
  megabytesPerSecond: z.number().min(MIN_MEGABYTES_PER_SECOND).max(MAX_MEGABYTES_PER_SECOND),
});
const hostPort: z.ZodType<HostPort> = z.strictObject({ host: z.string(), port });
export const partyAddress: z.ZodType<PartyAddress> = z.strictObject({
  ...{ host: z.string(), port, publicKey },
  ranks: z.array(hostPort).optional(),
});

const bytes = z.instanceof(Uint8Array);
const ring = z.instanceof(BigUint64Array);
const count = z.int().min(1);
const peer = z.enum(['P0', 'P1', 'P2', 'owner'] satisfies PeerName[]);
const inputId = z.string().regex(INPUT_ID);
const inputPart: z.ZodType<InputPart> = z.strictObject({
  id: inputId,
  client: z.string().max(128),
  images: count,
  opened: ring.nullable(),
  masks: z.array(bytes).min(1).max(2),
});
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const stored: z.ZodType<StoredSet> = z.strictObject({
  data: digest,
  sizes: z.strictObject({
    ...{ images: count, rows: count, columns: count, channels: count, classes: count },
    fractionBits: z.int().min(1).max(30),
  }),
  folder: z.string(),
  keys: z.strictObject({ content: bytes.optional(), masks: z.array(bytes).min(1).max(2) }),
});
const ends: z.ZodType<EndsOrder> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('owner'), publicKey }),
  z.strictObject({
    kind: z.literal('training'),
    train: z.array(stored).min(1),
    test: z.array(stored),
    receiver: publicIdentitySchema,
    results: z.string(),
    from: z.strictObject({ file: z.string(), job: digest }).optional(),
    keep: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('serving'), model: z.string() }),
]);
export const linkTls: z.ZodType<LinkTls> = z.strictObject({
  key: z.string(),
  certificate: z.string(),
  pins: z.partialRecord(peer, z.array(z.string())),
});

export const orderSchema: z.ZodType<Order> = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('open'),
    party,
    listen: z.union([z.strictObject({ host: z.string(), port }), z.literal('handed')]),
    ranks: z.union([count, z.strictObject({ at: z.array(hostPort).min(1), tls: linkTls, job: digest })]).optional(),
    checkpoints: z.string().optional(),
    storageKeys: z.array(bytes).min(1).optional(),
    profile: z.string().optional(),
    log: z.enum(LOG_LEVELS),
    metrics: z.strictObject({ host: z.string(), port }).optional(),
  }),
  z.strictObject({
    type: z.literal('start'),
    job: jobSchema,
    ends,
    parties: z.strictObject({ P0: partyAddress, P1: partyAddress, P2: partyAddress }),
    tls: linkTls.optional(),
    timeoutMs: count,
    linkPatienceMs: z.int().min(0).optional(),
    compute: z.strictObject({ backend: z.enum(BACKENDS), fallbackAdapter: z.boolean(), workers: z.int().min(1) }),
    link: linkModel.optional(),
  }),
  z.strictObject({ type: z.literal('connection'), head: bytes }),
  z.strictObject({ type: z.literal('stop') }),
  z.strictObject({ type: z.literal('inputs'), parts: z.array(inputPart).min(1) }),
  z.strictObject({ type: z.literal('withdraw'), id: inputId }),
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
    rankPorts: z.array(port).optional(),
  }),
  z.strictObject({ type: z.literal('refused'), reason: z.string() }),
  z.strictObject({
    type: z.literal('computing'),
    backend: z.enum(['wasm', 'webgpu']),
    adapter: z.string().nullable(),
    reason: z.string().optional(),
  }),
  z.strictObject({ type: z.literal('note'), text: z.string() }),
  z.strictObject({ type: z.literal('expecting'), peers: z.array(peer) }),
  z.strictObject({ type: z.literal('event'), event: partyEventSchema }),
  z.strictObject({ type: z.literal('checkpoint'), step: z.int().min(0) }),
  z.strictObject({ type: z.literal('revealed'), name: z.string(), bytes: z.int().min(0) }),
  z.strictObject({
    type: z.literal('answers'),
    images: count,
    answers: z.array(z.strictObject({ id: inputId, share: ring.nullable(), waited: z.number().min(0) })).min(1),
  }),
  z.strictObject({ type: z.literal('rejected'), id: inputId, reason: z.string(), computed: z.boolean() }),
  z.strictObject({ type: z.literal('done') }),
  z.strictObject({ type: z.literal('stopped'), step: z.int().min(0) }),
  z.strictObject({
    type: z.literal('error'),
    message: z.string(),
    fix: z.string().optional(),
    told: z.string().optional(),
    origin: z.enum(['here', 'link']),
  }),
]);

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}
