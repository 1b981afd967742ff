/** What a report shows, and `profile.json` holds. Times are milliseconds; those `per unit` are means over the recorded steps or batches. */
import type { CountedLine, PartyName } from './line.ts';
import type { ClockReading, LinkTraffic } from './part.ts';
import type { Gauge } from './recorder.ts';

/** What is said of the run itself. */
export interface RunFacts {
  readonly network: string;
  readonly batch: number;
  readonly suite: string;
  readonly backend: string;
  /** Threads of each party. */
  readonly workers: number;
  readonly machine: string;
  readonly cores: number;
  /** Processes that wanted a core, on average over the last minute. */
  readonly load: number;
  /** All parties share one machine, and compete for its cores. */
  readonly oneMachine: boolean;
  /** The link that was modelled in place of the real one, if one was. */
  readonly link: string | undefined;
  /** Why the run ended early, if it did. */
  readonly ended: string | undefined;
}

/**
 * What a party's main thread, or what it slept for, was about at a moment:
 * product: kernels that a GPU takes over. kernel: the others. random: drawing randomness. local: ring arithmetic, frames, the collector.
 * send: giving messages to a link. link: a message is on its way here, or out and the link is full. wait: for a peer that has not sent yet.
 * idle: nothing was asked for.
 */
export const CATEGORIES = ['product', 'kernel', 'random', 'local', 'send', 'link', 'wait', 'idle'] as const;
export type Category = (typeof CATEGORIES)[number];
export type ByCategory = Readonly<Record<Category, number>>;

/** What bars show: a GPU takes over the first, a better link shortens the third. */
export const GROUPS = ['products', 'computation', 'messages', 'waiting'] as const;
export type Group = (typeof GROUPS)[number];

const MEMBERS: Readonly<Record<Group, readonly Category[]>> = {
  products: ['product'],
  computation: ['kernel', 'random', 'local', 'send'],
  messages: ['link'],
  waiting: ['wait', 'idle'],
};

export function groupTime(time: ByCategory, group: Group): number {
  return MEMBERS[group].reduce((sum, category) => sum + time[category], 0);
}

export function groupOf(category: Category): Group {
  return GROUPS.find((group) => MEMBERS[group].includes(category))!;
}

/** A layer's name as a reader meets it. */
export function layerName(layer: string): string {
  return /^\d/.test(layer) ? `layer ${layer}` : layer;
}

export interface PartySummary {
  readonly party: PartyName;
  readonly complete: boolean;
  readonly sessionMs: number;
  readonly cpuMs: number;
  readonly gpuMs: number;
  readonly clock: ClockReading;
  /** Per unit, where time went in this party. */
  readonly time: ByCategory;
  /** Per unit, of `wait`: for whom. */
  readonly waitFor: Readonly<Partial<Record<PartyName, number>>>;
  /** Over the session, as the channel counted. */
  readonly traffic: readonly LinkTraffic[];
  readonly rounds: number;
  readonly kernels: Gauge;
  readonly awaited: Gauge;
  /** Everything counted over the session: layer → protocol → primitive. */
  readonly lines: readonly CountedLine[];
}

/** Per unit: one layer in one party. */
export interface LayerRow {
  readonly layer: string;
  readonly party: PartyName;
  readonly time: ByCategory;
}

/** Over the session, all parties: one protocol. Bytes are those of frames. */
export interface ProtocolRow {
  readonly protocol: string;
  readonly messages: number;
  readonly payloadBytes: number;
  readonly frameBytes: number;
  /** Of the chain of dependent messages, at the party from which the time is told. */
  readonly rounds: number;
  /** Times it ran there. */
  readonly calls: number;
}

/** One line of what a unit waits for in the end: who did what meanwhile. */
export interface Expense {
  readonly party: PartyName;
  readonly layer: string;
  readonly protocol: string;
  readonly category: Category;
  /** Per unit. */
  readonly ms: number;
  readonly share: number;
  /** What would help, in words. */
  readonly help: string;
}

export interface Verdict {
  readonly headline: string;
  readonly sentences: readonly string[];
  /** Shares of a unit, 0 to 1: what a GPU, or a better link, could save at most. */
  readonly gpu: number;
  readonly link: number;
}

/** A stretch of one thing. Times since the timeline's start. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

export interface Timeline {
  readonly ms: number;
  readonly parties: readonly {
    readonly party: PartyName;
    readonly stretches: readonly (Stretch & { readonly category: Category })[];
  }[];
  /** When a layer ran, at the party from which the time is told. */
  readonly layers: readonly (Stretch & { readonly layer: string })[];
}

export interface Summary {
  readonly version: 1;
  readonly facts: RunFacts;
  readonly missing: readonly PartyName[];
  /** What time is told of: training steps, batches of an inference, or all that was recorded when not one of them was whole. */
  readonly unit: 'step' | 'batch' | 'session';
  readonly units: number;
  /** Mean, at the party from which time is told. */
  readonly unitMs: number;
  readonly teller: PartyName;
  /** Events found no place in a log: later units were counted, not timed one by one. */
  readonly cut: boolean;
  readonly verdict: Verdict;
  /** Per unit: what it waits for in the end, whoever does it. */
  readonly resolved: ByCategory;
  readonly expenses: readonly Expense[];
  readonly parties: readonly PartySummary[];
  readonly layers: readonly LayerRow[];
  readonly protocols: readonly ProtocolRow[];
  /** As the channel counted, all parties. */
  readonly traffic: Omit<LinkTraffic, 'peer'>;
  readonly rounds: number;
  /** Half of the shortest round trip seen between two parties; a latency that more bandwidth cannot shorten. */
  readonly latencyMs: number;
  readonly timeline: Timeline;
}
