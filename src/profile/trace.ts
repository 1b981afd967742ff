/**
 * The recorded events in Chrome's trace format, which ui.perfetto.dev and chrome://tracing open: a process for each party, all on P0's clock.
 * Its main thread shows what it did or slept for; below lie layers, protocols and kernels, which overlap; arrows are messages.
 */
import { PARTIES } from './line.ts';
import type { Part } from './part.ts';
import { placeOf } from './place.ts';
import { keyOf, type Parts, segmentsOf, sendTimes, spansOf, type Span } from './segments.ts';
import type { Category } from './summary.ts';

interface TraceEvent {
  readonly name: string;
  readonly ph: 'X' | 'M' | 'C' | 's' | 'f';
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly id?: string;
  readonly bp?: 'e';
  readonly args?: Readonly<Record<string, string | number>>;
}

const MAIN = 1;
/** First thread number of each group of lanes. */
const LANES = { layers: 100, protocols: 200, kernels: 400 } as const;

const NAMES: Readonly<Record<Category, string>> = {
  product: 'matrix product',
  kernel: 'kernel',
  random: 'draw randomness',
  local: 'ring arithmetic',
  send: 'send',
  receive: 'receive',
  link: 'message on its way',
  core: 'wait for a core',
  wait: 'wait',
  idle: 'idle',
};

/** JSON. */
export function writeTrace(parts: Parts): string {
  const start = Math.min(...[...parts.values()].map(({ startMs, clock }) => startMs + clock.offsetMs));
  const sent = sendTimes(parts);
  const lines: string[] = [];
  for (const part of parts.values()) {
    for (const event of eventsOf(part, sent, start)) lines.push(JSON.stringify(event));
  }
  return `{"displayTimeUnit":"ms","traceEvents":[\n${lines.join(',\n')}\n]}\n`;
}

function* eventsOf(part: Part, sent: ReadonlyMap<string, number>, start: number): Generator<TraceEvent> {
  const pid = PARTIES.indexOf(part.party);
  const micros = (ms: number): number => Math.round(1000 * ms);
  const at = (ms: number): number => Math.max(0, micros(ms - start));
  yield { name: 'process_name', ph: 'M', pid, tid: 0, args: { name: part.party } };
  yield named(pid, MAIN, 'main thread');
  for (const { from, to, category, scope, peer } of segmentsOf(part, sent)) {
    const name = peer === undefined ? NAMES[category] : `${NAMES[category]} for ${peer}`;
    yield { name, cat: category, ph: 'X', pid, tid: MAIN, ts: at(from), dur: micros(to - from), args: { scope } };
  }
  const isLayer = (scope: string): boolean => /(^|\/)(layer\/[^/]+|loss)$/.test(scope) || !scope.includes('/');
  const groups: [name: keyof typeof LANES, spans: Span[]][] = [
    ['layers', spansOf(part, (scope) => scope !== '' && isLayer(scope))],
    ['protocols', spansOf(part, (scope) => scope !== '' && !isLayer(scope))],
    ['kernels', kernelsOf(part)],
  ];
  for (const [group, spans] of groups) {
    for (const { span, lane } of inLanes(spans)) {
      const { scope, from, to } = span;
      const name = group === 'layers' ? scope.replace(/^.*\/(?=layer\/|loss)/, '') : scope.replace(/^.*\//, '');
      const tid = LANES[group] + lane;
      yield { name, cat: group, ph: 'X', pid, tid, ts: at(from), dur: micros(to - from), args: { scope } };
    }
    const count = inLanes(spans).reduce((most, { lane }) => Math.max(most, lane + 1), 0);
    for (let lane = 0; lane < count; lane++) yield named(pid, LANES[group] + lane, group);
  }
  yield* messagesAndQueues(part, pid, at);
}

function named(pid: number, tid: number, name: string): TraceEvent {
  return { name: 'thread_name', ph: 'M', pid, tid, args: { name } };
}

/** Kernels from call to result. */
function kernelsOf({ columns, lines, clock }: Part): Span[] {
  const spans: Span[] = [];
  for (let i = 0; i < columns.line.length; i++) {
    const { kind, name, scope } = lines[columns.line[i]];
    if (kind !== 'kernel' || columns.span[i] === 0) continue;
    const to = columns.end[i] + clock.offsetMs;
    spans.push({ scope: `${scope}/${name}`, from: to - columns.span[i], to });
  }
  return spans;
}

function* messagesAndQueues(part: Part, pid: number, at: (ms: number) => number): Generator<TraceEvent> {
  const { columns, lines, clock, party } = part;
  let depths = '';
  for (let i = 0; i < columns.line.length; i++) {
    const { kind, name, scope, peer } = lines[columns.line[i]];
    const end = columns.end[i] + clock.offsetMs;
    const [kernels, awaited] = [columns.kernels[i], columns.awaited[i]];
    if (`${kernels} ${awaited}` !== depths) {
      depths = `${kernels} ${awaited}`;
      yield { name: 'under way', ph: 'C', pid, tid: 0, ts: at(end), args: { kernels, 'messages awaited': awaited } };
    }
    if ((kind !== 'send' && kind !== 'receive') || peer === undefined || columns.span[i] === 0) continue;
    const [from, to] = kind === 'send' ? [party, peer] : [peer, party];
    const arrow = { name, cat: 'message', pid, tid: MAIN, ts: at(end), id: keyOf(from, to, part, i) };
    if (kind === 'send') yield { ...arrow, ph: 's', args: { bytes: columns.bytes[i], layer: placeOf(scope).layer } };
    else yield { ...arrow, ph: 'f', bp: 'e' };
  }
}

/** Gives each span the first lane that is free, so that none lies across another. */
function inLanes(spans: readonly Span[]): { readonly span: Span; readonly lane: number }[] {
  const ends: number[] = [];
  return [...spans]
    .sort((a, b) => a.from - b.from || b.to - a.to)
    .map((span) => {
      let lane = ends.findIndex((end) => end <= span.from);
      if (lane < 0) lane = ends.length;
      ends[lane] = span.to;
      return { span, lane };
    });
}
