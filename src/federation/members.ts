/**
 * members.json: whom a party's operator has admitted, and whom it has revoked. Each party has its own; an operator admits a member after it
 * has compared the id of the member's card by another way. A running service reads the file again when it changes.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { faultOf, writeFileAtomically } from '../data/atomic-write.ts';
import { Problem } from '../data/problem.ts';
import { MEMBER_ROLES, memberName, type MemberCard, type MemberRole } from './card.ts';
import { checkForm, parseJson } from './form.ts';
import { idOf, publicIdentitySchema, type Id, type PublicIdentity } from './identity.ts';

export interface Member {
  /** Unique among the members that are not revoked. */
  readonly name: string;
  readonly identity: PublicIdentity;
  readonly roles: readonly MemberRole[];
  readonly admitted: string;
  /** Since then nothing of it counts: no request, no approval, no grant. */
  readonly revoked?: string | undefined;
}

interface MembersFile {
  readonly securenn: 'members';
  readonly version: 1;
  readonly members: readonly Member[];
}

const membersSchema: z.ZodType<MembersFile> = z.strictObject({
  securenn: z.literal('members'),
  version: z.literal(1),
  members: z.array(
    z.strictObject({
      name: memberName,
      identity: publicIdentitySchema,
      roles: z.array(z.enum(['owner', 'analyst', 'client'])).min(1),
      admitted: z.iso.datetime(),
      revoked: z.iso.datetime().optional(),
    }),
  ),
});

const FIX = 'restore it from a backup, or make it anew: securenn party admit';

/** Nobody, where there is no such file yet. */
export async function readMembers(path: string): Promise<readonly Member[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Problem(`${path}: cannot be read: ${faultOf(error)}`, 'let the party read it');
  }
  return parseMembers(text, path);
}

export function parseMembers(text: string, source: string): readonly Member[] {
  const origin = { source, fix: FIX };
  const { members } = checkForm(membersSchema, parseJson(text, origin), origin);
  const active = members.filter(({ revoked }) => revoked === undefined);
  for (const [i, member] of active.entries()) {
    if (active.slice(0, i).some(({ name }) => name === member.name))
      throw new Problem(`${source}: two members are called ${member.name}`, FIX);
  }
  const keys = members.map(({ identity }) => idOf(identity));
  const twice = members.find((_, i) => keys.indexOf(keys[i]) < i);
  // One of the two may be revoked, and the other would count.
  if (twice !== undefined) throw new Problem(`${source}: the key of ${twice.name} stands twice`, FIX);
  return members;
}

export async function writeMembers(path: string, members: readonly Member[]): Promise<void> {
  const file: MembersFile = { securenn: 'members', version: 1, members };
  const bytes = Buffer.from(`${JSON.stringify(file, null, 2)}\n`);
  await writeFileAtomically(path, bytes, 'private').catch((error: unknown) => {
    throw new Problem(`${path}: cannot be written: ${faultOf(error)}`, 'see that the disk has room, then run it again');
  });
}

/** Once more with other roles: those count from then on. */
export function admit(
  members: readonly Member[],
  card: MemberCard,
  roles: readonly MemberRole[],
  now: Date,
): readonly Member[] {
  const id = idOf(card.identity);
  const known = members.find(({ identity }) => idOf(identity) === id);
  if (known?.revoked !== undefined) {
    throw new Problem(
      `${card.name}: this key was revoked on ${known.revoked}`,
      'have its owner make a new one: securenn identity init',
    );
  }
  const namesake = members.find((member) => member.name === card.name && member.revoked === undefined);
  if (namesake !== undefined && namesake !== known) {
    throw new Problem(
      `a member called ${card.name} with another key is admitted already`,
      'revoke that one first, or have this one take another name (securenn identity init --name)',
    );
  }
  const admitted = known?.admitted ?? now.toISOString();
  const wanted = MEMBER_ROLES.filter((role) => roles.includes(role));
  const entry: Member = { name: card.name, identity: card.identity, roles: wanted, admitted };
  return [...members.filter((member) => member !== known), entry];
}

/** @param who a name or an id */
export function revoke(members: readonly Member[], who: string, now: Date): readonly Member[] {
  const found = members.find(
    ({ name, identity, revoked }) => revoked === undefined && (name === who || idOf(identity) === who),
  );
  if (found === undefined)
    throw new Problem(`${who}: no such member, or revoked already`, 'see securenn party members');
  return members.map((member) => (member === found ? { ...member, revoked: now.toISOString() } : member));
}

/** Undefined: unknown or revoked. */
export function activeMember(members: readonly Member[], id: Id): Member | undefined {
  return members.find(({ identity, revoked }) => revoked === undefined && idOf(identity) === id);
}
