/** From the parties' parts to what the report shows. */
import { adviceOf, headlineOf, runShares, sharesOf } from './answer.ts';
import { blame, firstEndingAfter } from './blame.ts';
import { coreShares, type CoreShares } from './core-share.ts';
import { PARTIES, type PartyName } from './line.ts';
import type { Part } from './part.ts';
import { placeOf } from './place.ts';
import { type Parts, segmentsOf, type Segments, sendTimes } from './segments.ts';
import {
  type ByCategory,
  CATEGORIES,
  type Category,
  type Expense,
  type LayerRow,
  type PartySummary,
  type ProtocolRow,
  type RunFacts,
  type Summary,
} from './summary.ts';
import { timelineOf } from './timeline.ts';
import { type Units, unitsOf } from './units.ts';
import { helpFor, verdictOf } from './verdict.ts';
import { warningsOf } from './warnings.ts';
import { milliseconds } from './words.ts';

const EXPENSES = 5;

type Times = Record<Category, number>;

function noTimes(): Times {
  return Object.fromEntries(CATEGORIES.map((name) => [name, 0])) as Times;
}

/** @param parts of one session, at least one. Throws a RangeError when they are none, or of several sessions. */
export function analyse(parts: Parts, facts: RunFacts): Summary {
  const present = PARTIES.filter((party) => parts.has(party));
  if (present.length === 0) throw new RangeError('a profile needs the part of one party at least');
  const [teller] = present;
  const told = parts.get(teller)!;
  for (const { party, session } of parts.values()) {
    if (session !== told.session)
      throw new RangeError(`${party} measured session ${session}, ${teller} ${told.session}`);
  }
  const sent = sendTimes(parts);
  const segments = new Map(present.map((party) => [party, segmentsOf(parts.get(party)!, sent)]));
  const units = unitsOf(parts, told, facts.unitMs);
  const { unit, unitMs } = units;
  const cores = coreShares(parts, segments, units.typical);
  const { resolved, expenses } = resolve(segments, teller, units, cores);
  const times = timesOf(segments, units, cores);
  const parties = present.map((party) => partySummary(parts.get(party)!, times.byParty.get(party)!));
  const latencyMs = Math.min(...parties.map(({ clock }) => clock.uncertaintyMs || Infinity));
  const traffic = { messages: 0, payloadBytes: 0, frameBytes: 0 };
  for (const link of parties.flatMap((party) => party.traffic)) {
    traffic.messages += link.messages;
    traffic.payloadBytes += link.payloadBytes;
    traffic.frameBytes += link.frameBytes;
  }
  const latency = Number.isFinite(latencyMs) ? latencyMs : 0;
  const roundsAUnit = told.rounds * (unitMs / sessionMs(told));
  const latencyShare = resolved.link === 0 ? 0 : Math.min(1, (roundsAUnit * latency) / resolved.link);
  const shares = sharesOf(resolved);
  const found = {
    facts,
    missing: PARTIES.filter((party) => !parts.has(party)),
    ...{ unit, units: units.all.length, unitMs, resolved, parties },
    cut: [...parts.values()].some((part) => part.unlogged > 0),
  };
  return {
    version: 1,
    ...found,
    teller,
    warnings: warningsOf(found),
    headline: headlineOf(unit, milliseconds(unitMs), shares),
    advice: adviceOf(shares, facts, latencyShare),
    shares,
    run: runShares(facts.phases),
    verdict: verdictOf({ facts, unit, unitMs, resolved, latencyShare, parties }),
    expenses: expenses.map((expense) => ({ ...expense, help: helpFor(expense.category, latencyShare, facts) })),
    layers: times.layers,
    protocols: protocolsOf(parts, teller),
    traffic,
    rounds: Math.max(...[...parts.values()].map(roundsOf)),
    latencyMs: latency,
    timeline: timelineOf(segments, told, units.median),
  };
}

function sessionMs({ startMs, endMs }: Part): number {
  return Math.max(endMs - startMs, 1e-9);
}

/** As the engine counted; of a session cut short in the middle of a step, as the messages say. */
function roundsOf({ complete, rounds, lines }: Part): number {
  return complete ? rounds : lines.reduce((sum, line) => sum + line.rounds, 0);
}

/** What the teller's units wait for in the end, per unit, and the most expensive lines of it. */
function resolve(
  segments: Segments,
  teller: PartyName,
  { typical, scale, unitMs }: Units,
  cores: CoreShares,
): { resolved: ByCategory; expenses: Omit<Expense, 'help'>[] } {
  const resolved = noTimes();
  const lines = new Map<string, Omit<Expense, 'help' | 'share'> & { ms: number }>();
  const account = (party: PartyName, category: Category, scope: string, passed: number): void => {
    if (passed <= 0) return;
    const core = passed * scale * cores(party, category);
    const ms = passed * scale - core;
    resolved.core += core;
    resolved[category] += ms;
    const { layer, protocol } = placeOf(scope);
    const key = `${party} ${category} ${layer} ${protocol}`;
    let line = lines.get(key);
    if (line === undefined) {
      line = { party, layer, protocol, category, ms: 0 };
      lines.set(key, line);
    }
    line.ms += ms;
  };
  for (const { from, to } of typical) blame(segments, teller, from, to, account);
  const expenses = [...lines.values()]
    .filter(({ category }) => category !== 'idle' && category !== 'wait')
    .sort((a, b) => b.ms - a.ms)
    .slice(0, EXPENSES)
    .map((line) => ({ ...line, share: line.ms / unitMs }));
  return { resolved, expenses };
}

interface PartyTimes {
  readonly time: Times;
  readonly waitFor: Partial<Record<PartyName, number>>;
}

/** Per unit, where each party's own time went, by layer and in all. */
function timesOf(
  segments: Segments,
  { typical, scale }: Units,
  cores: CoreShares,
): { byParty: Map<PartyName, PartyTimes>; layers: LayerRow[] } {
  const byParty = new Map<PartyName, PartyTimes>();
  const rows = new Map<string, { layer: string; party: PartyName; time: Times }>();
  for (const [party, own] of segments) {
    const all: PartyTimes = { time: noTimes(), waitFor: {} };
    byParty.set(party, all);
    for (const stretch of typical) {
      for (let i = firstEndingAfter(own, stretch.from); i < own.length && own[i].from < stretch.to; i++) {
        const { from, to, category, scope, peer } = own[i];
        const passed = (Math.min(to, stretch.to) - Math.max(from, stretch.from)) * scale;
        const core = passed * cores(party, category);
        const ms = passed - core;
        const { layer } = placeOf(scope);
        const key = `${layer} ${party}`;
        const row = rows.get(key) ?? { layer, party, time: noTimes() };
        rows.set(key, row);
        for (const time of [row.time, all.time]) {
          time[category] += ms;
          time.core += core;
        }
        if (category === 'wait' && peer !== undefined) all.waitFor[peer] = (all.waitFor[peer] ?? 0) + ms;
      }
    }
  }
  const order = (layer: string): number => (/^\d/.test(layer) ? parseInt(layer) : Infinity);
  const layers = [...rows.values()].sort((a, b) => order(a.layer) - order(b.layer) || compare(a, b));
  return { byParty, layers };
}

function compare(a: LayerRow, b: LayerRow): number {
  if (a.layer !== b.layer) return a.layer < b.layer ? -1 : 1;
  return a.party < b.party ? -1 : 1;
}

function partySummary(part: Part, { time, waitFor }: PartyTimes): PartySummary {
  const { party, complete, cpuMs, clock, traffic, rounds, kernels, awaited, ranks, lines } = part;
  const gpuMs = lines.reduce((sum, line) => sum + line.gpuMs, 0);
  const counted = lines.filter(({ calls, idleMs, localMs }) => calls > 0 || idleMs + localMs > 0);
  return {
    ...{ party, complete, sessionMs: sessionMs(part), cpuMs, gpuMs, clock, time, waitFor },
    ...{ traffic, rounds, kernels, awaited, ...(ranks && { ranks }), lines: counted },
  };
}

/** Over the session. The chain of messages, and how often a protocol ran, are as the teller has them. */
function protocolsOf(parts: Parts, teller: PartyName): ProtocolRow[] {
  const rows = new Map<string, { -readonly [K in keyof ProtocolRow]: ProtocolRow[K] }>();
  for (const [party, { lines }] of parts) {
    for (const line of lines) {
      if (line.scope === '' && line.calls === 0) continue;
      const protocol = placeOf(line.scope).protocol;
      const row = rows.get(protocol) ?? noTraffic(protocol);
      rows.set(protocol, row);
      if (party === teller) {
        row.rounds += line.rounds;
        if (line.kind === 'span') row.calls += line.calls;
      }
      if (line.kind !== 'send') continue;
      row.messages += line.calls;
      row.payloadBytes += line.payloadBytes;
      row.frameBytes += line.frameBytes;
    }
  }
  return [...rows.values()]
    .filter(({ messages, rounds }) => messages + rounds > 0)
    .sort((a, b) => b.frameBytes - a.frameBytes);
}

function noTraffic(protocol: string): { -readonly [K in keyof ProtocolRow]: ProtocolRow[K] } {
  return { protocol, messages: 0, payloadBytes: 0, frameBytes: 0, rounds: 0, calls: 0 };
}
