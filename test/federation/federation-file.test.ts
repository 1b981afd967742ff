import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/data/problem.ts';
import type { PartyCard, Role } from '../../src/federation/card.ts';
import {
  fingerprint,
  formatFederation,
  joinFederation,
  parseFederation,
  partyIdentity,
  roleOf,
  updateFederation,
} from '../../src/federation/federation-file.ts';
import { Identity } from '../../src/federation/identity.ts';
import { partyCard, pinFor, signedPartyCard, threeParties, thrownBy } from './parties.ts';
import { runs } from '../runs.ts';

const { identities, federation } = threeParties();
const NOW = Date.parse('2026-02-01T00:00:00.000Z');
const LATER = '2026-03-01T00:00:00.000Z';

function refusal(act: () => unknown): string {
  const thrown = thrownBy(act);
  expect(thrown).toBeInstanceOf(Problem);
  const { message, fix } = thrown as Problem;
  return `${message} | ${fix}`;
}

/** The three cards, one of them changed. */
function joined(role: Role, changes: Partial<PartyCard>): unknown {
  const cards = (['P0', 'P1', 'P2'] as const).map((each) =>
    signedPartyCard(each, identities[each], each === role ? changes : {}),
  );
  return joinFederation(cards);
}

describe('a federation', () => {
  it('is made of three cards in any order, and comes back from its file', () => {
    const cards = (['P2', 'P0', 'P1'] as const).map((role) => signedPartyCard(role, identities[role]));
    const made = joinFederation(cards);
    expect(made).toEqual(federation);
    expect(parseFederation(formatFederation(made), 'federation.json')).toEqual(federation);
  });

  it('has a fingerprint of all that it says, whatever the spaces and the order of fields', () => {
    expect(fingerprint(federation)).toMatch(/^([0-9a-f]{4} ){7}[0-9a-f]{4}$/);
    const { id, parties } = federation;
    const { P0, P1, P2 } = parties;
    const turned = JSON.stringify({ parties: { P2, P1, P0 }, id, version: 1, securenn: 'federation' });
    expect(fingerprint(parseFederation(turned, 'f'))).toBe(fingerprint(federation));
    const moved = joined('P1', { address: 'elsewhere.example.org:7600' }) as typeof federation;
    expect(fingerprint(moved)).not.toBe(fingerprint(federation));
    expect(moved.id).toBe(federation.id);
  });

  it('refuses two P1s and missing parties, and says who has to do what', () => {
    const cards = (['P0', 'P1', 'P1'] as const).map((role, i) => ({
      ...signedPartyCard(role, [identities.P0, identities.P1, identities.P2][i]),
      source: `card-${i}.json`,
    }));
    const text = refusal(() => joinFederation(cards));
    expect(text).toMatch(/two cards are of P1: card-1\.json \(Organisation P1\) and card-2\.json/);
    expect(text).toMatch(/one of them has to be P2: its operator runs securenn party init --role P2 anew/);
    expect(refusal(() => joinFederation(cards.slice(0, 2)))).toMatch(/no card of P2/);
    expect(refusal(() => joinFederation([]))).toMatch(/no card of P0/);
  });

  it('refuses a file with two P1s, whether by role or by name', () => {
    const { parties } = federation;
    const byRole = { ...federation, parties: { ...parties, P2: { ...parties.P2, role: 'P1' } } };
    expect(refusal(() => parseFederation(JSON.stringify(byRole), 'f.json'))).toMatch(
      /f\.json: parties\.P2 is the card of a P1, so there are 2 P1s \| take the file from another party/,
    );
    const byName = formatFederation(federation).replace('"P2": {', '"P1": {');
    expect(refusal(() => parseFederation(byName, 'f.json'))).toMatch(/line \d+, column \d+: "P1" stands twice/);
  });

  it.each<[string, Role, Partial<PartyCard>, RegExp]>([
    [
      'an identity',
      'P1',
      { identity: identities.P0.public },
      /P0 and card of P1 have the same identity .*folders must not be copied/,
    ],
    [
      'a signing key',
      'P1',
      { identity: { ...identities.P1.public, sign: identities.P2.public.sign } },
      /same signing key/,
    ],
    [
      'a sealing key',
      'P1',
      { identity: { ...identities.P1.public, seal: identities.P2.public.seal } },
      /same sealing key/,
    ],
    ['a TLS key', 'P2', { tls: [pinFor('x'), pinFor(identities.P0.id)] }, /same TLS key/],
    ['an address', 'P1', { address: 'P0.example.org:7601' }, /same address \(p0\.example\.org:7601\)/],
    [
      'address and links',
      'P1',
      { address: 'p1.example.org:1', links: 'p1.example.org:1' },
      /address and links are both/,
    ],
    [
      'an older interface',
      'P2',
      { protocol: 2 ** 20 },
      /speaks version 1048576 of the interface, this program version 1 .*newer/,
    ],
    [
      'the identity before of another',
      'P2',
      { previous: { identity: identities.P0.public, until: LATER } },
      /same identity/,
    ],
  ])('refuses %s twice', (_what, role, changes, expected) => {
    expect(refusal(() => joined(role, changes))).toMatch(expected);
    const { parties } = federation;
    const file = { ...federation, parties: { ...parties, [role]: { ...parties[role], ...changes } } };
    refusal(() => parseFederation(JSON.stringify(file), 'f.json'));
  });

  it('refuses an id that is not that of its parties', () => {
    expect(refusal(() => parseFederation(JSON.stringify({ ...federation, id: '0'.repeat(64) }), 'f'))).toMatch(
      /its id/,
    );
  });

  it('any text is refused with a Problem', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        refusal(() => parseFederation(text, 'federation.json'));
      }),
      runs(300),
    );
  });

  it('knows its parties by their ids', () => {
    expect(roleOf(federation, identities.P1.id, NOW)).toBe('P1');
    expect(partyIdentity(federation, identities.P2.id, NOW)).toEqual(identities.P2.public);
    expect(roleOf(federation, Identity.generate().id, NOW)).toBeUndefined();
  });
});

describe('a new card in a federation', () => {
  const next = Identity.generate();
  const issued = '2026-01-02T00:00:00.000Z';
  const successor = { previous: { identity: identities.P1.public, until: LATER }, first: identities.P1.id, issued };

  it('of the same identity replaces the old one', () => {
    const card = signedPartyCard('P1', identities.P1, { tls: [pinFor('old'), pinFor('new')], issued });
    const updated = updateFederation(federation, [card]);
    expect(updated.parties.P1.tls).toHaveLength(2);
    expect(updated.id).toBe(federation.id);
    expect(updated.parties.P0).toEqual(federation.parties.P0);
  });

  it('of its successor replaces it, and both identities count until the old one ends', () => {
    const updated = updateFederation(federation, [signedPartyCard('P1', next, successor, identities.P1)]);
    expect(updated.id).toBe(federation.id);
    expect(parseFederation(formatFederation(updated), 'f')).toEqual(updated);
    expect(roleOf(updated, next.id, NOW)).toBe('P1');
    expect(roleOf(updated, identities.P1.id, NOW)).toBe('P1');
    expect(roleOf(updated, identities.P1.id, Date.parse(LATER) + 1)).toBeUndefined();
    // The change is over.
    const over = signedPartyCard('P1', next, { first: identities.P1.id, issued: LATER });
    const final = updateFederation(updated, [over]);
    expect(final.id).toBe(federation.id);
    expect(roleOf(final, identities.P1.id, NOW)).toBeUndefined();
  });

  it('of the three, makes the same federation for those who join anew', () => {
    const cards = [
      signedPartyCard('P0', identities.P0),
      signedPartyCard('P1', next, successor, identities.P1),
      signedPartyCard('P2', identities.P2),
    ];
    expect(joinFederation(cards)).toEqual(updateFederation(federation, [cards[1]]));
  });

  it('of anybody else is refused', () => {
    expect(refusal(() => updateFederation(federation, [signedPartyCard('P1', next, { issued })]))).toMatch(
      /another identity than the P1 of this federation \(Organisation P1\)/,
    );
    // P0 says it is P1's first identity.
    const claimed = { first: identities.P1.id, issued };
    expect(refusal(() => updateFederation(federation, [signedPartyCard('P1', next, claimed)]))).toMatch(
      /another identity/,
    );
    // The right identity, at another role.
    expect(refusal(() => updateFederation(federation, [signedPartyCard('P0', identities.P1, { issued })]))).toMatch(
      /another identity than the P0/,
    );
    // A change of keys that leaves the federation's id behind.
    const { previous } = successor;
    expect(
      refusal(() => updateFederation(federation, [signedPartyCard('P1', next, { previous, issued }, identities.P1)])),
    ).toMatch(/another identity/);
  });

  it('older than the one there is refused: a key that was given up must not come back', () => {
    const old = signedPartyCard('P1', identities.P1, { issued: '2025-12-31T00:00:00.000Z' });
    expect(refusal(() => updateFederation(federation, [old]))).toMatch(/before the card in the federation file/);
  });

  it('is no way around what must differ', () => {
    const card = signedPartyCard('P1', identities.P1, { tls: partyCard('P0', identities.P0).tls, issued });
    expect(refusal(() => updateFederation(federation, [card]))).toMatch(/same TLS key/);
  });
});
