import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/data/problem.ts';
import { Identity } from '../../src/federation/identity.ts';
import { idOf } from '../../src/federation/public-identity.ts';
import { admit, parseMembers, revoke, type Member } from '../../src/federation/members.ts';
import { initialConfig, parseConfig } from '../../src/service/config.ts';
import { runs } from '../runs.ts';

const AT = { host: '127.0.0.1', port: 7600 };

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(Problem);
    return `${(error as Problem).message} | ${(error as Problem).fix}`;
  }
  throw new Error('it was taken');
}

describe('party.json', () => {
  it('as party init writes it is understood, whatever is in it', () => {
    const names = fc.string({ unit: 'binary', minLength: 1 });
    const port = fc.integer({ min: 0, max: 65_535 });
    fc.assert(
      fc.property(names, port, fc.option(names, { nil: undefined }), (host, number, passphraseFile) => {
        const place = { host, port: number };
        const places = { listen: place, links: place, private: AT };
        const config = parseConfig(initialConfig({ role: 'P1', ...places, passphraseFile }), 'party.json');
        expect(config).toMatchObject({ role: 'P1', ...places, log: { level: 'info' } });
        expect(config.passphraseFile).toBe(passphraseFile);
      }),
    );
  });

  it('needs a role alone; the rest has values, and comments are read over', () => {
    const config = parseConfig('// mine\n{ "role": "P2", /* more */ "limits": { "connections": 64, }, }', 'party.json');
    expect(config).toMatchObject({
      ...{ listen: { host: '0.0.0.0', port: 7600 }, links: { port: 7601 }, private: { host: '127.0.0.1', port: 7602 } },
      ...{ patience: { linkSeconds: 120, partySeconds: 900 }, certificateWarningDays: 30 },
      limits: { connections: 64, uploadsPerOwner: 4 },
    });
  });

  it.each([
    ['{', /party\.json: line 1, column 2: no JSON/],
    ['{}', /party\.json: role: .*found nothing/],
    ['{ "role": "P3" }', /role: .*found "P3"/],
    ['{ "role": "P0", "role": "P1" }', /line 1, column 17: "role" stands twice/],
    ['{ "role": "P0", "listen": { "port": 70000 } }', /listen\.port: .*found 70000/],
    ['{ "role": "P0", "limit": {} }', /[Uu]nrecognized key.*limit/],
    ['{ "role": "P0", "patience": { "linkSeconds": -1 } }', /patience\.linkSeconds: .*found -1/],
    ['{ "role": "P0", "log": { "level": "loud" } }', /log\.level: .*found "loud"/],
    ['{ "role": "P0", "pages": ["*"] }', /pages\.0: expected the origin of a page/],
    ['{ "role": "P0", "pages": ["https://a.example/"] }', /pages\.0: expected the origin/],
    ['{ "role": "P0", "pages": ["null"] }', /pages\.0: expected the origin/],
    ['{ "role": "P0", "local": { "port": 1, "host": "0.0.0.0" } }', /[Uu]nrecognized key.*host/],
    ['[]', /party\.json: .*found \[\]/],
  ])('%s is refused with the place and what was found', (text, expected) => {
    expect(refusal(() => parseConfig(text, 'party.json'))).toMatch(expected);
  });

  it('as any text at all is understood or refused with a Problem', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        refusal(() => parseConfig(text, 'party.json'));
        refusal(() => parseMembers(text, 'members.json'));
      }),
      runs(500),
    );
  });
});

describe('members', () => {
  const [one, two] = [Identity.generate(), Identity.generate()];
  const now = new Date('2026-02-01T00:00:00.000Z');
  const card = (identity: Identity, name: string) =>
    ({ securenn: 'member-card', version: 1, name, identity: identity.public }) as const;
  const file = (members: readonly Member[]): string => JSON.stringify({ securenn: 'members', version: 1, members });

  it('come back from their file, in whatever order they were let in and shut out', () => {
    const action = fc.record({
      who: fc.constantFrom(one, two),
      name: fc.constantFrom('a', 'b'),
      revoked: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
        let members: readonly Member[] = [];
        for (const { who, name, revoked } of actions) {
          try {
            members = revoked ? revoke(members, who.id, now) : admit(members, card(who, name), ['owner'], now);
          } catch (error) {
            expect(error).toBeInstanceOf(Problem);
          }
          expect(parseMembers(file(members), 'members.json')).toEqual(members);
          // No name stands for two who count, no key stands twice, and who was revoked stays so.
          const active = members.filter((member) => member.revoked === undefined);
          expect(new Set(active.map((member) => member.name)).size).toBe(active.length);
          expect(new Set(members.map(({ identity }) => identity.sign)).size).toBe(members.length);
        }
      }),
    );
  });

  it('revoked count no more, and their key never again', () => {
    const members = revoke(admit([], card(one, 'a'), ['owner'], now), 'a', now);
    const active = (all: readonly Member[], id: string): Member | undefined =>
      all.find(({ identity, revoked }) => revoked === undefined && idOf(identity) === id);
    expect(active(members, one.id)).toBeUndefined();
    expect(refusal(() => admit(members, card(one, 'b'), ['owner'], now))).toMatch(/this key was revoked on 2026-02-01/);
    expect(active(admit(members, card(two, 'a'), ['owner'], now), two.id)?.name).toBe('a');
  });

  it('of one name are refused, by the file as well', () => {
    const members = admit([], card(one, 'a'), ['owner'], now);
    expect(refusal(() => admit(members, card(two, 'a'), ['owner'], now))).toMatch(/called a with another key/);
    const twice = [...members, { ...members[0], identity: two.public }];
    expect(refusal(() => parseMembers(file(twice), 'members.json'))).toMatch(/two members are called a/);
    const risen = [...revoke(members, 'a', now), ...members];
    expect(refusal(() => parseMembers(file(risen), 'members.json'))).toMatch(/the key of a stands twice/);
  });
});
