/**
 * How much of a party's time passed while it was ready to run and had no core. The system says how much that was in all between two
 * readings, not when; so it is taken off evenly from whatever the party did, and from messages on their way to it, for it may have slept
 * past their arrival.
 */
import { firstEndingAfter } from './blame.ts';
import type { PartyName } from './line.ts';
import type { Part } from './part.ts';
import type { Parts, Segments } from './segments.ts';
import type { Category, Stretch } from './summary.ts';

/** Of a party's time of one kind: the share, 0 to 1, in which it waited for a core. */
export type CoreShares = (party: PartyName, category: Category) => number;

/** Time in which a party asked for no core. */
function asleep(category: Category): boolean {
  return category === 'wait' || category === 'idle';
}

export function coreShares(parts: Parts, segments: Segments, stretches: readonly Stretch[]): CoreShares {
  const shares = new Map<PartyName, number>();
  for (const [party, part] of parts) {
    const own = segments.get(party) ?? [];
    let [waited, wanted] = [0, 0];
    for (const { from, to } of stretches) {
      waited += waitedAt(part, to) - waitedAt(part, from);
      for (let i = firstEndingAfter(own, from); i < own.length && own[i].from < to; i++) {
        if (!asleep(own[i].category)) wanted += Math.min(to, own[i].to) - Math.max(from, own[i].from);
      }
    }
    shares.set(party, wanted > 0 ? Math.min(1, waited / wanted) : 0);
  }
  return (party, category) => (asleep(category) ? 0 : (shares.get(party) ?? 0));
}

/** Between two readings, as if it had grown evenly. @param time on P0's clock */
function waitedAt({ coreWaits, clock }: Part, time: number): number {
  const at = time - clock.offsetMs;
  const after = coreWaits.findIndex(({ atMs }) => atMs >= at);
  if (after < 0) return coreWaits.at(-1)?.waitedMs ?? 0;
  const [a, b] = [coreWaits[Math.max(0, after - 1)], coreWaits[after]];
  if (b.atMs === a.atMs) return b.waitedMs;
  return a.waitedMs + ((b.waitedMs - a.waitedMs) * Math.max(0, at - a.atMs)) / (b.atMs - a.atMs);
}
