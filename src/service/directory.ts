/** Who is known to this party at this moment: the parties of the federation file, and the members that its operator admitted. */
import type { Federation } from '../federation/federation-file.ts';
import { partyIdentity, roleOf } from '../federation/federation-file.ts';
import { idOf, type Id, type PublicIdentity } from '../federation/public-identity.ts';
import { keysOf, memberIdOf, type Member } from '../federation/members.ts';
import type { Asker, Directory } from './api/context.ts';

/** A key that somebody has, or had. */
interface Known {
  readonly member: Member;
  /** The member's own id, whichever key it has. */
  readonly holder: Id;
  readonly identity: PublicIdentity;
  /** The last moment at which it counts. */
  readonly until: number;
}

export class PartyDirectory implements Directory {
  federation: Federation;
  readonly #now: () => number;
  #members: readonly Member[] = [];
  #keys: ReadonlyMap<Id, Known> = new Map();

  constructor(federation: Federation, members: readonly Member[], now: () => number) {
    [this.federation, this.#now] = [federation, now];
    this.setMembers(members);
  }

  setMembers(members: readonly Member[]): void {
    this.#members = members;
    const keys = members.flatMap((member) => {
      const holder = memberIdOf(member);
      return keysOf(member).map(({ identity, until }): Known => {
        return { member, holder, identity, until: until === undefined ? Infinity : Date.parse(until) };
      });
    });
    this.#keys = new Map(keys.map((known) => [idOf(known.identity), known]));
  }

  find(id: Id): Asker | 'revoked' | undefined {
    const now = this.#now();
    const identity = partyIdentity(this.federation, id, now);
    if (identity !== undefined) return { id, identity, party: roleOf(this.federation, id, now) };
    const known = this.#keys.get(id);
    if (known === undefined) return undefined;
    // A key that another has followed ends as one that is revoked does.
    if (known.member.revoked !== undefined || now > known.until) return 'revoked';
    return { id, identity: known.identity, member: known.member };
  }

  /** Whose key it is or was, revoked members as well. */
  memberOf(id: Id): { readonly member: Member; readonly holder: Id; readonly replaced: boolean } | undefined {
    const known = this.#keys.get(id);
    return known && { member: known.member, holder: known.holder, replaced: this.#now() > known.until };
  }

  holder(id: Id): Id {
    return this.#keys.get(id)?.holder ?? id;
  }

  /** Those that are not revoked. */
  members(): readonly Member[] {
    return this.#members.filter(({ revoked }) => revoked === undefined);
  }
}
