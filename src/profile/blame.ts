/**
 * What a stretch of one party's time was spent on in the end. Where it waited for a peer that had not sent yet, look at what that peer did
 * meanwhile, and so on. What remains `wait` is a circle: parties that wait for each other while a message is between them unseen.
 */
import type { PartyName } from './line.ts';
import type { Segment } from './segments.ts';
import type { Category } from './summary.ts';

/** Told of each piece: who did what, where, for how long (ms). */
export type Account = (party: PartyName, category: Category, scope: string, ms: number) => void;

export function blame(
  segments: ReadonlyMap<PartyName, readonly Segment[]>,
  party: PartyName,
  from: number,
  to: number,
  account: Account,
  asked: readonly PartyName[] = [],
): void {
  const own = segments.get(party) ?? [];
  const chain = [...asked, party];
  let at = from;
  for (let i = firstEndingAfter(own, from); i < own.length && own[i].from < to; i++) {
    const segment = own[i];
    const [start, end] = [Math.max(at, segment.from), Math.min(to, segment.to)];
    if (end <= start) continue;
    // Between two segments lies what was too short to keep.
    account(party, 'local', segment.scope, start - at);
    at = end;
    const { category, peer, scope } = segment;
    const further = category === 'wait' && peer !== undefined && segments.has(peer) && !chain.includes(peer);
    if (further) blame(segments, peer, start, end, account, chain);
    else account(party, category === 'idle' && asked.length > 0 ? 'wait' : category, scope, end - start);
  }
  if (to > at) account(party, asked.length === 0 ? 'idle' : 'wait', '', to - at);
}

/** Index of the first segment that ends after a time. Segments are in order. */
export function firstEndingAfter(segments: readonly Segment[], time: number): number {
  let [low, high] = [0, segments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (segments[middle].to > time) high = middle;
    else low = middle + 1;
  }
  return low;
}
