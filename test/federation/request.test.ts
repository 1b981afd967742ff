import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Identity } from '../../src/federation/identity.ts';
import type { Id, PublicIdentity } from '../../src/federation/public-identity.ts';
import {
  CLOCK_TOLERANCE_MS,
  RequestChecker,
  signRequest,
  type RequestCheckerOptions,
} from '../../src/federation/request.ts';
import { NO_BODY, type RequestToSign } from '../../src/federation/request-lines.ts';
import { runs } from '../runs.ts';

const [party, otherParty, owner, stranger, revoked] = Array.from({ length: 5 }, () => Identity.generate());
const START = 1_750_000_000_000;
const BODY = 'ab'.repeat(32);

let now = START;
let checker: RequestChecker;
beforeEach(() => {
  now = START;
  checker = checkerWith({});
});

function known(id: Id): PublicIdentity | 'revoked' | undefined {
  return id === owner.id ? owner.public : id === revoked.id ? 'revoked' : undefined;
}

function checkerWith(changes: Partial<RequestCheckerOptions>): RequestChecker {
  return new RequestChecker({ audiences: () => [party.public], instance: 'i1', known, now: () => now, ...changes });
}

function asked(changes: Partial<RequestToSign> = {}): RequestToSign {
  const request = { method: 'POST', path: '/v1/jobs?wait=1', bodyDigest: BODY, audience: party.public };
  return { ...request, instance: 'i1', time: now, ...changes };
}

function check(authorization: string | undefined, changes: { method?: string; path?: string } = {}): object {
  return checker.check({ method: 'POST', path: '/v1/jobs?wait=1', authorization, ...changes });
}

describe('a signed request', () => {
  it('tells who asks, and what the body must be', () => {
    expect(check(signRequest(owner, asked()))).toEqual({
      ...{ id: owner.id, identity: owner.public, bodyDigest: BODY, isVisitor: false },
    });
    expect(check(signRequest(owner, asked({ bodyDigest: undefined })))).toMatchObject({ bodyDigest: NO_BODY });
  });

  it('of a visitor is signed by the key that comes with it, and all of them are remembered as one', () => {
    checker = checkerWith({ mostNonces: 3 });
    const visit = (by: Identity, visitor: PublicIdentity, header = signRequest(by, asked())): object =>
      checker.check({ method: 'POST', path: '/v1/jobs?wait=1', authorization: header, visitor });
    expect(visit(stranger, stranger.public)).toMatchObject({ id: stranger.id, isVisitor: true });
    expect(visit(stranger, otherParty.public)).toMatchObject({ refused: 'signature' });
    expect(visit(owner, stranger.public)).toMatchObject({ id: owner.id, isVisitor: false });
    expect(visit(revoked, revoked.public)).toMatchObject({ refused: 'revoked' });
    const header = signRequest(stranger, asked());
    expect(visit(stranger, stranger.public, header)).toMatchObject({ isVisitor: true });
    expect(visit(stranger, stranger.public, header)).toMatchObject({ refused: 'replayed' });
    const [one, two] = [Identity.generate(), Identity.generate()];
    expect(visit(one, one.public)).toMatchObject({ isVisitor: true });
    expect(visit(two, two.public)).toMatchObject({ refused: 'too many' });
    expect(visit(owner, owner.public)).toMatchObject({ isVisitor: false });
  });

  it('of somebody unknown, revoked or without a key is refused', () => {
    expect(check(undefined)).toEqual({ refused: 'no signature' });
    expect(check(signRequest(stranger, asked()))).toEqual({ refused: 'unknown', id: stranger.id });
    expect(check(signRequest(revoked, asked()))).toEqual({ refused: 'revoked', id: revoked.id });
  });

  it('under another key than that of its id is refused', () => {
    const claimed = signRequest(stranger, asked()).replace(stranger.id, owner.id);
    expect(check(claimed)).toEqual({ refused: 'signature', id: owner.id });
    // A registry that has another key under the id.
    checker = checkerWith({ known: () => stranger.public });
    expect(check(claimed)).toEqual({ refused: 'signature', id: owner.id });
  });

  it('with anything changed on the way is refused', () => {
    const header = signRequest(owner, asked());
    const refused = { refused: 'signature', id: owner.id };
    expect(check(header, { method: 'GET' })).toEqual(refused);
    expect(check(header, { path: '/v1/jobs?wait=2' })).toEqual(refused);
    expect(check(header, { path: '/v1/grants' })).toEqual(refused);
    expect(check(header.replace(`time=${now}`, `time=${now + 1}`))).toEqual(refused);
    expect(check(header.replace(/nonce=./, 'nonce=x'))).toEqual({ refused: 'form' });
    expect(check(header.replace(/nonce=[0-9a-f]{4}/, 'nonce=0000'))).toEqual(refused);
    expect(check(header.replace(BODY, 'ac'.repeat(32)))).toEqual(refused);
    // Nothing of it counts as seen: as it was sent, it is taken.
    expect(check(header)).toMatchObject({ id: owner.id });
  });

  it('for another party, or from before a restart, is refused', () => {
    expect(check(signRequest(owner, asked({ audience: otherParty.public })))).toMatchObject({ refused: 'signature' });
    expect(check(signRequest(owner, asked({ instance: 'i0' })))).toMatchObject({ refused: 'signature' });
    const header = signRequest(owner, asked());
    checker = checkerWith({ instance: 'i2' });
    expect(check(header)).toMatchObject({ refused: 'signature' });
  });

  it('is taken for either identity while a party changes its own', () => {
    checker = checkerWith({ audiences: () => [otherParty.public, party.public] });
    expect(check(signRequest(owner, asked()))).toMatchObject({ id: owner.id });
    expect(check(signRequest(owner, asked({ audience: otherParty.public })))).toMatchObject({ id: owner.id });
  });

  it('is taken once', () => {
    const header = signRequest(owner, asked());
    expect(check(header)).toMatchObject({ id: owner.id });
    expect(check(header)).toEqual({ refused: 'replayed', id: owner.id });
    // At any moment at which its time would do, and later.
    for (now = START; now <= START + 3 * CLOCK_TOLERANCE_MS; now += 7_000)
      expect(check(header)).toHaveProperty('refused');
  });

  it('with a clock ten minutes off is told by how much', () => {
    for (const clockOffset of [600_000, -600_000, CLOCK_TOLERANCE_MS + 1]) {
      const header = signRequest(owner, asked({ time: now + clockOffset }));
      expect(check(header)).toEqual({ refused: 'time', id: owner.id, clockOffset });
    }
    // But not if it may be anybody's.
    const forged = signRequest(stranger, asked({ time: now + 600_000 })).replace(stranger.id, owner.id);
    expect(check(forged)).toEqual({ refused: 'signature', id: owner.id });
    for (const time of [now - CLOCK_TOLERANCE_MS, now + CLOCK_TOLERANCE_MS])
      expect(check(signRequest(owner, asked({ time })))).toMatchObject({ id: owner.id });
  });

  it('is not taken twice though the clock of the party goes back', () => {
    const header = signRequest(owner, asked());
    expect(check(header)).toMatchObject({ id: owner.id });
    now = START + 3_600_000;
    expect(check(signRequest(owner, asked()))).toMatchObject({ id: owner.id });
    now = START;
    expect(check(header)).toEqual({ refused: 'clock', id: owner.id });
  });

  it('of one who asks too fast is refused, of others is not', () => {
    const friend = Identity.generate();
    const lookup = (id: Id): PublicIdentity | undefined => [owner, friend].find((each) => each.id === id)?.public;
    checker = checkerWith({ mostNonces: 100, known: lookup });
    const first = signRequest(owner, asked());
    check(first);
    for (let i = 1; i < 100; i++) expect(check(signRequest(owner, asked()))).toMatchObject({ id: owner.id });
    expect(check(signRequest(owner, asked()))).toEqual({ refused: 'too many', id: owner.id });
    expect(check(first)).toEqual({ refused: 'replayed', id: owner.id });
    expect(check(signRequest(friend, asked()))).toMatchObject({ id: friend.id });
    now += 2 * CLOCK_TOLERANCE_MS;
    expect(check(signRequest(owner, asked()))).toMatchObject({ id: owner.id });
  });

  it('as any bytes at all is refused', () => {
    const header = signRequest(owner, asked());
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 600 }),
      fc.string({ unit: 'binary', maxLength: 40 }).map((text) => `SecureNN ${text}`),
      fc
        .tuple(fc.nat(header.length - 1), fc.string({ unit: 'grapheme-ascii', maxLength: 2 }))
        .map(([at, text]) => header.slice(0, at) + text + header.slice(at + 1)),
      fc.nat(header.length - 1).map((at) => header.slice(0, at)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        checker = checkerWith({});
        expect('refused' in check(text)).toBe(text !== header);
      }),
      runs(1000),
    );
  });

  it('cannot hold a line break in its path', () => {
    const path = '/v1/jobs\nx';
    expect(check(signRequest(owner, asked({ path })), { path })).toEqual({ refused: 'form' });
  });
});
