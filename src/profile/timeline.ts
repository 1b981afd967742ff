/** One step, or batch, as a picture: what each party did when. */
import { firstEndingAfter } from './blame.ts';
import type { Part } from './part.ts';
import { placeOf } from './place.ts';
import { type Segment, type Segments, spansOf } from './segments.ts';
import { CATEGORIES, type Category, type Stretch, type Timeline } from './summary.ts';

/** Columns of the picture: in each, what took most of its time. */
const COLUMNS = 600;

/** Of the unit of median length. */
export function timelineOf(segments: Segments, told: Part, { from, to }: Stretch): Timeline {
  const layerScopes = (scope: string): boolean => /^(step|batch)\/(layer\/[^/]+|loss)$/.test(scope);
  return {
    ms: to - from,
    parties: [...segments].map(([party, own]) => ({ party, stretches: picture(own, from, to) })),
    layers: spansOf(told, layerScopes)
      .filter((span) => span.from >= from && span.to <= to)
      .map((span) => ({ from: span.from - from, to: span.to - from, layer: placeOf(span.scope).layer })),
  };
}

function picture(segments: readonly Segment[], from: number, to: number): (Stretch & { category: Category })[] {
  const width = (to - from) / COLUMNS;
  const time = new Float64Array(COLUMNS * CATEGORIES.length);
  for (let i = firstEndingAfter(segments, from); i < segments.length && segments[i].from < to; i++) {
    const segment = segments[i];
    const [start, end] = [Math.max(0, segment.from - from), Math.min(to - from, segment.to - from)];
    const kind = CATEGORIES.indexOf(segment.category);
    for (let column = Math.floor(start / width); column < COLUMNS && column * width < end; column++) {
      const overlap = Math.min(end, (column + 1) * width) - Math.max(start, column * width);
      time[column * CATEGORIES.length + kind] += Math.max(0, overlap);
    }
  }
  const stretches: { from: number; to: number; category: Category }[] = [];
  for (let column = 0; column < COLUMNS; column++) {
    const own = time.subarray(column * CATEGORIES.length, (column + 1) * CATEGORIES.length);
    const most = Math.max(...own);
    const category = most === 0 ? 'idle' : CATEGORIES[own.indexOf(most)];
    const last = stretches.at(-1);
    if (last?.category === category) last.to = (column + 1) * width;
    else stretches.push({ from: column * width, to: (column + 1) * width, category });
  }
  return stretches;
}
