/** What the three parties spent on one thing, such as a step: what each of them said, put together. */
import { microseconds, type Counters } from '../data/party-events.ts';
import type { RankCounters } from '../profile/rank-counters.ts';
import { PARTIES, type PartyName } from './parties.ts';
import type { Rounds } from './rounds.ts';

export type OfEachParty = Readonly<Record<PartyName, number>>;

export interface Spent {
  /** Since the event before, at P0. */
  readonly seconds: number;
  /** Of each party's time since its event before: at work, and asleep until a message came (`server/wait-meter.ts`). */
  readonly computeSeconds: OfEachParty;
  readonly waitSeconds: OfEachParty;
  /** By each party to the other two: frames. */
  readonly bytesSent: OfEachParty;
  readonly onlineRounds: number;
  /** Of parties of several ranks, from rank 0 on, where each party told of them; the times above are rank 0's. */
  readonly ranks?: Readonly<Record<PartyName, readonly RankCounters[]>> | undefined;
}

/** @param rounds of the whole job, which this goes on with */
export function spentOf(parts: Readonly<Record<PartyName, { readonly counters: Counters }>>, rounds: Rounds): Spent {
  const ofEach = (value: (counters: Counters) => number): OfEachParty => {
    const [P0, P1, P2] = PARTIES.map((party) => value(parts[party].counters));
    return { P0, P1, P2 };
  };
  const [P0, P1, P2] = PARTIES.map((party) => parts[party].counters.ranks);
  return {
    seconds: parts.P0.counters.seconds,
    computeSeconds: ofEach(({ seconds, waitSeconds }) => microseconds(Math.max(0, seconds - waitSeconds))),
    waitSeconds: ofEach(({ waitSeconds }) => waitSeconds),
    bytesSent: ofEach(({ bytesSent }) => bytesSent),
    onlineRounds: rounds.add(parts.P0.counters.onlineRounds, parts.P1.counters.onlineRounds),
    ...(P0 && P1 && P2 && { ranks: { P0, P1, P2 } }),
  };
}

export function sumOf({ P0, P1, P2 }: OfEachParty): number {
  return P0 + P1 + P2;
}
