/**
 * How a party's event loop keeps turning. A message that is here already is awaited without a turn, and so is every local step: left to
 * themselves, the chunks of a tensor would be computed one after the other while nothing comes in and, as the transport gathers what is
 * sent until the running promises are done, little leaves. So whoever goes on to the next piece of work asks here whether to wait a turn.
 */

export class Turns {
  readonly #longMs: number;
  /** When the first piece of this turn began. */
  #began = 0;
  /** The turn to come, once a piece of this one has begun. */
  #next: Promise<void> | undefined;

  /** @param longMs how long a turn may last before the next piece waits; a turn costs about 10 µs */
  constructor(longMs: number) {
    this.#longMs = longMs;
  }

  /** Resolves when the next piece of work may begin: at once, or in a later turn if this one has been long. */
  async pause(): Promise<void> {
    while (this.#isLong()) await this.#next;
  }

  /** Resolves in the next turn. */
  next(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  #isLong(): boolean {
    if (this.#next !== undefined) return performance.now() - this.#began >= this.#longMs;
    this.#began = performance.now();
    this.#next = new Promise((resolve) => {
      setImmediate(() => {
        this.#next = undefined;
        resolve();
      });
    });
    return false;
  }
}
