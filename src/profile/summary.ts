/** What a report shows, and `profile.json` holds. Times are milliseconds; those `per unit` add up to `unitMs`. */
import type { CountedLine, PartyName } from './line.ts';
import type { ClockReading, LinkTraffic } from './part.ts';
import type { RankCounters } from './rank-counters.ts';
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
  /** Of a step, or batch, in milliseconds: the median that the run's own summary gives. Undefined when not one was done. */
  readonly unitMs: number | undefined;
  /** The whole run by the owner's clock, one phase after the other: milliseconds. They add up to what the run took. */
  readonly phases: readonly PhaseTime[];
}

/**
 * start-up: reading the data, starting the parties, connecting them. sharing: the owner's inputs go out. training, inference: steps, batches.
 * evaluation: on the test set. ending: the result comes back, and the parties end. saving: the model is written.
 */
export const PHASES = ['start-up', 'sharing', 'training', 'inference', 'evaluation', 'ending', 'saving'] as const;
export type Phase = (typeof PHASES)[number];

export interface PhaseTime {
  readonly phase: Phase;
  readonly ms: number;
}

/**
 * What a party's main thread, or what it slept for, was about at a moment:
 * product: kernels that a GPU takes over. kernel: the others. random: drawing randomness. local: ring arithmetic, the collector.
 * send: giving messages to a link. receive: work that ended with a message taken in. link: a message is on its way here, or out and the link
 * is full. core: ready to run without a core (no moment is known to be of it: it is taken off the others evenly). wait: for a peer that has
 * not sent yet. idle: nothing was asked for.
 */
export const CATEGORIES = [
  'product',
  'kernel',
  'random',
  'local',
  'send',
  'receive',
  'link',
  'core',
  'wait',
  'idle',
] as const;
export type Category = (typeof CATEGORIES)[number];
export type ByCategory = Readonly<Record<Category, number>>;

/** What bars show, in this order. */
export const GROUPS = [
  'products',
  'arithmetic',
  'comparisons',
  'randomness',
  'frames',
  'messages',
  'core',
  'waiting',
] as const;
export type Group = (typeof GROUPS)[number];

const MEMBERS: Readonly<Record<Group, readonly Category[]>> = {
  products: ['product'],
  arithmetic: ['local'],
  comparisons: ['kernel'],
  randomness: ['random'],
  frames: ['send', 'receive'],
  messages: ['link'],
  core: ['core'],
  waiting: ['wait', 'idle'],
};

/** In words, as every sentence, list and chart has them. */
export const GROUP_NAMES: Readonly<Record<Group, string>> = {
  products: 'matrix products',
  arithmetic: 'ring arithmetic',
  comparisons: 'comparisons',
  randomness: 'drawing randomness',
  frames: 'sending and receiving frames',
  messages: 'waiting for the link',
  core: 'waiting for a core',
  waiting: 'waiting for a party',
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
  /** Of a party of several ranks: what each spent over the session. All else is of rank 0. */
  readonly ranks?: readonly RankCounters[] | undefined;
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

/** A part of a whole: of a unit, or of the run. */
export interface Share<Name extends string> {
  readonly name: Name;
  readonly ms: number;
  /** Whole percents; the parts of a whole add up to 100. */
  readonly percent: number;
}

/** What a reader must know before the figures. */
export interface Warning {
  readonly text: string;
  /** Times and shares cannot be relied on; bytes, messages and rounds can. */
  readonly voids: boolean;
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
  /**
   * The one figure for how long a step, or batch, takes: from the end of the one before to its own end, at the party from which time is told;
   * the median. All other times per unit are parts of it: their shares are those of the middle half of the units by length.
   */
  readonly unitMs: number;
  readonly teller: PartyName;
  /** Events found no place in a log: later units were counted, not timed one by one. */
  readonly cut: boolean;
  /** First of all. */
  readonly warnings: readonly Warning[];
  /** Where a unit's time goes, in words: all of `shares`. */
  readonly headline: string;
  /** What would help most, in words. */
  readonly advice: string;
  /** Where a unit's time goes: the largest first, none left out that took any. */
  readonly shares: readonly Share<Group>[];
  /** The whole run, in order; empty when the owner measured nothing. */
  readonly run: readonly Share<Phase>[];
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
