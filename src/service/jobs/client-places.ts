/** How much each client of a session may have under way at one time, so that nobody's inputs take the room of everybody's. */
import type { Id } from '../../federation/public-identity.ts';
import { Refusal } from '../refusal.ts';

/** Of one client at one time: inputs, and the bytes of E that they have at a worker. */
const MOST_INPUTS = 64;
const MOST_BYTES: number = 64 * 2 ** 20;
/** Of all clients. */
const MOST_BYTES_OF_ALL: number = 512 * 2 ** 20;

interface Taken {
  inputs: number;
  bytes: number;
}

export class ClientPlaces {
  readonly #of: Map<Id, Taken> = new Map();
  #bytes = 0;

  /** Throws a Refusal where it is too much. One input has room always, however large, unless others have taken all. */
  take(client: Id, bytes: number): void {
    const taken = this.#of.get(client) ?? { inputs: 0, bytes: 0 };
    if (taken.inputs >= MOST_INPUTS || (taken.inputs > 0 && taken.bytes + bytes > MOST_BYTES))
      throw new Refusal(429, `${taken.inputs} of your inputs are under way`, 'wait for their answers');
    if (this.#bytes > 0 && this.#bytes + bytes > MOST_BYTES_OF_ALL)
      throw new Refusal(503, 'too many inputs are under way', 'send it again in a moment');
    this.#of.set(client, taken);
    taken.inputs++;
    taken.bytes += bytes;
    this.#bytes += bytes;
  }

  giveBack(client: Id, bytes: number): void {
    const taken = this.#of.get(client)!;
    taken.inputs--;
    taken.bytes -= bytes;
    this.#bytes -= bytes;
    if (taken.inputs === 0) this.#of.delete(client);
  }
}
