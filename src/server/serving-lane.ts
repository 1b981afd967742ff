/**
 * What the parties of a serving session tell each other about inputs: which ones they have, which ones are answered together next. JSON, in order,
 * under labels `serve/0`, `serve/1` … of each link and direction.
 *
 * No message holds a value. A digest goes only to a party that holds, or should hold, the very bytes: SHA-256 of E from one worker to the
 * other, of P_j's mask key from P2 to P_j. So it tells nothing to whom it fits, and P2 hears nothing of E.
 */
import * as z from 'zod';
import { ChannelError, type Link } from '../channel/channel.ts';
import { WHILE_THE_LINK_LIVES } from '../data/share.ts';

/** A part that a party has. */
export interface Have {
  readonly id: string;
  readonly images: number;
  /** Of E from P1, of the receiver's mask key from P2. */
  readonly digest: string;
}

/** An input that is let through. */
export interface Chosen {
  readonly id: string;
  /** Of E, to P1 alone. */
  readonly digest?: string | undefined;
}

export type ServingMessage =
  /** P1 to P0, P2 to P0 and P1: it has its parts of these inputs. */
  | { readonly kind: 'have'; readonly inputs: readonly Have[] }
  /** P0 to the others: these are answered together, in this order, as the n-th batch. */
  | { readonly kind: 'next'; readonly n: number; readonly inputs: readonly Chosen[] }
  /** P0 to the others, and P2 to P1 of what it has said that it has: it is not answered. */
  | { readonly kind: 'drop'; readonly id: string; readonly reason: string }
  /** P1 and P2 to P0: whoever sent it is gone, and perhaps comes back. The part stays until P0 says what becomes of it. */
  | { readonly kind: 'gone'; readonly id: string }
  /** The last message of a link and direction. */
  | { readonly kind: 'over' };

/** How inputs are named. */
export const INPUT_ID: RegExp = /^[0-9A-Za-z._:/-]{1,128}$/;
/** Inputs that one message names. */
export const MOST_NAMED = 1024;
const id = z.string().regex(INPUT_ID);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const have = z.strictObject({ id, images: z.int().min(1), digest });
const chosen = z.strictObject({ id, digest: digest.optional() });
const message: z.ZodType<ServingMessage> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('have'), inputs: z.array(have).min(1).max(MOST_NAMED) }),
  z.strictObject({ kind: z.literal('next'), n: z.int().min(0), inputs: z.array(chosen).min(1).max(MOST_NAMED) }),
  z.strictObject({ kind: z.literal('drop'), id, reason: z.string().max(200) }),
  z.strictObject({ kind: z.literal('gone'), id }),
  z.strictObject({ kind: z.literal('over') }),
]);

/** Of MOST_NAMED inputs: names, digests and what stands between them. */
const MAXIMUM_BYTES: number = 256 * (MOST_NAMED + 1);

export class ServingLane {
  readonly #link: Link;
  #sent = 0;
  #received = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  send(told: ServingMessage): Promise<void> {
    return this.#link.send(`serve/${this.#sent++}`, new TextEncoder().encode(JSON.stringify(told)), 0);
  }

  /** Hands over each message of the peer until it has said that it was the last. */
  async listen(hear: (told: Exclude<ServingMessage, { kind: 'over' }>) => void): Promise<void> {
    for (;;) {
      const told = await this.#receive();
      if (told.kind === 'over') return;
      hear(told);
    }
  }

  async #receive(): Promise<ServingMessage> {
    const label = `serve/${this.#received++}`;
    const { data } = await this.#link.receiveUpTo(label, 'u8', MAXIMUM_BYTES, WHILE_THE_LINK_LIVES);
    try {
      return message.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data)));
    } catch (error) {
      throw new ChannelError(`from ${this.#link.peer}: ${label} is no message of a serving session`, { cause: error });
    }
  }
}
