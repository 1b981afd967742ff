/** What a reader must know before the figures; what voids them comes first. */
import type { PartySummary, Summary, Warning } from './summary.ts';

/** Of the machine's cores: above this the parties wait for each other's cores. */
export const FULL = 0.85;
/** A share of a unit in which whoever was to work had no core: above this its times say more of the machine than of the work. */
const CROWDED = 0.1;
/** The first steps are slower: code is compiled, and the parties wait for whoever had its inputs last. */
const FEW_UNITS = 4;

type Findings = Pick<Summary, 'facts' | 'unit' | 'units' | 'unitMs' | 'resolved' | 'missing' | 'parties' | 'cut'>;

export function warningsOf(findings: Findings): Warning[] {
  const { facts, unit, units, missing, parties, cut } = findings;
  const warnings: Warning[] = [];
  const warn = (voids: boolean, text: string): number => warnings.push({ text, voids });
  const crowded = crowding(findings);
  if (crowded !== undefined) warn(true, crowded);
  if (missing.length > 0) {
    warn(
      true,
      `${missing.join(' and ')} left no measurements: what the others waited for there is shown as waiting for a party. Take the profile again.`,
    );
  }
  if (unit === 'session') {
    warn(
      true,
      'No whole step or batch was recorded: times are of everything that was, the start included. Let it run longer.',
    );
  } else if (units < FEW_UNITS) {
    const [one, many] = unit === 'step' ? ['step', 'steps'] : ['batch', 'batches'];
    warn(
      false,
      `Only ${units} ${units === 1 ? one : many} ${units === 1 ? 'was' : 'were'} recorded, and the first ones are slower than the rest. Let it run for ${FEW_UNITS} ${many} or more.`,
    );
  }
  if (facts.ended !== undefined) {
    warn(false, `The run ended early: ${facts.ended}. This is what was measured until then.`);
  }
  const unfinished = parties.filter(({ complete }) => !complete).map(({ party }) => party);
  if (facts.ended === undefined && unfinished.length > 0) warn(false, `${unfinished.join(' and ')} did not finish.`);
  if (cut) {
    const units_ = unit === 'batch' ? 'batches' : 'steps';
    warn(
      false,
      `Where the time goes is told of the first ${units} ${units_}; how long one takes, bytes, messages and rounds are those of the whole session.`,
    );
  }
  return warnings;
}

/** Cores that the parties kept busy, all together. */
export function coresUsed(parties: readonly PartySummary[]): number {
  return parties.reduce((sum, { cpuMs, sessionMs }) => sum + cpuMs / sessionMs, 0);
}

/** Whether the parties, or other programs, were in each other's way: what was seen, what it means, what to do. */
function crowding({ facts, unit, unitMs, resolved, parties }: Findings): string | undefined {
  const { oneMachine, cores, load } = facts;
  const used = coresUsed(parties);
  const withoutCore = resolved.core / unitMs;
  const others = oneMachine && load > Math.max(cores, used) + 1;
  if (withoutCore < CROWDED && !others) return undefined;
  const seen = [
    ...(withoutCore >= CROWDED
      ? [
          `for ${Math.round(100 * withoutCore)} % of ${unit === 'session' ? 'the time' : `a ${unit}`} whoever was to work had no core`,
        ]
      : []),
    ...(others ? [`${load.toFixed(1)} processes wanted its ${cores} cores`] : []),
    ...(oneMachine && used >= FULL * cores
      ? [`the parties alone kept ${used.toFixed(1)} of its ${cores} cores busy`]
      : []),
  ];
  const cure =
    oneMachine && used >= FULL * cores
      ? 'Measure again with other programs closed, and with more cores or the parties on machines of their own.'
      : 'Measure again with other programs closed.';
  return `This machine was crowded: ${seen.join(', and ')}. A party that waits for a core looks like a slow one, or like a slow link. ${cure}`;
}
