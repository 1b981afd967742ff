/**
 * Cards of members, for identities whose secret halves may never leave where they are: another device makes an identity of its own, whose card names the
 * one before, and the one before endorses it. What belonged to that one is then the new one's (`federation/members.ts`).
 */
import { Problem } from '../data/problem.ts';
import { canonicalBytes } from '../federation/canonical.ts';
import {
  contextOf,
  formatCard,
  type MemberCard,
  memberCardSchema,
  type SignedCard,
  signedCardSchema,
} from '../federation/card.ts';
import { checkForm, parseJson } from '../federation/form.ts';
import type { Signer } from '../federation/public-identity.ts';
import { toHex } from '../random/text.ts';
import { checkName } from './federated/names.ts';

/** What `memberCard` takes besides. */
export interface CardOptions {
  /** The card of the identity in whose place this one comes, as a text. That one endorses the card then: `endorseCard`. */
  readonly follows?: string | undefined;
  /** Until when that one still counts beside this one; 30 days from now unless said otherwise, 90 at most. */
  readonly until?: Date | undefined;
}

const DAY_MS = 86_400_000;
const OVERLAP_DAYS = 30;
const FIX = 'give the text that memberCard made, unchanged';

function parseCard(text: string, source: string): SignedCard<MemberCard> {
  const origin = { source, fix: FIX };
  return checkForm(signedCardSchema(memberCardSchema), parseJson(text, origin), origin);
}

async function signatureOf(card: MemberCard, by: Signer): Promise<string> {
  return toHex(await by.sign(contextOf(card), canonicalBytes(card)));
}

export async function makeCard(identity: Signer, name: string, { follows, until }: CardOptions): Promise<string> {
  checkName(name);
  const card: MemberCard = {
    ...{ securenn: 'member-card', version: 1, name, identity: identity.public },
    ...(follows !== undefined && { previous: before(identity, follows, until) }),
  };
  return formatCard({ card, signature: await signatureOf(card, identity) });
}

function before({ public: own }: Signer, follows: string, until: Date | undefined): MemberCard['previous'] {
  const { identity } = parseCard(follows, 'the card before').card;
  if (identity.sign === own.sign || identity.seal === own.seal)
    throw new Problem('the card before is of this very identity', 'give the card of the identity on the other device');
  return { identity, until: (until ?? new Date(Date.now() + OVERLAP_DAYS * DAY_MS)).toISOString() };
}

export async function endorse(identity: Signer, text: string): Promise<string> {
  const { card, signature } = parseCard(text, 'the card');
  const { sign, seal } = card.previous?.identity ?? { sign: '', seal: '' };
  if (sign !== identity.public.sign || seal !== identity.public.seal) {
    throw new Problem(
      'the card does not say that it comes in the place of this identity',
      "make it with follows: this identity's card, and endorse it with this identity",
    );
  }
  return formatCard({ card, signature, endorsement: await signatureOf(card, identity) });
}
