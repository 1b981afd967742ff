/** What a run did when, by the owner's clock: one phase after the other, from the command's beginning on. */
import type { Phase, PhaseTime } from '../profile/summary.ts';

export class Phases {
  readonly #now: () => number;
  readonly #spent: Map<Phase, number> = new Map();
  #phase: Phase = 'start-up';
  #since: number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#since = now();
  }

  /** From here on the run is in this phase. A phase may come back; its time adds up. */
  enter(phase: Phase): void {
    const now = this.#now();
    this.#spent.set(this.#phase, (this.#spent.get(this.#phase) ?? 0) + now - this.#since);
    this.#phase = phase;
    this.#since = now;
  }

  /** Until now, in the order in which they first came. */
  times(): PhaseTime[] {
    this.enter(this.#phase);
    return [...this.#spent].map(([phase, ms]) => ({ phase, ms }));
  }
}
