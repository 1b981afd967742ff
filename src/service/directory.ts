/** Who is known to this party at this moment: the parties of the federation file, and the members that its operator admitted. */
import type { Federation } from '../federation/federation-file.ts';
import { partyIdentity, roleOf } from '../federation/federation-file.ts';
import { idOf, type Id } from '../federation/identity.ts';
import { activeMember, type Member } from '../federation/members.ts';
import type { Asker, Directory } from './api/context.ts';

export class PartyDirectory implements Directory {
  federation: Federation;
  readonly #now: () => number;
  #members: readonly Member[];
  #known: ReadonlyMap<Id, Member> = new Map();
  #revoked: ReadonlySet<Id> = new Set();

  constructor(federation: Federation, members: readonly Member[], now: () => number) {
    [this.federation, this.#members, this.#now] = [federation, members, now];
    this.setMembers(members);
  }

  setMembers(members: readonly Member[]): void {
    this.#members = members;
    const ids = members.map(({ identity }) => idOf(identity));
    const active = ids.flatMap((id) => {
      const member = activeMember(members, id);
      return member === undefined ? [] : [[id, member] as const];
    });
    this.#known = new Map(active);
    this.#revoked = new Set(ids.filter((id) => !this.#known.has(id)));
  }

  find(id: Id): Asker | 'revoked' | undefined {
    const now = this.#now();
    const identity = partyIdentity(this.federation, id, now);
    if (identity !== undefined) return { id, identity, party: roleOf(this.federation, id, now) };
    const member = this.#known.get(id);
    if (member !== undefined) return { id, identity: member.identity, member };
    return this.#revoked.has(id) ? 'revoked' : undefined;
  }

  /** Those that are not revoked. */
  members(): readonly Member[] {
    return [...this.#known.values()];
  }

  /** All, revoked ones as well. */
  everyMember(): readonly Member[] {
    return this.#members;
  }
}
