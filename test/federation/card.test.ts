import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/data/problem.ts';
import { parseMemberCard, parsePartyCard, signCard } from '../../src/federation/signed-card.ts';
import { formatCard, identitiesOf, type MemberCard } from '../../src/federation/card.ts';
import { Identity } from '../../src/federation/identity.ts';
import { partyCard, signedPartyCard, thrownBy } from './parties.ts';
import { runs } from '../runs.ts';

const [one, two] = [Identity.generate(), Identity.generate()];
const member: MemberCard = {
  securenn: 'member-card',
  version: 1,
  name: 'hospital-a',
  identity: one.public,
  roles: ['owner'],
};
const until = '2026-03-01T00:00:00.000Z';

function problemOf(act: () => unknown): string {
  const thrown = thrownBy(act);
  expect(thrown).toBeInstanceOf(Problem);
  expect((thrown as Problem).fix.length).toBeGreaterThan(10);
  return (thrown as Problem).message;
}

describe('cards', () => {
  it('come back as they were made', () => {
    const party = signedPartyCard('P1', one);
    expect(parsePartyCard(formatCard(party), 'p1.card.json')).toEqual(party);
    const signed = signCard(member, one);
    expect(parseMemberCard(formatCard(signed), 'a.card.json')).toEqual(signed);
  });

  it('count only as their identity signed them', () => {
    const text = formatCard(signedPartyCard('P1', one));
    expect(problemOf(() => parsePartyCard(text.replace('p1.example.org:7600', 'evil.example.org:7600'), 'c'))).toMatch(
      /c: the card is not as its identity signed it/,
    );
    // Its own keys in another's card, under another's signature.
    const { signature } = signedPartyCard('P1', two);
    expect(problemOf(() => parsePartyCard(JSON.stringify({ card: partyCard('P1', one), signature }), 'c'))).toMatch(
      /signed it/,
    );
  });

  it('name their file, the field and what was found there', () => {
    const wrong = (changes: object): string => {
      const card = { ...partyCard('P1', one), ...changes };
      return problemOf(() => parsePartyCard(JSON.stringify({ card, signature: '0'.repeat(128) }), 'p1.card.json'));
    };
    expect(wrong({ address: 'p1.example.org' })).toMatch(
      /p1\.card\.json: card\.address: expected HOST:PORT.*found "p1\.example\.org"/,
    );
    expect(wrong({ address: 'p1.example.org:70000' })).toMatch(/card\.address/);
    expect(wrong({ tls: [] })).toMatch(/card\.tls/);
    expect(wrong({ stranger: 1 })).toMatch(/stranger/);
    expect(problemOf(() => parsePartyCard('{', 'p1.card.json'))).toMatch(/p1\.card\.json: line 1, column 2: no JSON/);
    expect(problemOf(() => parsePartyCard('{"card": {"role": "P0", "role": "P1"}}', 'f'))).toMatch(
      /line 1.*"role" stands twice/,
    );
    expect(problemOf(() => parsePartyCard(formatCard(signCard(member, one)), 'f'))).toBe(
      'f: is a member card, expected a party card',
    );
    expect(problemOf(() => parseMemberCard(formatCard(signedPartyCard('P0', one)), 'f'))).toBe(
      'f: is a party card, expected a member card',
    );
  });

  it('name an identity before only with its signature', () => {
    const changes = { previous: { identity: one.public, until }, first: one.id };
    expect(parsePartyCard(formatCard(signedPartyCard('P0', two, changes, one)), 'c').card.previous?.until).toBe(until);
    expect(problemOf(() => parsePartyCard(formatCard(signedPartyCard('P0', two, changes)), 'c'))).toMatch(
      /identity before has not signed/,
    );
    expect(problemOf(() => parsePartyCard(formatCard(signedPartyCard('P0', two, changes, two)), 'c'))).toMatch(
      /identity before/,
    );
  });

  it('an identity before counts until its moment', () => {
    const card = partyCard('P0', two, { previous: { identity: one.public, until } });
    expect(identitiesOf(card, Date.parse(until))).toEqual([two.public, one.public]);
    expect(identitiesOf(card, Date.parse(until) + 1)).toEqual([two.public]);
  });

  it('any text at all is refused with a Problem', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.json().map((json) => `{"card": ${json}, "signature": "${'0'.repeat(128)}"}`),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        for (const parse of [parsePartyCard, parseMemberCard]) problemOf(() => parse(text, 'card.json'));
      }),
      runs(500),
    );
    problemOf(() => parsePartyCard('['.repeat(100_000), 'card.json'));
  });

  it('with any one character changed, a card is refused or says the same', () => {
    const signed = signedPartyCard('P2', one);
    const text = formatCard(signed);
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }),
        (at, letter) => {
          const changed = text.slice(0, at) + letter + text.slice(at + 1);
          let parsed;
          try {
            parsed = parsePartyCard(changed, 'card.json');
          } catch (error) {
            expect(error).toBeInstanceOf(Problem);
            return;
          }
          expect(parsed.card).toEqual(signed.card);
        },
      ),
      runs(500),
    );
  });
});
