/** Who is who: names that people write, and ids that documents name, as the parties' member lists say. */
import { Problem } from '../../data/problem.ts';
import { idOf, type Id } from '../../federation/identity.ts';
import { nearest } from '../../nn/nearest.ts';
import { PARTIES } from '../owner.ts';
import { type Member, statusAnswer } from './answers.ts';
import { printable, type FederationClient } from './client.ts';

/** Digits of an id or digest that people are shown. */
export const SHORT = 12;

export class Directory {
  /** By id; where two parties know one id by two names, all of them. */
  readonly members: readonly Member[];
  readonly #self: Id;

  constructor(members: readonly Member[], self: Id) {
    this.members = members;
    this.#self = self;
  }

  /** As the reachable parties have it. */
  static async of(client: FederationClient): Promise<Directory> {
    const statuses = await client.everywhere((party) => client.ask(party, 'GET', '/v1/status', statusAnswer));
    const members = new Map<string, Member>();
    for (const { members: listed } of statuses.some(client.onNote, 'its list of members is not read').values()) {
      for (const member of listed) {
        // An id is its keys' digest: a party can't put others' keys under it.
        if (idOf(member.identity) === member.id) members.set(`${member.id} ${member.name}`, member);
      }
    }
    const parties = PARTIES.map((name) => {
      const { identity } = client.federation.parties[name];
      return { id: idOf(identity), name, identity };
    });
    return new Directory([...parties, ...members.values()], client.id);
  }

  /** `hospital-a`, or the beginning of an id that no list has. */
  nameOf(id: Id): string {
    return printable(this.members.find((member) => member.id === id)?.name ?? id.slice(0, SHORT));
  }

  /** `hospital-a (you)`. */
  inWords(id: Id): string {
    return id === this.#self ? `${this.nameOf(id)} (you)` : this.nameOf(id);
  }

  /** The member that somebody wrote: a name, an id or its beginning, or `me`. @param option that named it */
  find(written: string, option: string): Member {
    const found = this.members.filter(
      ({ id, name }) =>
        name === written ||
        (written === 'me' && id === this.#self) ||
        (/^[0-9a-f]{8,32}$/.test(written) && id.startsWith(written)),
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
