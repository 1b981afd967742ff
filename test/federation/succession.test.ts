/** A member's new key at one party: who may take whose place, and what cannot be played back. */
import { describe, expect, it } from 'vitest';
import { parseMemberCard, signCard } from '../../src/federation/signed-card.ts';
import { formatCard, type MemberCard, type SignedCard } from '../../src/federation/card.ts';
import { Identity } from '../../src/federation/identity.ts';
import {
  admit,
  isSuccession,
  keysOf,
  memberIdOf,
  parseMembers,
  revoke,
  succeed,
  type Member,
} from '../../src/federation/members.ts';
import { predecessorsOf } from '../../src/federation/succession.ts';

const now = new Date('2026-02-01T12:00:00.000Z');
const UNTIL = '2026-03-01T12:00:00.000Z';
const [one, two, three, thief] = Array.from({ length: 4 }, () => Identity.generate());

function card(identity: Identity, before?: Identity, changes: Partial<MemberCard> = {}): SignedCard<MemberCard> {
  const previous = before && { identity: before.public, until: UNTIL };
  const plain: MemberCard = { securenn: 'member-card', version: 1, name: 'a', identity: identity.public };
  // As it comes to an operator: through a file.
  const signed = signCard({ ...plain, ...(previous && { previous }), ...changes }, identity, before);
  return parseMemberCard(formatCard(signed), 'a.card.json');
}

const first = admit([], card(one).card, ['owner'], now);
const followed = (): readonly Member[] => succeed(first, card(two, one), undefined, now);
const inFile = (members: readonly Member[]): string => JSON.stringify({ securenn: 'members', version: 1, members });

describe('a new key', () => {
  it('takes the place of the one that has signed it; name, roles and the member’s id stay', () => {
    expect(isSuccession(first, card(two, one))).toBe(true);
    const [member] = followed();
    expect(member).toMatchObject({ name: 'a', roles: ['owner'], admitted: now.toISOString() });
    expect(memberIdOf(member)).toBe(one.id);
    expect(keysOf(member)).toEqual([{ identity: two.public }, { identity: one.public, until: UNTIL }]);
    const [again] = succeed([member], card(three, two), ['owner', 'analyst'], now);
    expect(memberIdOf(again)).toBe(one.id);
    expect(again.roles).toEqual(['owner', 'analyst']);
    expect(parseMembers(inFile([again]), 'members.json')).toEqual([again]);
  });

  it('is not a card’s word: both keys must have signed it', () => {
    const { card: content } = card(two, one);
    for (const forged of [signCard(content, two), signCard(content, two, thief), signCard(content, thief, one)])
      expect(() => parseMemberCard(formatCard(forged), 'a.card.json')).toThrow(/has not signed|not as its identity/);
    const genuine = card(two, one);
    const longer = { ...genuine.card, previous: { identity: one.public, until: '2027-01-01T00:00:00.000Z' } };
    expect(() => parseMemberCard(formatCard({ ...genuine, card: longer }), 'a.card.json')).toThrow(
      /not as its identity/,
    );
  });

  it('comes once: the same card again changes nothing, cards of keys before it are refused', () => {
    const members = followed();
    expect(isSuccession(members, card(two, one))).toBe(false);
    expect(admit(members, card(two, one).card, ['owner'], now)).toEqual(members);
    expect(() => admit(members, card(one).card, ['owner'], now)).toThrow(/this key of a has been followed by another/);
    const later = succeed(members, card(three, two), undefined, now);
    for (const old of [card(one), card(two, one)])
      expect(() => isSuccession(later, old) || admit(later, old.card, ['owner'], now)).toThrow(/has been followed by/);
  });

  it('is refused where a key that was followed already names another one', () => {
    expect(() => succeed(followed(), card(thief, one), undefined, now)).toThrow(
      `its key before has been followed by another, ${two.id}`,
    );
  });

  it('is refused where the key before was revoked meanwhile, and any of its keys revokes a member', () => {
    for (const who of ['a', one.id]) {
      const revoked = revoke(first, who, now);
      expect(() => succeed(revoked, card(two, one), undefined, now)).toThrow(
        /its key before was revoked on 2026-02-01/,
      );
    }
    for (const who of ['a', one.id, two.id]) {
      const revoked = revoke(followed(), who, now);
      expect(revoked[0].revoked).toBe(now.toISOString());
      for (const each of [card(one), card(two, one)])
        expect(() => isSuccession(revoked, each) || admit(revoked, each.card, ['owner'], now)).toThrow(
          /was revoked on/,
        );
      expect(() => succeed(revoked, card(three, two), undefined, now)).toThrow(/its key before was revoked/);
    }
  });

  it('is refused under another name, after a key that is unknown here, and beside one that would count too long', () => {
    expect(() => succeed(first, card(two, one, { name: 'b' }), undefined, now)).toThrow(/its key before is that of a/);
    expect(() => succeed([], card(two, one), undefined, now)).toThrow(`its key before (${one.id}) is not known here`);
    const previous = { identity: one.public, until: '2026-06-01T12:00:00.000Z' };
    expect(() => succeed(first, card(two, one, { previous }), undefined, now)).toThrow(/would count until 2026-06-01/);
  });
});

describe('members.json', () => {
  it('whose keys have not endorsed each other, or stand twice, is refused', () => {
    const [member] = followed();
    const stolen = { ...member, identity: thief.public };
    expect(() => parseMembers(inFile([stolen]), 'members.json')).toThrow(
      /a key of a is not endorsed by the one before/,
    );
    const { endorsement } = card(two, thief);
    const changed = { ...member, successions: [{ ...card(two, one), endorsement }] };
    expect(() => parseMembers(inFile([changed]), 'members.json')).toThrow(/not endorsed/);
    const other: Member = { ...first[0], name: 'b' };
    expect(() => parseMembers(inFile([member, other]), 'members.json')).toThrow(/the key of b stands twice/);
  });
});

describe('keys before one', () => {
  it('are followed as far back as each is endorsed', () => {
    const chain = [card(three, two), card(two, one)];
    const ids = (found: ReturnType<typeof predecessorsOf>): string[] => found.map(({ identity }) => identity.sign);
    expect(ids(predecessorsOf(three.public, chain))).toEqual([two.public.sign, one.public.sign]);
    expect(predecessorsOf(two.public, chain)).toEqual([]);
    expect(ids(predecessorsOf(three.public, [chain[0], card(thief, one), chain[1]]))).toEqual([two.public.sign]);
    for (const garbage of [undefined, null, 7, 'x', {}, { card: {} }, { ...chain[0], endorsement: '00'.repeat(64) }])
      expect(predecessorsOf(three.public, [garbage, chain[1]])).toEqual([]);
  });
});
