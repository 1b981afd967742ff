/** An identity on another device in the place of one that cannot leave its own: by cards alone, as operators check them. */
import { describe, expect, it } from 'vitest';
import { generateKeys, WebIdentity } from '../../src/client/web/web-identity.ts';
import { endorse, makeCard } from '../../src/client/member-cards.ts';
import { Identity } from '../../src/federation/identity.ts';
import { admit, MAX_OVERLAP_DAYS, succeed } from '../../src/federation/members.ts';
import type { Signer } from '../../src/federation/public-identity.ts';
import { parseMemberCard } from '../../src/federation/signed-card.ts';

const inPage = async (): Promise<Signer> => WebIdentity.of(await generateKeys());

describe('a member’s second identity', () => {
  it.each<[string, () => Promise<Signer>, () => Promise<Signer>]>([
    ['in another browser', inPage, inPage],
    ['in Node', inPage, () => Promise.resolve(Identity.generate())],
  ])('%s comes in the place of the first, once that has endorsed it', async (_, makeOld, makeFresh) => {
    const [old, fresh] = [await makeOld(), await makeFresh()];
    const present = await makeCard(old, 'ward', {});
    const now = new Date();
    const members = admit([], parseMemberCard(present, 'card').card, ['owner'], now);
    const next = await makeCard(fresh, 'ward', { follows: present });
    expect(() => parseMemberCard(next, 'card')).toThrow(/the identity before has not signed/);
    const signed = parseMemberCard(await endorse(old, next), 'card');
    const { card, endorsement } = signed;
    expect(endorsement).toMatch(/^[0-9a-f]{128}$/);
    expect(card).toMatchObject({ identity: fresh.public, previous: { identity: old.public } });
    const days = (Date.parse(card.previous!.until) - now.getTime()) / 86_400_000;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThan(MAX_OVERLAP_DAYS);
    const [after, ...others] = succeed(members, signed, undefined, now);
    expect(others).toEqual([]);
    expect(after).toMatchObject({ name: 'ward', identity: fresh.public, roles: ['owner'] });
  });

  it('is endorsed by nobody else, and for nobody else', async () => {
    const [old, fresh, other] = await Promise.all([inPage(), inPage(), inPage()]);
    const present = await makeCard(old, 'ward', {});
    const next = await makeCard(fresh, 'ward', { follows: present });
    const names = /does not say that it comes in the place of this identity/;
    await expect(endorse(other, next)).rejects.toThrow(names);
    await expect(endorse(old, present)).rejects.toThrow(names);
    const endorsed = JSON.parse(await endorse(old, next)) as { card: { name: string } };
    endorsed.card.name = 'other';
    expect(() => parseMemberCard(JSON.stringify(endorsed), 'card')).toThrow(/not as its identity signed it/);
  });

  it('needs a card of another identity', async () => {
    const old = await inPage();
    const present = await makeCard(old, 'ward', {});
    await expect(makeCard(old, 'ward', { follows: present })).rejects.toThrow(/of this very identity/);
    await expect(makeCard(await inPage(), 'ward', { follows: '{}' })).rejects.toThrow(/the card before/);
    await expect(endorse(old, 'nothing')).rejects.toThrow(/the card/);
  });
});
