/**
 * members.json: whom a party's operator has admitted, and whom it has revoked. Each party has its own; an operator admits a member after it
 * has compared the id of the member's card by another way. A running service reads the file again when it changes.
 */
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { faultOf, writeFileAtomically } from '../data/atomic-write.ts';
import { Problem } from '../data/problem.ts';
import {
  MEMBER_ROLES,
  memberName,
  type MemberCard,
  type MemberRole,
  type Predecessor,
  type SignedCard,
} from './card.ts';
import { checkForm, parseJson } from './form.ts';
import { idOf, publicIdentitySchema, type Id, type PublicIdentity } from './public-identity.ts';
import { predecessorsOf } from './succession.ts';

export interface Member {
  /** Unique among the members that are not revoked. */
  readonly name: string;
  readonly identity: PublicIdentity;
  readonly roles: readonly MemberRole[];
  readonly admitted: string;
  /** Since then nothing of it counts: no request, no approval, no grant. */
  readonly revoked?: string | undefined;
  /** The cards by which it changed its key, the newest first. */
  readonly successions?: readonly SignedCard<MemberCard>[] | undefined;
}

/** The longest that a key may count beside the one that has taken its place. */
export const MAX_OVERLAP_DAYS = 90;
const DAY_MS = 86_400_000;

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
      // Each is looked at where it is followed (`succession.ts`).
      successions: z.array(z.custom<SignedCard<MemberCard>>((each) => typeof each === 'object')).optional(),
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
  const seen = new Set<Id>();
  for (const member of members) {
    const keys = keysOf(member);
    if (keys.length <= (member.successions?.length ?? 0))
      throw new Problem(`${source}: a key of ${member.name} is not endorsed by the one before`, FIX);
    // One of the two may be revoked, and the other would count.
    for (const { identity } of keys) {
      if (seen.has(idOf(identity))) throw new Problem(`${source}: the key of ${member.name} stands twice`, FIX);
      seen.add(idOf(identity));
    }
  }
  return members;
}

export interface MemberKey {
  readonly identity: PublicIdentity;
  /** Of a key that another one has followed: how long it counts. */
  readonly until?: string | undefined;
}

/** All that it ever had, the present one first. */
export function keysOf({ identity, successions }: Pick<Member, 'identity' | 'successions'>): readonly MemberKey[] {
  return [{ identity }, ...predecessorsOf(identity, successions)];
}

/** Now or once. */
function hasKey(member: Member, id: Id): boolean {
  return keysOf(member).some(({ identity }) => idOf(identity) === id);
}

/** Stays through all changes of its key. */
export function memberIdOf(member: Pick<Member, 'identity' | 'successions'>): Id {
  return idOf(keysOf(member).at(-1)!.identity);
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
  const known = holderOf(members, card);
  const namesake = members.find((member) => member.name === card.name && member.revoked === undefined);
  if (namesake !== undefined && namesake !== known) {
    throw new Problem(
      `a member called ${card.name} with another key is admitted already`,
      'if it is the same member: have it sign its new key (securenn identity rotate); otherwise revoke that one first, or have this one take another name',
    );
  }
  const admitted = known?.admitted ?? now.toISOString();
  const { successions } = known ?? {};
  const entry: Member = {
    ...{ name: card.name, identity: card.identity, roles: inOrder(roles), admitted },
    ...(successions === undefined ? {} : { successions }),
  };
  return [...members.filter((member) => member !== known), entry];
}

/** Whose key a card shows, if anybody's; throws for one that is revoked, or that another has followed. */
function holderOf(members: readonly Member[], { name, identity }: MemberCard): Member | undefined {
  const id = idOf(identity);
  const known = members.find((member) => hasKey(member, id));
  if (known?.revoked !== undefined) {
    throw new Problem(
      `${name}: this key was revoked on ${known.revoked}`,
      'have its owner make a new one: securenn identity init',
    );
  }
  if (known !== undefined && idOf(known.identity) !== id) {
    throw new Problem(
      `${name}: this key of ${known.name} has been followed by another, ${idOf(known.identity)}`,
      'ask the member for its newest card',
    );
  }
  return known;
}

/** Whether a card shows a key that is to take the place of one that is here. */
export function isSuccession(members: readonly Member[], { card }: SignedCard<MemberCard>): boolean {
  return card.previous !== undefined && holderOf(members, card) === undefined;
}

/**
 * A member's new key, in the place of the one that has endorsed it. Data sets, grants and jobs stay the member's.
 * @param roles absent: those that it has
 */
export function succeed(
  members: readonly Member[],
  signed: SignedCard<MemberCard>,
  roles: readonly MemberRole[] | undefined,
  now: Date,
): readonly Member[] {
  const { card } = signed;
  const { previous } = card;
  if (previous === undefined) throw new RangeError('the card names no key before');
  if (holderOf(members, card) !== undefined) throw new RangeError('the key is here already');
  const before = predecessorHere(members, card, previous);
  if (card.name !== before.name) {
    const what = `${card.name}: its key before is that of ${before.name}`;
    throw new Problem(what, 'a change of the key keeps the name: have the member make the card with its name');
  }
  if (Date.parse(previous.until) > now.getTime() + MAX_OVERLAP_DAYS * DAY_MS) {
    const what = `${card.name}: its key before would count until ${previous.until}`;
    throw new Problem(what, `have the member make the card with an end within ${MAX_OVERLAP_DAYS} days`);
  }
  const successions = [signed, ...(before.successions ?? [])];
  const wanted = roles === undefined ? before.roles : inOrder(roles);
  const entry: Member = { ...before, identity: card.identity, roles: wanted, successions };
  return members.map((member) => (member === before ? entry : member));
}

function predecessorHere(members: readonly Member[], { name }: MemberCard, { identity }: Predecessor): Member {
  const id = idOf(identity);
  const before = members.find((member) => hasKey(member, id));
  if (before === undefined) {
    const fix =
      'admit the card of that key first; a member that is new here sends one without it: securenn identity card';
    throw new Problem(`${name}: its key before (${id}) is not known here`, fix);
  }
  if (before.revoked !== undefined) {
    const fix =
      'who has a revoked key may not name its successor: have the member make a new one, securenn identity init';
    throw new Problem(`${name}: its key before was revoked on ${before.revoked}`, fix);
  }
  if (idOf(before.identity) !== id) {
    const what = `${name}: its key before has been followed by another, ${idOf(before.identity)}`;
    throw new Problem(what, 'ask the member which of the two is its own; if it is not that one, revoke it');
  }
  return before;
}

function inOrder(roles: readonly MemberRole[]): readonly MemberRole[] {
  return MEMBER_ROLES.filter((role) => roles.includes(role));
}

/** @param who a name or an id */
export function revoke(members: readonly Member[], who: string, now: Date): readonly Member[] {
  const found = members.find((member) => member.revoked === undefined && (member.name === who || hasKey(member, who)));
  if (found === undefined)
    throw new Problem(`${who}: no such member, or revoked already`, 'see securenn party members');
  return members.map((member) => (member === found ? { ...member, revoked: now.toISOString() } : member));
}
