/**
 * How long inputs of a serving session gather while nothing is under way. Whoever asks alone is answered at once. Where several were answered
 * together, or came meanwhile, they are likely to ask again: a batch costs its messages whatever is in it, so those who are there first wait until as
 * many are there as were around, but never longer than the batch before took.
 *
 * Time is a parameter: milliseconds of one clock.
 */

/** However long a batch takes. */
const MOST_MS = 250;

export class Pace {
  /** Batches under way, by number. */
  readonly #begun: Map<number, { readonly inputs: number; readonly at: number }> = new Map();
  /** Inputs of the batch that ended last, and those that waited then. */
  #around = 0;
  #until = -Infinity;

  begin(n: number, inputs: number, now: number): void {
    this.#begun.set(n, { inputs, at: now });
  }

  /** @param waiting inputs whose turn has not come */
  end(n: number, waiting: number, now: number): void {
    const { inputs, at } = this.#begun.get(n)!;
    this.#begun.delete(n);
    this.#around = inputs + waiting;
    this.#until = now + Math.min(MOST_MS, now - at);
  }

  /** Until when so many inputs wait for others: the past, where they need not. */
  until(inputs: number): number {
    return inputs < this.#around ? this.#until : -Infinity;
  }
}
