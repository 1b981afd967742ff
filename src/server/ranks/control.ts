/**
 * What rank 0 and the host of another rank of the same party tell each other (docs/ranks.md), over a link of the party's own: JSON, in order, under
 * labels `control/0`, `control/1` … of each direction. It holds keys; nothing of it is ever logged.
 *
 *     rank 0 → host   hello {party, rank, size, attempt?, job?}        who is meant; without an attempt it is only asked who is there
 *     host → rank 0   here {party, rank, size, instance}, or refused {reason}
 *     host → rank 0   joined, connected, counters, turned-away, done, failed
 *     rank 0 → host   start {…}, work {…}
 *
 * Whoever has the party's key for its ranks may say this; it is checked all the same.
 */
import * as z from 'zod';
import { ChannelError, type Link, type PeerName } from '../../channel/channel.ts';
import { WHILE_THE_LINK_LIVES } from '../../data/share.ts';
import type { MaskKey } from '../../engine/ownedInput.ts';
import type { Digest } from '../../federation/canonical.ts';
import { MOST_RANKS } from '../../nn/ranks.ts';
import { type RankCounters, rankCountersSchema } from '../../profile/rank-counters.ts';
import { BACKENDS } from '../compute.ts';
import { fromHex, linkModel, linkTls, partyAddress, toHex, type FailureNotice, type PartyName } from '../ipc.ts';
import { isRanked, jobSchema } from '../job.ts';
import type { FromMember, RankStart } from './messages.ts';

/** Of what ranks of one party say to each other. */
const VERSION = 3;

export interface Hello {
  readonly kind: 'hello';
  readonly version: number;
  readonly party: PartyName;
  /** Whom it means. */
  readonly rank: number;
  readonly size: number;
  /** Of this attempt of a job. Absent: it only asks. */
  readonly attempt?: string | undefined;
  /** Whose attempt it is. */
  readonly job?: Digest | undefined;
}

/** An input on its way: E goes over the tree. */
export interface InputFacts {
  readonly name: string;
  readonly shape: readonly number[];
  readonly fractionBits: number;
  /** Of E; null at P2, which has none. */
  readonly elements: number | null;
  readonly masks: readonly (readonly MaskKey[])[];
}

export interface StartMessage {
  readonly kind: 'start';
  readonly order: RankStart;
  /** The secret half of the identity of the session. */
  readonly identity: Uint8Array;
}

export interface WorkMessage {
  readonly kind: 'work';
  readonly pairKeys: ReadonlyMap<PeerName, Uint8Array>;
  readonly inputs: readonly InputFacts[];
}

export type ToHost = Hello | StartMessage | WorkMessage;

export type FromHost =
  | {
      readonly kind: 'here';
      readonly party: PartyName;
      readonly rank: number;
      readonly size: number;
      /** Of no other process. */
      readonly instance: string;
    }
  /** It will not. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It has its place in the tree. */
  | { readonly kind: 'joined' }
  | { readonly kind: 'counters'; readonly counters: RankCounters }
  | { readonly kind: 'told'; readonly told: FromMember };

const MAXIMUM_BYTES: number = 16 * 2 ** 20;
const party = z.enum(['P0', 'P1', 'P2']);
const rank = z.int().min(0).max(MOST_RANKS);
const hex = z
  .string()
  .regex(/^(?:[0-9a-f]{2}){1,64}$/)
  .transform(fromHex);
const text = z.string().max(4096);
const maskKey = z.strictObject({ name: z.string().max(256), key: hex, elements: z.int().min(1) });
export const inputFactsSchema: z.ZodType<InputFacts> = z.strictObject({
  name: z.string().max(256),
  shape: z.array(z.int().min(1)).min(1).max(8),
  fractionBits: z.int().min(0).max(30),
  elements: z.int().min(1).nullable(),
  masks: z.array(z.array(maskKey).min(1)).min(1).max(2),
});
const order: z.ZodType<RankStart> = z.strictObject({
  type: z.literal('start'),
  job: jobSchema.refine(isRanked, 'a job of several ranks'),
  parties: z.strictObject({ P0: partyAddress, P1: partyAddress, P2: partyAddress }),
  tls: linkTls.optional(),
  timeoutMs: z.int().min(1),
  linkPatienceMs: z.int().min(0).optional(),
  compute: z.strictObject({
    backend: z.enum(BACKENDS),
    fallbackAdapter: z.boolean(),
    workers: z.int().min(0),
  }),
  link: linkModel.optional(),
});
const toHost: z.ZodType<ToHost> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('hello'),
    version: z.int(),
    ...{ party, rank, size: rank },
    attempt: z
      .string()
      .regex(/^[0-9a-f]{32}$/)
      .optional(),
    job: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  }),
  z.strictObject({ kind: z.literal('start'), order, identity: hex }),
  z.strictObject({
    kind: z.literal('work'),
    pairKeys: z
      .partialRecord(z.enum(['P0', 'P1', 'P2', 'owner'] satisfies PeerName[]), hex)
      .transform((keys) => new Map(Object.entries(keys) as [PeerName, Uint8Array][])),
    inputs: z.array(inputFactsSchema).max(16),
  }),
]);
const failure: z.ZodType<FailureNotice> = z.strictObject({
  type: z.literal('error'),
  message: text,
  fix: text.optional(),
  told: text.optional(),
  origin: z.enum(['here', 'link']),
});
const fromHost: z.ZodType<FromHost> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('here'), party, rank, size: rank, instance: z.string().max(64) }),
  z.strictObject({ kind: z.literal('refused'), reason: text }),
  z.strictObject({ kind: z.literal('joined') }),
  z.strictObject({ kind: z.literal('counters'), counters: rankCountersSchema }),
  z.strictObject({
    kind: z.literal('told'),
    told: z.union([
      z.strictObject({ type: z.literal('connected') }),
      z.strictObject({ type: z.literal('refused'), reason: text }),
      z.strictObject({ type: z.literal('done') }),
      failure,
    ]),
  }),
]);

/** One end of it. */
export class ControlLane<In, Out> {
  readonly link: Link;
  readonly #form: z.ZodType<In>;
  #sent = 0;
  #received = 0;

  private constructor(link: Link, form: z.ZodType<In>) {
    [this.link, this.#form] = [link, form];
  }

  static atRank0(link: Link): ControlLane<FromHost, ToHost> {
    return new ControlLane<FromHost, ToHost>(link, fromHost);
  }

  static atHost(link: Link): ControlLane<ToHost, FromHost> {
    return new ControlLane<ToHost, FromHost>(link, toHost);
  }

  send(message: Out): Promise<void> {
    return this.link.send(`control/${this.#sent++}`, bytesOf(message), 0);
  }

  /** Names what is wrong with a message by its place alone: it may hold keys. */
  async receive(timeoutMs: number = WHILE_THE_LINK_LIVES): Promise<In> {
    const label = `control/${this.#received++}`;
    const { data } = await this.link.receiveUpTo(label, 'u8', MAXIMUM_BYTES, timeoutMs);
    try {
      return this.#form.parse(wordsOf(data));
    } catch {
      throw new ChannelError(`from a rank of ${this.link.peer}: ${label} is no message of ranks of this version`);
    }
  }
}

export function bytesOf(message: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message, plain));
}

/** What `bytesOf` was given, in plain words. */
export function wordsOf(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
}

/** Bytes as hexadecimal, maps as objects. A Buffer would have become an object of its own before it is handed over. */
function plain(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const own = this[key];
  if (own instanceof Uint8Array) return toHex(own);
  if (own instanceof Map) return Object.fromEntries(own as Map<string, unknown>);
  return value;
}

/** @param attempt absent: it only asks */
export function helloOf(
  party: PartyName,
  rank: number,
  size: number,
  attempt?: { readonly id: string; readonly job: Digest },
): Hello {
  return { kind: 'hello', version: VERSION, party, rank, size, attempt: attempt?.id, job: attempt?.job };
}

/** Why a host does not do what it is asked, if it does not; words for this party alone. */
export function objectionTo(
  hello: Hello,
  own: { readonly party: PartyName; readonly rank: number; readonly size: number },
): string | undefined {
  if (hello.version !== VERSION)
    return `its program speaks version ${VERSION} to other ranks, rank 0's ${hello.version}`;
  if (hello.party !== own.party) return `it is a rank of ${own.party}`;
  if (hello.rank !== own.rank) return `rank ${own.rank} answers there`;
  if (hello.size !== own.size) return `it was started as one of ${own.size} ranks, rank 0 as one of ${hello.size}`;
  return undefined;
}
