/**
 * What owners and analysts sign. Each document is canonical JSON whose SHA-256 is its name; parties keep it with its signature.
 *
 * None holds a value of anybody's data: digests cover masked values and random keys alone.
 */
import * as z from 'zod';
import type { Network } from '../nn/network.ts';
import { LOSSES } from '../nn/loss.ts';
import { MOST_RANKS } from '../nn/ranks.ts';
import { parseNetwork } from '../nn/networkFile.ts';
import { OPTIMIZERS } from '../nn/optimizer.ts';
import type { TrainOptions } from '../nn/train.ts';
import type { Digest } from './canonical.ts';
import { NAME } from './card.ts';
import { idSchema, publicIdentitySchema, type Id, type PublicIdentity } from './public-identity.ts';
import type { Document } from './signed.ts';
import { type ValueFacts, valueFacts } from './value-facts.ts';

const digest: z.ZodType<Digest> = z.string().regex(/^[0-9a-f]{64}$/);
const moment: z.ZodType<string> = z.iso.datetime();
const name: z.ZodType<string> = z.string().regex(NAME, 'small letters, digits, dot, dash, underscore');
const nonce: z.ZodType<string> = z.string().regex(/^[0-9a-f]{32}$/);
const count = z
  .int()
  .min(1)
  .max(2 ** 31);
const federation = digest;
/** What a serving session computes together, and how long it may wait for it. */
export const MOST_BATCH_IMAGES = 1024;
export const MOST_WAIT_MS = 10_000;

/** A labelled set of images, as an owner has shared it: open under masks that it dealt (PROTOCOLS §1, "Owners' inputs"). */
export interface DataDocument extends Document, ValueFacts {
  readonly securenn: 'data';
  /** Unique among the owner's data sets; shown as OWNER/NAME. */
  readonly name: string;
  readonly images: number;
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  readonly classes: number;
  /** Of the values as they were scaled. */
  readonly fractionBits: number;
  /** Of E of the images, and of E of the one-hot labels: `digestOfChunks`. Says nothing to whoever lacks the content key, P2 included. */
  readonly opened: { readonly images: Digest; readonly labels: Digest };
  /** SHA-256 of the key of ⟨U⟩₀ and of that of ⟨U⟩₁, 16 random bytes each. */
  readonly masks: { readonly P0: Digest; readonly P1: Digest };
  readonly created: string;
}

/** One data set of a job, in the order in which its rows follow each other. */
export interface DataReference {
  readonly owner: Id;
  readonly name: string;
  readonly digest: Digest;
}

interface CommonJobDocument extends Document, ValueFacts {
  readonly securenn: 'job';
  /** JOB_VERSION of the program that proposed it: its protocols. */
  readonly version: number;
  readonly title: string;
  readonly network: Network;
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  readonly fractionBits: number;
  readonly compareBits: number;
  /** No party learns anything by cheating (SECURITY.md). Absent: semi-honest. */
  readonly security?: 'private' | undefined;
  /** No party starts it after this moment. */
  readonly expires: string;
  readonly nonce: string;
}

/** What a training reveals to the receiver; everything else stays shared. */
export interface Revealed {
  readonly model: boolean;
  /** The loss of every tenth batch. */
  readonly loss: boolean;
  /** Correct predictions on the test set, after each evaluation. */
  readonly counts: 'none' | 'total' | 'per-class';
}

export interface TrainDocument extends CommonJobDocument, Omit<TrainOptions, 'showLoss' | 'perClass' | 'showModel'> {
  readonly kind: 'train';
  readonly train: readonly DataReference[];
  readonly test: readonly DataReference[];
  readonly checkpointEvery: number;
  /** Of each party, which compute parts of a batch side by side. Absent: one. */
  readonly ranks?: number | undefined;
  /** Begins with the weights that this earlier training left shared. */
  readonly from?: Digest | undefined;
  readonly reveal: Revealed;
  /** Whom results are sealed to. */
  readonly receiver: PublicIdentity;
  /** The trained weights stay shared at the parties under the job's digest, for jobs to come that their owners approve. */
  readonly keepModel: boolean;
}

/** In one input of a serving session. */
export const MAX_INPUT_IMAGES = 64;
/** The same where a session answers anyone. */
export const MAX_VISITOR_IMAGES = 16;
/** Images of several inputs that are computed together, where a document does not say how many. */
export const DEFAULT_BATCH_IMAGES = 64;

/** A session that answers inputs of clients with a model that stayed shared. */
export interface ServeDocument extends CommonJobDocument {
  readonly kind: 'serve';
  /** The training that left it. */
  readonly model: Digest;
  /** Who may send inputs: members, or anyone, visitors of a page as well. Each answer is sealed to who asked. */
  readonly clients: readonly Id[] | 'anyone';
  /** Class: its index alone. Scores: those of all classes. */
  readonly reveal: 'class' | 'scores';
  /** Images answered in all, of all clients. */
  readonly maxImages: number;
  /** Images answered to one client. Absent: as many as in all. */
  readonly maxImagesEach?: number | undefined;
  /** Images of several inputs that are computed together at the most. Absent: DEFAULT_BATCH_IMAGES. */
  readonly maxBatch?: number | undefined;
  /** How long an input waits for others to be computed with while nothing is under way. Absent: not at all. */
  readonly maxWaitMs?: number | undefined;
  /** Of each party, which answer batches in turn. Absent: one. */
  readonly ranks?: number | undefined;
}

export type JobDocument = TrainDocument | ServeDocument;

/** An owner's answer to one job. The last one counts, until the job has started. */
export interface DecisionDocument extends Document {
  readonly securenn: 'decision';
  readonly job: Digest;
  readonly approve: boolean;
  readonly at: string;
}

/** Consent in advance: to any training that it covers. */
export interface GrantDocument extends Document {
  readonly securenn: 'grant';
  /** Names of data documents, all of the signer's. */
  readonly data: readonly Digest[];
  readonly analyst: Id;
  /** Digests of networks, or any. */
  readonly networks: readonly Digest[] | 'any';
  /** The most that a job may reveal, and whether its model may stay shared. */
  readonly reveal: Revealed;
  readonly keepModel: boolean;
  readonly maxRuns: number;
  readonly until: string;
  readonly nonce: string;
}

/** Takes back a grant, or a data set with all that was stored of it; what was trained on it cannot be taken back. */
export interface WithdrawalDocument extends Document {
  readonly securenn: 'withdrawal';
  readonly what: 'grant' | 'data';
  readonly digest: Digest;
  readonly at: string;
}

/** The proposer, or an owner of data in it, ends a job. */
export interface CancelDocument extends Document {
  readonly securenn: 'cancel';
  readonly job: Digest;
  readonly reason: string;
  readonly at: string;
}

/** A party has all of a data set. A data set that three parties have receipted can be used. */
export interface ReceiptDocument extends Document {
  readonly securenn: 'receipt';
  readonly data: Digest;
  readonly party: 'P0' | 'P1' | 'P2';
}

const reference = z.strictObject({ owner: idSchema, name, digest });
const revealed = z.strictObject({
  model: z.boolean(),
  loss: z.boolean(),
  counts: z.enum(['none', 'total', 'per-class']),
});

export const dataDocument: z.ZodType<DataDocument> = z.strictObject({
  securenn: z.literal('data'),
  federation,
  name,
  images: count.max(10_000_000),
  rows: count.max(4096),
  columns: count.max(65_536),
  channels: count.max(64),
  classes: count.min(2).max(65_536),
  fractionBits: z.int().min(1).max(30),
  ...valueFacts,
  opened: z.strictObject({ images: digest, labels: digest }),
  masks: z.strictObject({ P0: digest, P1: digest }),
  created: moment,
});

function networkOf(json: unknown, context: z.RefinementCtx): Network {
  try {
    return parseNetwork(json, 'network');
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
}

const common = {
  securenn: z.literal('job'),
  version: count,
  federation,
  title: z.string().max(200),
  network: z.unknown().transform(networkOf),
  suite: z.enum(['direct', 'paper']),
  truncation: z.enum(['dealt', 'local']),
  fractionBits: z.int().min(1).max(30),
  compareBits: z.int().min(2).max(64),
  security: z.literal('private').optional(),
  expires: moment,
  nonce,
  ...valueFacts,
};

export const jobDocument: z.ZodType<JobDocument> = z.discriminatedUnion('kind', [
  z.strictObject({
    ...common,
    kind: z.literal('train'),
    train: z.array(reference).min(1).max(64),
    test: z.array(reference).max(64),
    batch: count,
    microBatch: count.optional(),
    epochs: count.optional(),
    steps: count.optional(),
    loss: z.enum(LOSSES),
    optimizer: z.enum(OPTIMIZERS),
    learningRate: z.number().positive(),
    lrDecay: z.number().positive().max(1),
    lrDecayEpochs: count,
    momentum: z.number().min(0).max(1),
    seed: z.int().min(0),
    checkpointEvery: count,
    ranks: z.int().min(2).max(MOST_RANKS).optional(),
    from: digest.optional(),
    reveal: revealed,
    receiver: publicIdentitySchema,
    keepModel: z.boolean(),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('serve'),
    model: digest,
    clients: z.union([z.literal('anyone'), z.array(idSchema).min(1).max(1024)]),
    reveal: z.enum(['class', 'scores']),
    maxImages: count,
    maxImagesEach: count.optional(),
    maxBatch: count.max(MOST_BATCH_IMAGES).optional(),
    maxWaitMs: z.int().min(1).max(MOST_WAIT_MS).optional(),
    ranks: z.int().min(2).max(MOST_RANKS).optional(),
  }),
]);

export const decisionDocument: z.ZodType<DecisionDocument> = z.strictObject({
  securenn: z.literal('decision'),
  federation,
  job: digest,
  approve: z.boolean(),
  at: moment,
});

export const grantDocument: z.ZodType<GrantDocument> = z.strictObject({
  securenn: z.literal('grant'),
  federation,
  data: z.array(digest).min(1).max(64),
  analyst: idSchema,
  networks: z.union([z.literal('any'), z.array(digest).min(1).max(64)]),
  reveal: revealed,
  keepModel: z.boolean(),
  maxRuns: count,
  until: moment,
  nonce,
});

export const withdrawalDocument: z.ZodType<WithdrawalDocument> = z.strictObject({
  securenn: z.literal('withdrawal'),
  federation,
  what: z.enum(['grant', 'data']),
  digest,
  at: moment,
});

export const cancelDocument: z.ZodType<CancelDocument> = z.strictObject({
  securenn: z.literal('cancel'),
  federation,
  job: digest,
  reason: z.string().max(200),
  at: moment,
});

export const receiptDocument: z.ZodType<ReceiptDocument> = z.strictObject({
  securenn: z.literal('receipt'),
  federation,
  data: digest,
  party: z.enum(['P0', 'P1', 'P2']),
});
