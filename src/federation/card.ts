/**
 * Cards: what a party, or a member, tells everybody of itself, signed by the identity that it names. Nothing in a card is secret. What it
 * says counts once people have compared it by another way: operators compare the federation's fingerprint, an operator admits a member.
 */
import * as z from 'zod';
import { idOf, idSchema, publicIdentitySchema, type Id, type PublicIdentity } from './public-identity.ts';

/** Of the three parties. P0 leads jobs, P2 deals randomness and holds no share. */
export type Role = 'P0' | 'P1' | 'P2';
export const ROLES: readonly Role[] = ['P0', 'P1', 'P2'];

/** What parties and their clients say to each other: the interface `/v1/`, requests, seals. Not the protocols: those a job names. */
export const FEDERATION_PROTOCOL = 1;

/** How `address` proves itself: by a pinned key, by a certificate that systems trust, or by one of an authority of its own. */
export type Trust = 'pinned' | 'public' | { readonly ca: string };

export interface Predecessor {
  readonly identity: PublicIdentity;
  /** It counts no longer than that. */
  readonly until: string;
}

export interface PartyCard {
  readonly securenn: 'party-card';
  readonly version: 1;
  readonly role: Role;
  /** Of the organisation, for people. */
  readonly name: string;
  /** host:port of HTTPS, for clients and the other parties. */
  readonly address: string;
  /** host:port of the links, for the other parties' jobs. */
  readonly links: string;
  readonly identity: PublicIdentity;
  /** The identity before, which counts until a moment. */
  readonly previous?: Predecessor | undefined;
  /** Id of the party's first identity, once it has another: the federation's id rests on it. */
  readonly first?: Id | undefined;
  /** Pins (`pinOf`) of its TLS keys: one, or two while it changes its key. */
  readonly tls: readonly string[];
  /** Of `address` alone: links are always pinned. */
  readonly trust: Trust;
  readonly protocol: number;
  readonly issued: string;
}

/** Owners give data, analysts propose jobs, clients ask served models. */
export type MemberRole = 'owner' | 'analyst' | 'client';
export const MEMBER_ROLES: readonly MemberRole[] = ['owner', 'analyst', 'client'];

export interface MemberCard {
  readonly securenn: 'member-card';
  readonly version: 1;
  /** Small letters, digits, dot, dash, underscore: people write OWNER/NAME of a data set. */
  readonly name: string;
  readonly identity: PublicIdentity;
  /** What it wants to be; absent: anything. The operator who admits it decides. */
  readonly roles?: readonly MemberRole[] | undefined;
  /** The key before, in whose place this one comes. */
  readonly previous?: Predecessor | undefined;
}

export interface SignedCard<T extends PartyCard | MemberCard> {
  readonly card: T;
  /** Ed25519 by the card's identity, in hexadecimal. */
  readonly signature: string;
  /** The same by the identity before, while there is one: this is its successor. */
  readonly endorsement?: string | undefined;
}

const PORT = '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
const HOST = '([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]{2,45}\\])';
const ADDRESS = new RegExp(`^${HOST}:${PORT}$`);
export const addressSchema: z.ZodType<string> = z
  .string('expected HOST:PORT')
  .regex(ADDRESS, 'expected HOST:PORT, as p0.example.org:7600 or [2001:db8::1]:7600');

/** Of members and data sets; they become names of files and keys. */
export const NAME: RegExp = /^[a-z0-9][a-z0-9._-]{0,63}$/;
export const memberName: z.ZodType<string> = z
  .string()
  .regex(NAME, 'expected small letters, digits, dot, dash, underscore, 64 at most');
export const partyName: z.ZodType<string> = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} .,&'()_-]{0,63}$/u, "expected letters, digits, spaces and .,&'()_-, 64 at most");
const pin = z.string().regex(/^[0-9a-f]{64}$/, 'expected a pin, 64 hexadecimal digits');

const predecessor: z.ZodType<Predecessor> = z.strictObject({ identity: publicIdentitySchema, until: z.iso.datetime() });

export const partyCardSchema: z.ZodType<PartyCard> = z.strictObject({
  securenn: z.literal('party-card'),
  version: z.literal(1),
  role: z.enum(['P0', 'P1', 'P2']),
  name: partyName,
  address: addressSchema,
  links: addressSchema,
  identity: publicIdentitySchema,
  previous: predecessor.optional(),
  first: idSchema.optional(),
  tls: z.array(pin).min(1).max(2),
  trust: z.union([z.enum(['pinned', 'public']), z.strictObject({ ca: z.string().min(1).max(65_536) })]),
  protocol: z.int().min(1),
  issued: z.iso.datetime(),
});

export const memberCardSchema: z.ZodType<MemberCard> = z.strictObject({
  securenn: z.literal('member-card'),
  version: z.literal(1),
  name: memberName,
  identity: publicIdentitySchema,
  roles: z
    .array(z.enum(['owner', 'analyst', 'client']))
    .min(1)
    .max(3)
    .optional(),
  previous: predecessor.optional(),
});

const signature = z.string().regex(/^[0-9a-f]{128}$/, 'expected a signature, 128 hexadecimal digits');

/** Of what comes as a signed card, before its signatures are checked. */
export function signedCardSchema<T extends PartyCard | MemberCard>(card: z.ZodType<T>): z.ZodType<SignedCard<T>> {
  return z.strictObject({ card, signature, endorsement: signature.optional() });
}

/** Those that count at this moment, the newest first. */
export function identitiesOf({ identity, previous }: PartyCard, now: number): readonly PublicIdentity[] {
  return previous !== undefined && now <= Date.parse(previous.until) ? [identity, previous.identity] : [identity];
}

/** Stays through all changes of its keys. */
export function firstIdOf({ first, identity }: PartyCard): Id {
  return first ?? idOf(identity);
}

/** Of a card's signature. */
export function contextOf({ securenn }: PartyCard | MemberCard): string {
  return `card ${securenn}`;
}

/** A file that one party or member sends to another. */
export function formatCard(card: SignedCard<PartyCard | MemberCard>): string {
  return `${JSON.stringify(card, null, 2)}\n`;
}
