/**
 * The steps of a training, or the batches of an inference, as stretches of time: each from the end of the one before to its own end, as the
 * run's own summary has them (`server/reporter.ts`), so that nothing between two of them is lost.
 *
 * One figure stands for how long one takes: the median, which neither a slow start nor a hiccup moves. A median has no parts, so where
 * its time goes is told by the middle half of them by length, scaled to it.
 */
import type { Part } from './part.ts';
import { type Parts, spansOf } from './segments.ts';
import type { Stretch, Summary } from './summary.ts';

export interface Units {
  readonly unit: Summary['unit'];
  /** All that every party has recorded whole, on P0's clock. */
  readonly all: readonly Stretch[];
  /** The middle half by length; of up to three all. */
  readonly typical: readonly Stretch[];
  /** Milliseconds: the median. */
  readonly unitMs: number;
  /** From time summed over the typical ones to time per unit. */
  readonly scale: number;
  /** The recorded one of median length. */
  readonly median: Stretch;
}

/**
 * The session where no step or batch was recorded whole.
 *
 * @param medianMs as the run's own summary has it, over all steps; undefined: over the recorded ones
 */
export function unitsOf(parts: Parts, told: Part, medianMs: number | undefined): Units {
  const spans = [...parts.values()].map(({ columns, clock, startMs, endMs, unlogged }) => {
    const last = columns.end.at(-1);
    return { from: startMs + clock.offsetMs, to: (unlogged > 0 && last !== undefined ? last : endMs) + clock.offsetMs };
  });
  const to = Math.min(...spans.map((span) => span.to));
  for (const unit of ['step', 'batch'] as const) {
    const all: Stretch[] = [];
    let end = told.startMs + told.clock.offsetMs;
    for (const span of spansOf(told, (scope) => scope !== '' && !scope.includes('/'))) {
      if (span.scope === unit && span.to <= to) all.push({ from: end, to: span.to });
      end = Math.max(end, span.to);
    }
    if (all.length > 0) return summedUp(unit, all, medianMs);
  }
  const from = Math.max(...spans.map((span) => span.from));
  return summedUp('session', [{ from, to: Math.max(to, from + 1e-6) }], undefined);
}

function summedUp(unit: Summary['unit'], all: readonly Stretch[], medianMs: number | undefined): Units {
  const length = ({ from, to }: Stretch): number => to - from;
  const ordered = all.toSorted((a, b) => length(a) - length(b));
  const outside = Math.floor(ordered.length / 4);
  const typical = ordered.slice(outside, ordered.length - outside);
  const middle = ordered.length >> 1;
  const recorded = (length(ordered[middle]) + length(ordered[(ordered.length - 1) >> 1])) / 2;
  const unitMs = medianMs ?? recorded;
  const scale = unitMs / typical.reduce((sum, stretch) => sum + length(stretch), 0);
  return { unit, all, typical, unitMs, scale, median: ordered[middle] };
}
