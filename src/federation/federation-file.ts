/**
 * federation.json: the three parties' cards, the same at all of them and at every client, nothing secret. People compare its fingerprint,
 * by telephone, once; after that a card may be replaced by one that the same identity, or its successor, has signed.
 */
import * as z from 'zod';
import { Problem } from '../data/problem.ts';
import { digestOf, type Digest } from './canonical.ts';
import {
  FEDERATION_PROTOCOL,
  firstIdOf,
  identitiesOf,
  partyCardSchema,
  ROLES,
  type PartyCard,
  type Role,
  type SignedCard,
} from './card.ts';
import { checkForm, parseJson } from './form.ts';
import { idOf, type Id, type PublicIdentity } from './public-identity.ts';

export interface Federation {
  readonly securenn: 'federation';
  readonly version: 1;
  /** Of the parties' first identities: `federation` of every document. */
  readonly id: Digest;
  readonly parties: Readonly<Record<Role, PartyCard>>;
}

const federationSchema: z.ZodType<Federation> = z.strictObject({
  securenn: z.literal('federation'),
  version: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits'),
  parties: z.strictObject({ P0: partyCardSchema, P1: partyCardSchema, P2: partyCardSchema }),
});

export const JOIN = 'securenn federation join P0.card.json P1.card.json P2.card.json';
const AGAIN = `take the file from another party, or make it anew: ${JOIN}`;

/** From the cards of three parties, in any order. Throws a Problem that says which card to ask for again. */
export function joinFederation(cards: readonly (SignedCard<PartyCard> & { readonly source?: string })[]): Federation {
  const named = cards.map(({ card, source }) => ({ card, source: source ?? `card of ${card.role}` }));
  for (const role of ROLES) {
    const those = named.filter(({ card }) => card.role === role);
    if (those.length > 1) {
      const what = `two cards are of ${role}: ${those.map(({ source, card }) => `${source} (${card.name})`).join(' and ')}`;
      const missing = ROLES.filter((other) => named.every(({ card }) => card.role !== other));
      const wanted =
        missing.length === 0 ? 'give one card of each party' : `one of them has to be ${missing.join(' and ')}`;
      throw new Problem(what, `${wanted}: its operator runs securenn party init --role ${missing[0] ?? role} anew`);
    }
    if (those.length === 0) throw new Problem(`no card of ${role}`, `give the cards of P0, P1 and P2: ${JOIN}`);
  }
  const parties = Object.fromEntries(named.map(({ card }) => [card.role, card])) as Record<Role, PartyCard>;
  checkParties(parties, (role) => named.find(({ card }) => card.role === role)!.source);
  return { securenn: 'federation', version: 1, id: federationId(parties), parties };
}

/**
 * Replaces cards in a federation, whose id stays. A new card counts if it is signed by the identity that the file names, or by one that
 * this identity has endorsed: nobody has to compare fingerprints again.
 */
export function updateFederation(
  federation: Federation,
  cards: readonly (SignedCard<PartyCard> & { readonly source?: string })[],
): Federation {
  const parties = { ...federation.parties };
  for (const { card, source = `card of ${card.role}` } of cards) {
    const known = federation.parties[card.role];
    const followed = [card.identity, card.previous?.identity].some(
      (identity) => identity !== undefined && idOf(identity) === idOf(known.identity),
    );
    if (!followed || firstIdOf(card) !== firstIdOf(known)) {
      throw new Problem(
        `${source}: is of another identity than the ${card.role} of this federation (${known.name})`,
        `if ${card.role} is to be another party, make a new federation: ${JOIN}; otherwise ask ${known.name} for its card`,
      );
    }
    if (Date.parse(card.issued) < Date.parse(known.issued)) {
      throw new Problem(
        `${source}: was made ${card.issued}, before the card in the federation file (${known.issued})`,
        `ask ${known.name} for its newest card (securenn party card)`,
      );
    }
    parties[card.role] = card;
  }
  checkParties(parties, (role) => `card of ${role}`);
  return { ...federation, parties };
}

export function parseFederation(text: string, source: string): Federation {
  const origin = { source, fix: AGAIN };
  const federation = checkForm(federationSchema, parseJson(text, origin), origin);
  for (const role of ROLES) {
    const found = federation.parties[role].role;
    if (found === role) continue;
    throw new Problem(`${source}: parties.${role} is the card of a ${found}${twice(federation, found)}`, AGAIN);
  }
  checkParties(federation.parties, (role) => `${source}: parties.${role}`);
  if (federation.id !== federationId(federation.parties))
    throw new Problem(`${source}: its id is not that of its parties`, AGAIN);
  return federation;
}

function twice({ parties }: Federation, role: Role): string {
  const count = ROLES.filter((each) => parties[each].role === role).length;
  return count > 1 ? `, so there are ${count} ${role}s` : '';
}

export function formatFederation(federation: Federation): string {
  return `${JSON.stringify(federation, null, 2)}\n`;
}

/** `1a2b 3c4d …`, eight groups of four: what people read to each other. Of the whole file, whatever its spaces. */
export function fingerprint(federation: Federation): string {
  const digest = digestOf(federation);
  return digest.slice(0, 32).match(/.{4}/g)!.join(' ');
}

/** Which party an id is, by an identity that counts at this moment. */
export function roleOf({ parties }: Federation, id: Id, now: number): Role | undefined {
  return ROLES.find((role) => identitiesOf(parties[role], now).some((identity) => idOf(identity) === id));
}

/** The party's identity of that id, if it counts at this moment. */
export function partyIdentity({ parties }: Federation, id: Id, now: number): PublicIdentity | undefined {
  for (const role of ROLES)
    for (const identity of identitiesOf(parties[role], now)) if (idOf(identity) === id) return identity;
  return undefined;
}

function federationId(parties: Readonly<Record<Role, PartyCard>>): Digest {
  const [P0, P1, P2] = ROLES.map((role) => firstIdOf(parties[role]));
  return digestOf({ securenn: 'federation id', P0, P1, P2 });
}

/** What must differ differs, and all speak alike. */
function checkParties(parties: Readonly<Record<Role, PartyCard>>, sourceOf: (role: Role) => string): void {
  for (const role of ROLES) {
    const { protocol, address, links, name } = parties[role];
    if (protocol !== FEDERATION_PROTOCOL) {
      const behind = protocol < FEDERATION_PROTOCOL;
      throw new Problem(
        `${sourceOf(role)}: speaks version ${protocol} of the interface, this program version ${FEDERATION_PROTOCOL}`,
        behind ? `${name} has to install this version, then run securenn party card` : 'install the newer version here',
      );
    }
    if (address === links)
      throw new Problem(`${sourceOf(role)}: address and links are both ${address}`, 'give each a port of its own');
  }
  const facts: readonly (readonly [string, (card: PartyCard) => readonly string[]])[] = [
    [
      'identity',
      ({ identity, previous }) => [idOf(identity), ...(previous === undefined ? [] : [idOf(previous.identity)])],
    ],
    [
      'signing key',
      ({ identity, previous }) => [identity.sign, ...(previous === undefined ? [] : [previous.identity.sign])],
    ],
    [
      'sealing key',
      ({ identity, previous }) => [identity.seal, ...(previous === undefined ? [] : [previous.identity.seal])],
    ],
    ['first identity', (card) => [firstIdOf(card)]],
    ['TLS key', ({ tls }) => tls],
    ['address', ({ address, links }) => [address.toLowerCase(), links.toLowerCase()]],
  ];
  for (const [what, of] of facts) {
    for (const [one, other] of [
      ['P0', 'P1'],
      ['P0', 'P2'],
      ['P1', 'P2'],
    ] as const) {
      const same = of(parties[one]).find((value) => of(parties[other]).includes(value));
      if (same === undefined) continue;
      const shown = what === 'address' ? ` (${same})` : '';
      throw new Problem(
        `${sourceOf(one)} and ${sourceOf(other)} have the same ${what}${shown}`,
        what === 'address'
          ? 'each party needs an address and a port of its own: securenn party init --address HOST:PORT --links HOST:PORT'
          : 'each party makes its own keys on its own host, with securenn party init; folders must not be copied',
      );
    }
  }
}
