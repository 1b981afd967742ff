/** Who is who: names that people write, and ids that documents name, as the parties' member lists say. */
import { Problem } from '../../data/problem.ts';
import { idOf, type Id, type PublicIdentity } from '../../federation/public-identity.ts';
import { predecessorsOf } from '../../federation/succession.ts';
import { nearest } from '../../nn/nearest.ts';
import { PARTIES } from '../parties.ts';
import { type Member, statusAnswer } from './answers.ts';
import { printable, type FederationClient } from './client.ts';

/** Digits of an id or digest that people are shown. */
export const SHORT = 12;

export interface Person {
  readonly name: string;
  /** By which all parties that list it know it: while it changes its key, the one before until all have the new one. */
  readonly id: Id;
  readonly identity: PublicIdentity;
  /** Of all keys that it has or had. */
  readonly ids: readonly Id[];
}

export class Directory {
  /** Where two parties know one key by two names, both of them. */
  readonly members: readonly Person[];
  readonly #self: Id;

  constructor(members: readonly Person[], self: Id) {
    this.members = members;
    this.#self = self;
  }

  /** As the reachable parties have it. */
  static async of(client: FederationClient): Promise<Directory> {
    const statuses = await client.everywhere((party) => client.ask(party, 'GET', '/v1/status', statusAnswer));
    const listed = [...statuses.some(client.onNote, 'its list of members is not read').values()];
    const parties = PARTIES.map((name) => {
      const { identity } = client.federation.parties[name];
      return { id: idOf(identity), name, identity, ids: [idOf(identity)] };
    });
    return new Directory([...parties, ...merge(listed.flatMap(({ members }) => members))], client.id);
  }

  /** `hospital-a`, or the beginning of an id that no list has. */
  nameOf(id: Id): string {
    return printable(this.members.find(({ ids }) => ids.includes(id))?.name ?? id.slice(0, SHORT));
  }

  /** `hospital-a (you)`. */
  inWords(id: Id): string {
    return this.isSelf(id) ? `${this.nameOf(id)} (you)` : this.nameOf(id);
  }

  /** Whether two keys are one member's: it may have changed its key. */
  isSame(a: Id, b: Id): boolean {
    return a === b || this.members.some(({ ids }) => ids.includes(a) && ids.includes(b));
  }

  isSelf(id: Id): boolean {
    return this.isSame(id, this.#self);
  }

  /** The member that somebody wrote: a name, an id or its beginning, or `me`. @param option that named it */
  find(written: string, option: string): Person {
    const found = this.members.filter(
      ({ ids, name }) =>
        name === written ||
        (written === 'me' && ids.includes(this.#self)) ||
        (/^[0-9a-f]{8,32}$/.test(written) && ids.some((id) => id.startsWith(written))),
    );
    const ids = [...new Set(found.map(({ id }) => id))];
    if (ids.length === 1) return found[0];
    if (ids.length > 1) {
      throw new Problem(
        `--${option}: the parties know ${ids.length} members by ${written}: ${ids.map((id) => id.slice(0, SHORT)).join(', ')}`,
        'give the id in place of the name',
      );
    }
    const names = this.members.map(({ name }) => name);
    const near = nearest(written, names);
    throw new Problem(
      `--${option}: no party knows a member ${written}${near === undefined ? '' : `; did you mean ${near}?`}`,
      `known are ${names.slice(0, 20).map(printable).join(', ')}; operators admit others (securenn party admit)`,
    );
  }
}

/** One member of one name as each party that knows it has its keys, the newest first. */
interface Entry {
  readonly name: string;
  readonly chains: PublicIdentity[][];
}

function merge(listed: readonly Member[]): Person[] {
  const entries: Entry[] = [];
  for (const { id, name, identity, successions } of listed) {
    // An id is its keys' digest, and each key has endorsed the next: a party can't put others' keys under a name that it did not admit so.
    if (idOf(identity) !== id) continue;
    const chain = [identity, ...predecessorsOf(identity, successions).map((before) => before.identity)];
    const known = entries.find((entry) => entry.name === name && shareKey(entry.chains.flat(), chain));
    if (known === undefined) entries.push({ name, chains: [chain] });
    else known.chains.push(chain);
  }
  return entries.map(({ name, chains }) => {
    const all = chains.toSorted((a, b) => b.length - a.length).flat();
    const common = all.find((identity) => chains.every((chain) => shareKey(chain, [identity])));
    const identity = common ?? all[0];
    return { name, id: idOf(identity), identity, ids: [...new Set(all.map(idOf))] };
  });
}

function shareKey(some: readonly PublicIdentity[], others: readonly PublicIdentity[]): boolean {
  const ids = some.map(idOf);
  return others.some((identity) => ids.includes(idOf(identity)));
}
