/** Parties, members and documents for tests. */
import { FEDERATION_PROTOCOL, type PartyCard, type Role, type SignedCard } from '../../src/federation/card.ts';
import { signCard } from '../../src/federation/signed-card.ts';
import { joinFederation, type Federation } from '../../src/federation/federation-file.ts';
import { Identity } from '../../src/federation/identity.ts';
import { createHash } from 'node:crypto';

export function pinFor(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

export function partyCard(role: Role, identity: Identity, changes: Partial<PartyCard> = {}): PartyCard {
  return {
    securenn: 'party-card',
    version: 1,
    role,
    name: `Organisation ${role}`,
    address: `${role.toLowerCase()}.example.org:7600`,
    links: `${role.toLowerCase()}.example.org:7601`,
    identity: identity.public,
    tls: [pinFor(identity.id)],
    trust: 'pinned',
    protocol: FEDERATION_PROTOCOL,
    issued: '2026-01-01T00:00:00.000Z',
    ...changes,
  };
}

export function signedPartyCard(
  role: Role,
  identity: Identity,
  changes: Partial<PartyCard> = {},
  before?: Identity,
): SignedCard<PartyCard> {
  return signCard(partyCard(role, identity, changes), identity, before);
}

export interface ThreeParties {
  readonly identities: Readonly<Record<Role, Identity>>;
  readonly federation: Federation;
}

export function threeParties(): ThreeParties {
  const identities = { P0: Identity.generate(), P1: Identity.generate(), P2: Identity.generate() };
  const cards = (['P0', 'P1', 'P2'] as const).map((role) => signedPartyCard(role, identities[role]));
  return { identities, federation: joinFederation(cards) };
}

/** What was thrown. */
export function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
