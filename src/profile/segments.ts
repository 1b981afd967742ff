/**
 * A party's log as segments that tile its time, on P0's clock. What it slept for is split by when the message that ended the sleep was
 * sent: before that it waited for the sender, after that for the link.
 */
import type { CountedLine, PartyName } from './line.ts';
import type { Part } from './part.ts';
import type { Category, Stretch } from './summary.ts';

/** Kernels that a GPU backend takes over (`runtime/compute.ts`). */
const PRODUCTS: ReadonlySet<string> = new Set(['gemm', 'conv']);

export interface Segment {
  readonly from: number;
  readonly to: number;
  readonly category: Category;
  readonly scope: string;
  /** Of `wait`: for whom. */
  readonly peer: PartyName | undefined;
}

export type Parts = ReadonlyMap<PartyName, Part>;
export type Segments = ReadonlyMap<PartyName, readonly Segment[]>;

/** When a fork ran. */
export interface Span extends Stretch {
  readonly scope: string;
}

/** The forks of some scopes, in the order of their ends; on P0's clock. */
export function spansOf({ columns, lines, clock }: Part, wanted: (scope: string) => boolean): Span[] {
  const spans: Span[] = [];
  for (let i = 0; i < columns.line.length; i++) {
    const { kind, scope } = lines[columns.line[i]];
    if (kind !== 'span' || !wanted(scope)) continue;
    const to = columns.end[i] + clock.offsetMs;
    spans.push({ scope, from: to - columns.span[i], to });
  }
  return spans;
}

/** When each message was given to its link, by addressee and address. */
export function sendTimes(parts: Parts): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const part of parts.values()) {
    const { columns, lines, clock, party } = part;
    for (let i = 0; i < columns.line.length; i++) {
      const { kind, peer } = lines[columns.line[i]];
      if (kind !== 'send' || peer === undefined || columns.span[i] === 0) continue;
      times.set(keyOf(party, peer, part, i), columns.end[i] - columns.span[i] + clock.offsetMs);
    }
  }
  return times;
}

/** One message, the same at both ends. */
export function keyOf(from: PartyName, to: PartyName, { columns }: Part, i: number): string {
  return `${from}>${to} ${columns.messageHigh[i]} ${columns.message[i]}`;
}

export function segmentsOf(part: Part, sent: ReadonlyMap<string, number>): Segment[] {
  const { columns, lines, clock, party } = part;
  const segments: Segment[] = [];
  const push = (from: number, to: number, category: Category, scope: string, peer?: PartyName): void => {
    if (to > from) segments.push({ from, to, category, scope, peer });
  };
  for (let i = 0; i < columns.line.length; i++) {
    const line = lines[columns.line[i]];
    const cause = lines[columns.cause[i]];
    const end = columns.end[i] + clock.offsetMs;
    const [busy, own, idle] = [columns.busy[i], Math.min(columns.own[i], columns.busy[i]), columns.idle[i]];
    if (busy + idle === 0) continue;
    // What woke the party up ends with the sleep; anything else ends with its own work.
    const wakes = line.kind === 'receive' || (line.kind === 'send' && own === 0);
    const start = end - busy - idle;
    const asleep = wakes ? start + busy : start;
    const awake = asleep + idle;
    if (wakes) push(start, asleep, line.kind === 'receive' ? 'receive' : 'local', line.scope);
    const messageSent =
      cause === line && line.kind === 'receive' ? sent.get(keyOf(line.peer!, party, part, i)) : undefined;
    pushSleep(push, asleep, awake, cause, messageSent);
    if (!wakes) {
      push(awake, end - own, 'local', line.scope);
      push(end - own, end, ownCategory(line), line.scope);
    }
  }
  return segments;
}

function ownCategory({ kind, name }: CountedLine): Category {
  if (kind === 'kernel') return PRODUCTS.has(name) ? 'product' : 'kernel';
  return kind === 'random' || kind === 'send' ? kind : 'local';
}

function pushSleep(
  push: (from: number, to: number, category: Category, scope: string, peer?: PartyName) => void,
  from: number,
  to: number,
  cause: CountedLine,
  messageSent: number | undefined,
): void {
  switch (cause.kind) {
    case 'kernel':
      return push(from, to, ownCategory(cause), cause.scope);
    case 'send':
      return push(from, to, 'link', cause.scope);
    case 'receive': {
      const left = messageSent === undefined ? to : Math.min(to, Math.max(from, messageSent));
      push(from, left, 'wait', cause.scope, cause.peer);
      return push(left, to, 'link', cause.scope);
    }
    case 'span':
    case 'random':
      return push(from, to, 'idle', cause.scope);
  }
}
