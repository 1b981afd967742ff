/** Whose clock is wrong, from what three clocks show. A clock is compared as NTP does: what the other end's shows, less the middle of question and answer. */
import { PARTY_NAMES, type PartyName } from '../../server/ipc.ts';
import type { Finding } from './finding.ts';

/** What another clock shows, less ours, in milliseconds. */
export interface Offset {
  readonly ms: number;
  /** It may be so much more or less: half of the round trip. */
  readonly errorMs: number;
}

export interface Reading {
  readonly sentAt: number;
  readonly receivedAt: number;
  /** The other end's clock, some time in between. */
  readonly time: number;
}

/** From the quickest answer: it leaves the least room. Undefined: there is none. */
export function offsetOf(readings: readonly Reading[]): Offset | undefined {
  if (readings.length === 0) return undefined;
  const { sentAt, receivedAt, time } = readings.toSorted(
    (a, b) => a.receivedAt - a.sentAt - (b.receivedAt - b.sentAt),
  )[0];
  return { ms: time - (sentAt + receivedAt) / 2, errorMs: (receivedAt - sentAt) / 2 };
}

/** Good clocks are within milliseconds; beyond this one of them is not set by anybody. */
const WARNING_MS = 5_000;

/**
 * @param own whose clock is zero
 * @param offsets of the two others, as far as known
 * @param acceptedMs what parties put up with: a signed request whose time is further away is refused
 */
export function clockFindings(own: PartyName, offsets: ReadonlyMap<PartyName, Offset>, acceptedMs: number): Finding[] {
  const clocks = new Map<PartyName, Offset>([[own, { ms: 0, errorMs: 0 }], ...offsets]);
  const apart = (a: PartyName, b: PartyName): number => {
    const [x, y] = [clocks.get(a)!, clocks.get(b)!];
    return Math.max(0, Math.abs(x.ms - y.ms) - x.errorMs - y.errorMs);
  };
  const known = PARTY_NAMES.filter((name) => clocks.has(name));
  const pairs = known.flatMap((a, i) => known.slice(i + 1).map((b) => ({ a, b, ms: apart(a, b) })));
  const wrong = pairs.filter(({ ms }) => ms > WARNING_MS);
  if (wrong.length === 0) return [];
  const level = wrong.some(({ ms }) => ms >= acceptedMs) ? 'fault' : 'warning';
  const refusing = 'jobs, grants and approvals expire by each party’s own clock, so they disagree on what may run';
  // Two that agree say which one is wrong.
  const odd = known.filter((name) => wrong.every(({ a, b }) => a === name || b === name));
  if (known.length === 3 && odd.length === 1) {
    const [party] = odd;
    const other = known.find((name) => name !== party)!;
    const difference = clocks.get(party)!.ms - clocks.get(other)!.ms;
    const what = `the clock of ${party} is ${spanInWords(Math.abs(difference))} ${difference > 0 ? 'ahead of' : 'behind'} the two others, which agree; ${refusing}`;
    return [{ level, party, code: 'clock', what, fix: `set the clock of ${party}: ${SET}` }];
  }
  const list = wrong.map(({ a, b }) => {
    const difference = clocks.get(b)!.ms - clocks.get(a)!.ms;
    return `that of ${b} is ${spanInWords(Math.abs(difference))} ${difference > 0 ? 'ahead of' : 'behind'} that of ${a}`;
  });
  const what = `clocks are apart: ${list.join(', ')}; ${refusing}`;
  const fix = `compare each with a clock that is right (timedatectl), then: ${SET}`;
  return [{ level, party: wrong[0].b, code: 'clock', what, fix }];
}

const SET = 'timedatectl set-ntp true, or chronyd, or ntpd';

/** `3.2 s`, `10 min`, `5.1 h`, `12 days`. */
export function spanInWords(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 120) return `${Number(seconds.toPrecision(2))} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Number((seconds / 3600).toPrecision(2))} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
