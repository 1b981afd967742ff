/** Before this party stops: trainings end at a step, with a checkpoint at all three; sessions end once what is under way is answered. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PartyName } from '../../server/ipc.ts';
import type { JobActor } from './actor.ts';
import type { Peers } from './ports.ts';

/** For a step and its checkpoint. */
const STEP_MS = 60_000;
const ASK_MS = 10_000;

export class Drain {
  readonly #party: PartyName;
  readonly #peers: Peers;

  constructor(party: PartyName, peers: Peers) {
    this.#party = party;
    this.#peers = peers;
  }

  /** Resolves when no process is left. */
  async run(actors: readonly JobActor[]): Promise<void> {
    await Promise.all(actors.map((actor) => this.#end(actor)));
  }

  async #end(actor: JobActor): Promise<void> {
    const { live } = actor.member;
    const reason = 'this party is being stopped';
    if (live?.stage === 'running') {
      const asked = await askToStop(actor, this.#party, this.#peers);
      if (asked) await Promise.race([actor.idle(), sleep(STEP_MS, undefined, { ref: false })]);
    }
    const left = actor.member.live;
    if (left !== undefined)
      await actor.tell({ kind: 'abort', order: { job: actor.digest, attempt: left.attempt, reason } });
    await actor.idle();
  }
}

/** All three are to end the attempt under way at a step. @returns whether somebody sees to it */
export async function askToStop(actor: JobActor, party: PartyName, peers: Peers): Promise<boolean> {
  const { live } = actor.member;
  if (live?.stage !== 'running') return false;
  if (party === 'P0') {
    actor.process?.stop();
    return true;
  }
  return peers.ask('P0', 'stop', { job: actor.digest, attempt: live.attempt }, ASK_MS).then(
    () => true,
    () => false,
  );
}
