/**
 * How a member changes its key: its card names the key before and is signed by both. Whoever has the cards can follow a member from its present
 * key back to its first one, without trusting whom they come from. The id of the first key is the member's own: documents name keys, rules compare
 * members, so data, grants and approvals stay with whoever gave them.
 */
import { parseMemberCard } from './signed-card.ts';
import type { Predecessor } from './card.ts';
import { idOf, type Id, type PublicIdentity } from './public-identity.ts';

/** Keys before this one, the newest first: as far back as each card is signed by its key and by the one before. */
export function predecessorsOf(identity: PublicIdentity, successions: readonly unknown[] = []): readonly Predecessor[] {
  const found: Predecessor[] = [];
  let next = idOf(identity);
  for (const signed of successions) {
    const previous = predecessorIn(signed, next);
    if (previous === undefined) break;
    found.push(previous);
    next = idOf(previous.identity);
  }
  return found;
}

function predecessorIn(signed: unknown, successor: Id): Predecessor | undefined {
  try {
    const { card } = parseMemberCard(JSON.stringify(signed), 'card');
    return idOf(card.identity) === successor ? card.previous : undefined;
  } catch {
    return undefined;
  }
}
