/** Single operations as their owner sees them: nothing is shared and nothing comes back but what each cost. */
import type { Counters } from '../data/party-events.ts';
import { follow, Gathering } from './follow.ts';
import type { Owner } from './owner.ts';
import { Rounds } from './rounds.ts';

export interface MicroReport {
  /** Counts from 0, in the job's order, all repetitions of an operation together. */
  readonly operation: number;
  readonly repetition: number;
  /** At P0. */
  readonly seconds: number;
  /** Frames, by all parties together. */
  readonly bytesSent: number;
  readonly onlineRounds: number;
}

/** Follows a job of so many repetitions of each operation; `onReport` is told of each. */
export async function ownMicro(
  owner: Owner,
  repetitions: number,
  onReport: (report: MicroReport) => void,
): Promise<void> {
  await owner.allShared();
  const runs = new Gathering<Counters>();
  const rounds = new Rounds();
  await follow(owner, (party, event) => {
    // Batches 2k prepare, batches 2k + 1 are what is measured.
    if (event.kind === 'ready' || event.kind === 'finished') return;
    if (event.kind !== 'batch') throw new Error(`${party}: event ${event.kind} in a job of single operations`);
    const parts = runs.add(event.batch, party, event);
    if (parts === undefined) return;
    const { P0, P1, P2 } = parts;
    const onlineRounds = rounds.add(P0.onlineRounds, P1.onlineRounds);
    if (event.batch % 2 === 0) return;
    const run = (event.batch - 1) / 2;
    onReport({
      operation: Math.floor(run / repetitions),
      repetition: run % repetitions,
      seconds: P0.seconds,
      bytesSent: P0.bytesSent + P1.bytesSent + P2.bytesSent,
      onlineRounds,
    });
  });
}
