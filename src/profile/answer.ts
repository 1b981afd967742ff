/** Where the time goes, in words and in shares that add up. */
import { busiestRank } from './rank-counters.ts';
import { milliseconds, percents } from './words.ts';
import {
  type ByCategory,
  type Group,
  GROUP_NAMES,
  GROUPS,
  groupTime,
  type PhaseTime,
  type Phase,
  type RunFacts,
  type Share,
  type Summary,
} from './summary.ts';

/** The groups that took any time, the largest first. */
export function sharesOf(resolved: ByCategory): Share<Group>[] {
  const groups = GROUPS.map((name) => ({ name, ms: groupTime(resolved, name) })).filter(({ ms }) => ms > 0);
  return inPercents(groups.sort((a, b) => b.ms - a.ms));
}

/** The phases in the order in which they came; each once. */
export function runShares(phases: readonly PhaseTime[]): Share<Phase>[] {
  return inPercents(phases.filter(({ ms }) => ms > 0).map(({ phase, ms }) => ({ name: phase, ms })));
}

function inPercents<Name extends string>(parts: readonly { name: Name; ms: number }[]): Share<Name>[] {
  const whole = percents(parts.map(({ ms }) => ms));
  return parts.map((part, i) => ({ ...part, percent: whole[i] }));
}

/** All shares in one sentence. */
export function headlineOf(unit: Summary['unit'], duration: string, shares: readonly Share<Group>[]): string {
  const what = { step: `A training step takes ${duration}`, batch: `A batch takes ${duration}` } as const;
  const begin = unit === 'session' ? `${duration} were recorded` : what[unit];
  if (shares.length === 0) return `${begin}.`;
  return `${begin}: ${shares.map((share) => `${GROUP_NAMES[share.name]} ${percentOf(share)}`).join(', ')}.`;
}

/** `<1 %` for what is there and rounds to nothing. */
export function percentOf({ ms, percent }: Share<string>): string {
  return `${ms > 0 && percent === 0 ? '<1' : percent} %`;
}

/** Ways to make a unit faster, and the groups that each works on. */
const WAYS: readonly {
  readonly groups: readonly Group[];
  readonly say: (facts: RunFacts, latency: boolean) => string;
}[] = [
  {
    groups: ['arithmetic', 'randomness', 'frames', 'comparisons'],
    say: () => 'a faster processor, for these run one after the other on one thread of each party',
  },
  {
    groups: ['products'],
    say: ({ backend }) => (backend === 'webgpu' ? 'a faster GPU' : 'a GPU, or more threads (--workers)'),
  },
  { groups: ['messages'], say: (_, latency) => (latency ? 'a link with less latency' : 'a link with more bandwidth') },
  { groups: ['core'], say: () => 'more cores, or a machine of its own for each party' },
];

/** The way that works on most of the time, and what it comes to. Empty when nothing was measured. */
export function adviceOf(shares: readonly Share<Group>[], facts: RunFacts, latencyShare: number): string {
  const total = shares.reduce((sum, { ms }) => sum + ms, 0);
  const of = (groups: readonly Group[]): number =>
    shares.filter(({ name }) => groups.includes(name)).reduce((sum, { ms }) => sum + ms, 0);
  const best = WAYS.map((way) => ({ ...way, ms: of(way.groups) })).reduce((a, b) => (b.ms > a.ms ? b : a));
  if (best.ms === 0) return '';
  const parts = shares.filter(({ name }) => best.groups.includes(name));
  const names = parts.map((share) => GROUP_NAMES[share.name]).join(', ');
  const percent = parts.reduce((sum, share) => sum + share.percent, 0);
  const faster = (1 / (1 - best.ms / total / 2)).toFixed(2);
  const share = `${sentence(names)}${parts.length === 1 ? '' : ' together'}: ${percent} %`;
  return `What would help most: ${best.say(facts, latencyShare >= 0.5)}. ${share}; in half of that time, the whole would go ${faster} times as fast.`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What the report's first screen says, for a terminal: lines of text. @param where the report */
export function inWords({ warnings, headline, advice, verdict, run, parties }: Summary, where: string): string[] {
  const total = run.reduce((sum, { ms }) => sum + ms, 0);
  const phases = run.map((share) => `${share.name} ${percentOf(share)}`).join(', ');
  return [
    ...warnings.map(({ text, voids }) => `profile: ${voids ? 'do not rely on the times below. ' : ''}${text}`),
    `profile: ${where}: ${headline}`,
    ...[advice, verdict.headline, ranksInWords(parties)].filter((text) => text !== '').map((text) => `  ${text}`),
    ...(run.length === 0 ? [] : [`  The whole run, ${milliseconds(total)}: ${phases}.`]),
  ];
}

/** Nothing where parties have one rank. */
function ranksInWords(parties: Summary['parties']): string {
  const busiest = parties.flatMap(({ party, ranks = [] }) => {
    const found = busiestRank(ranks);
    return found === undefined ? [] : [`${party} ${found.rank} (${found.overMean.toFixed(2)} × the mean)`];
  });
  return busiest.length === 0 ? '' : `All this is of rank 0. The busiest rank of each party: ${busiest.join(', ')}.`;
}
