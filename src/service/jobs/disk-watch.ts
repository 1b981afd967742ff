/** Stops trainings at a step while there is still room on the disk for what that step leaves. Sessions go on: they keep next to nothing. */
import type { PartyName } from '../../server/ipc.ts';
import type { Logger } from '../../server/log.ts';
import type { JobActor } from './actor.ts';
import { mustStop } from './admission.ts';
import { askToStop } from './drain.ts';
import type { SchedulerOptions } from './ports.ts';

const EVERY_MS = 5000;

export interface DiskWatchOptions {
  readonly given: Pick<SchedulerOptions, 'disk' | 'peers'>;
  readonly party: PartyName;
  readonly actors: () => Iterable<JobActor>;
  readonly log: Logger;
}

export class DiskWatch {
  readonly #options: DiskWatchOptions;
  /** The attempt of a job that was asked to stop. */
  readonly #asked: Map<JobActor, number> = new Map();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  begin(everyMs: number = EVERY_MS): void {
    this.#timer = setInterval(() => void this.look(), everyMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async look(): Promise<void> {
    const { given, party, actors, log } = this.#options;
    if (!mustStop(await given.disk())) return;
    for (const actor of actors()) {
      const { live } = actor.member;
      if (actor.job.document.kind !== 'train' || live?.stage !== 'running') continue;
      const { attempt } = live;
      if (this.#asked.get(actor) === attempt) continue;
      log.warn({ job: actor.digest, attempt }, 'a training stops: there is too little room on the disk');
      // Who cannot be reached is asked again.
      if (await askToStop(actor, party, given.peers)) this.#asked.set(actor, attempt);
    }
  }
}
