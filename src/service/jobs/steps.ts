/** Which step each training is at, and which of its events are kept: of a long one not every step. */
import type { PartyEvent } from '../../data/party-events.ts';
import type { Digest } from '../../federation/canonical.ts';

/** Steps of one training whose events are kept. */
const MOST_STEPS = 20_000;

export class Steps {
  readonly #at: Map<Digest, number> = new Map();

  /** The last step that was done here; undefined: none since this party started. */
  of(job: Digest): number | undefined {
    return this.#at.get(job);
  }

  /** Takes note of it. @returns whether it is to be kept */
  keeps(job: Digest, event: PartyEvent, steps: number | undefined): boolean {
    if (event.kind !== 'step') return true;
    this.#at.set(job, event.step);
    const every = Math.ceil((steps ?? 0) / MOST_STEPS);
    return every <= 1 || event.loss || event.step % every === 0 || event.step === steps;
  }
}
