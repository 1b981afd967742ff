/**
 * What a party tells the owner of a job while it runs: messages `event/0`, `event/1`, … of JSON. And where revealed values travel:
 * `reveal/NAME`, each worker's share as u64, which the owner adds up. And how the four agree that a checkpoint is complete.
 */
import * as z from 'zod';
import { MOST_RANKS } from '../nn/ranks.ts';
import { type RankCounters, rankCountersSchema } from '../profile/rank-counters.ts';

/** What this party spent since its last event that has these. Traffic is that to the other two parties, not to the owner. */
export interface Counters {
  readonly seconds: number;
  /** Of `seconds`: asleep until a message came. The rest is computing. */
  readonly waitSeconds: number;
  /** By all its ranks. */
  readonly bytesSent: number;
  readonly onlineRounds: number;
  /** Of a party of several ranks: what each spent; times above are rank 0's. */
  readonly ranks?: readonly RankCounters[] | undefined;
}

/** Steps, epochs and evaluations count from 1, batches of an inference from 0. */
export type Happening =
  /** All inputs have arrived and the protocols start. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'step'; readonly step: number; readonly epoch: number; readonly loss: boolean }
  | { readonly kind: 'evaluated'; readonly evaluation: number; readonly images: number }
  | { readonly kind: 'batch'; readonly batch: number }
  /** Everything is revealed; the party closes its links next. */
  | { readonly kind: 'finished' };

/** An evaluation has done so many images. What was spent is told with `evaluated`. */
export type Testing = Readonly<{ kind: 'testing'; evaluation: number; images: number }>;

export type PartyEvent = (Happening & Counters) | Testing;

const index = z.int().min(0);
const seconds = z.number().min(0);
const ranks = z.array(rankCountersSchema).min(2).max(MOST_RANKS).optional();
const counters = { seconds, waitSeconds: seconds, bytesSent: index, onlineRounds: index, ranks };

export const partyEventSchema: z.ZodType<PartyEvent> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ready'), ...counters }),
  z.strictObject({ kind: z.literal('step'), step: index, epoch: index, loss: z.boolean(), ...counters }),
  z.strictObject({ kind: z.literal('testing'), evaluation: index, images: index }),
  z.strictObject({ kind: z.literal('evaluated'), evaluation: index, images: index, ...counters }),
  z.strictObject({ kind: z.literal('batch'), batch: index, ...counters }),
  z.strictObject({ kind: z.literal('finished'), ...counters }),
]);

/** Seconds rounded to whole microseconds, as they travel and are kept. */
export function microseconds(seconds: number): number {
  return Math.round(1e6 * seconds) / 1e6;
}

/** With figures of as many ranks as a party may have. */
export const MAXIMUM_EVENT_BYTES: number = 2 ** 16;

export function eventLabel(count: number): string {
  return `event/${count}`;
}

export function revealLabel(name: string): string {
  return `reveal/${name}`;
}

/** Party to owner: this party has the checkpoint of this step on disk. */
export function savedLabel(step: number): string {
  return `checkpoint/${step}/saved`;
}

/** Owner to party: all have it. */
export function completeLabel(step: number): string {
  return `checkpoint/${step}/complete`;
}

/** How an owner ends a training in which checkpoints are kept, at a step that no party has passed. */
export const STOP = {
  /** Owner to party, once in every session: 1, or 0 when the training is over. */
  asked: 'checkpoint/stop',
  /** Party to owner: it begins no step after this one before it is told where to stop. */
  reached: 'checkpoint/stop/reached',
  /** Owner to party: the last step. */
  at: 'checkpoint/stop/at',
} as const;

export function encodeEvent(event: PartyEvent): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(event));
}

/** `source` names party and message in errors. */
export function decodeEvent(bytes: Uint8Array, source: string): PartyEvent {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new Error(`${source}: not JSON`, { cause: error });
  }
  const parsed = partyEventSchema.safeParse(json);
  if (!parsed.success) throw new Error(`${source}: not an event of a party: ${parsed.error.issues[0].message}`);
  return parsed.data;
}
