/** Cards as files: signed, and checked when they come, by Node's own cryptography. */
import type * as z from 'zod';
import { Problem } from '../data/problem.ts';
import { canonicalBytes } from './canonical.ts';
import {
  contextOf,
  memberCardSchema,
  partyCardSchema,
  signedCardSchema,
  type MemberCard,
  type PartyCard,
  type SignedCard,
} from './card.ts';
import { checkForm, parseJson } from './form.ts';
import { isSignedBy, type Identity } from './identity.ts';

/** @param before the identity before, while the card names one */
export function signCard<T extends PartyCard | MemberCard>(
  card: T,
  identity: Identity,
  before?: Identity,
): SignedCard<T> {
  const sign = (by: Identity): string => Buffer.from(by.sign(contextOf(card), canonicalBytes(card))).toString('hex');
  return { card, signature: sign(identity), ...(before === undefined ? {} : { endorsement: sign(before) }) };
}

export function parsePartyCard(text: string, source: string): SignedCard<PartyCard> {
  return parseSignedCard('party-card', partyCardSchema, text, source);
}

export function parseMemberCard(text: string, source: string): SignedCard<MemberCard> {
  return parseSignedCard('member-card', memberCardSchema, text, source);
}

const ANEW = 'have its owner send the card again, unchanged';
const MAKERS = {
  'party-card': 'securenn party init, or securenn party card',
  'member-card': 'securenn identity init, card or rotate',
} as const;

function parseSignedCard<T extends PartyCard | MemberCard>(
  kind: T['securenn'],
  schema: z.ZodType<T>,
  text: string,
  source: string,
): SignedCard<T> {
  const origin = { source, fix: `give a card as it was made (${MAKERS[kind]})` };
  const json = parseJson(text, origin);
  const found = (json as { readonly card?: { readonly securenn?: unknown } } | null)?.card?.securenn;
  if (found !== kind && typeof found === 'string' && Object.hasOwn(MAKERS, found))
    throw new Problem(`${source}: is a ${found.replace('-', ' ')}, expected a ${kind.replace('-', ' ')}`, origin.fix);
  const signed = checkForm(signedCardSchema(schema), json, origin);
  const { card, endorsement } = signed;
  const { previous } = card;
  if (!isSignedBy(card.identity, contextOf(card), canonicalBytes(card), bytesOf(signed.signature)))
    throw new Problem(`${source}: the card is not as its identity signed it`, ANEW);
  if (
    previous !== undefined &&
    !isSignedBy(previous.identity, contextOf(card), canonicalBytes(card), bytesOf(endorsement))
  )
    throw new Problem(`${source}: the identity before has not signed that this one follows it`, ANEW);
  return signed;
}

function bytesOf(hex: string | undefined): Uint8Array {
  return new Uint8Array(Buffer.from(hex ?? '', 'hex'));
}
