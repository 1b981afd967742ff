/**
 * Online rounds from what the two workers report. Each says by how much the chain behind what it holds has grown; one of them may be
 * ahead, for what the helper deals reaches one worker as a message and the other without. The chain of both is the longer one, and a
 * round is what it grows by: the larger of two growths would count the difference between the workers again and again.
 */
export class Rounds {
  #p0 = 0;
  #p1 = 0;

  /** Takes each worker's growth since its last event, event by event; returns the growth of the longer chain. */
  add(p0: number, p1: number): number {
    const before = Math.max(this.#p0, this.#p1);
    this.#p0 += p0;
    this.#p1 += p1;
    return Math.max(this.#p0, this.#p1) - before;
  }
}
