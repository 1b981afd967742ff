/**
 * What the parties of a serving session tell each other about inputs: which ones they have, which one is answered next. JSON, in order, under
 * labels `serve/0`, `serve/1` … of each link and direction.
 *
 * No message holds a value. A digest goes only to a party that holds, or should hold, the very bytes: SHA-256 of E from one worker to the
 * other, of P_j's mask key from P2 to P_j. So it tells nothing to whom it fits, and P2 hears nothing of E.
 */
import * as z from 'zod';
import { ChannelError, type Link } from '../channel/channel.ts';
import { WHILE_THE_LINK_LIVES } from '../data/share.ts';

export type ServingMessage =
  /** P1 to P0, P2 to P0 and P1: it has its part of an input. `digest`: of E from P1, of the receiver's mask key from P2. */
  | { readonly kind: 'have'; readonly id: string; readonly images: number; readonly digest: string }
  /** P0 to the others: the input is answered as the n-th. `digest`: of E, to P1 alone. */
  | { readonly kind: 'next'; readonly id: string; readonly n: number; readonly digest?: string | undefined }
  /** P0 to the others, and P2 to P1 of what it has said that it has: it is not answered. */
  | { readonly kind: 'drop'; readonly id: string; readonly reason: string }
  /** The last message of a link and direction. */
  | { readonly kind: 'over' };

/** How inputs are named. */
export const INPUT_ID: RegExp = /^[0-9A-Za-z._:/-]{1,128}$/;
const id = z.string().regex(INPUT_ID);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const message: z.ZodType<ServingMessage> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('have'), id, images: z.int().min(1), digest }),
  z.strictObject({ kind: z.literal('next'), id, n: z.int().min(0), digest: digest.optional() }),
  z.strictObject({ kind: z.literal('drop'), id, reason: z.string().max(200) }),
  z.strictObject({ kind: z.literal('over') }),
]);

const MAXIMUM_BYTES = 1024;

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
