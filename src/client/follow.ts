/**
 * Follows the events of all three parties. Each party's messages are read on their own, so that no party ever waits for the owner
 * to hear another one first; the helper runs ahead of the workers.
 */
import { decodeEvent, eventLabel, MAXIMUM_EVENT_BYTES, type PartyEvent } from '../data/party-events.ts';
import { WHILE_THE_LINK_LIVES } from '../data/share.ts';
import { PARTIES, type PartyName } from './parties.ts';
import type { Owner } from './owner.ts';

/** Reads every party's events until it has finished. `handle` is awaited before that party's next event. */
export async function follow(
  owner: Owner,
  handle: (party: PartyName, event: PartyEvent) => void | Promise<void>,
): Promise<void> {
  await Promise.all(PARTIES.map((party) => followParty(owner, party, handle)));
}

async function followParty(
  owner: Owner,
  party: PartyName,
  handle: (party: PartyName, event: PartyEvent) => void | Promise<void>,
): Promise<void> {
  for (let count = 0; ; count++) {
    const label = eventLabel(count);
    const { data } = await owner.links[party].receiveUpTo(label, 'u8', MAXIMUM_EVENT_BYTES, WHILE_THE_LINK_LIVES);
    const event = decodeEvent(data, `${party}: ${label}`);
    await handle(party, event);
    if (event.kind === 'finished') return;
  }
}

/** What the three parties say about one thing, such as a step, until all three have said it. */
export class Gathering<T> {
  readonly #open: Map<number, Partial<Record<PartyName, T>>> = new Map();

  /** The three parts once the last one is there. */
  add(key: number, party: PartyName, part: T): Readonly<Record<PartyName, T>> | undefined {
    const parts = this.#open.get(key) ?? {};
    if (parts[party] !== undefined) throw new Error(`${party} reported ${key} twice`);
    parts[party] = part;
    if (PARTIES.some((name) => parts[name] === undefined)) {
      this.#open.set(key, parts);
      return undefined;
    }
    this.#open.delete(key);
    return parts as Record<PartyName, T>;
  }
}
