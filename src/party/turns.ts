/**
 * How a party's event loop keeps turning. A message that is here already is awaited without a turn, and so is every local step: left to
 * themselves, the chunks of a tensor would be computed one after the other while nothing comes in and, as the transport gathers what is
 * sent until the running promises are done, little leaves. So whoever goes on to the next piece of work asks here whether to wait a turn.
 * Of those who wait, a turn lets one go on: were there more, each would begin before the first one's time is known.
 */

const AT_ONCE = Promise.resolve();

export class Turns {
  readonly #longMs: number;
  /** When this turn's first piece began. */
  #began = 0;
  /** Whether a piece of this turn has begun. */
  #working = false;
  /** Who goes on in the turns to come, first come first served: what follows a message before what does not, and last what nobody waits for yet. */
  readonly #answering: (() => void)[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #aside: (() => void)[] = [];

  /** @param longMs how long a turn may last before the next piece waits; a turn costs about 10 µs */
  constructor(longMs: number) {
    this.#longMs = longMs;
  }

  /**
   * Resolves when the next piece of work may begin: at once, or in a later turn if this one has been long or others wait.
   * @param answering the piece follows a message: it goes before those that do not
   */
  pause(answering = false): Promise<void> {
    if (!this.#working) {
      this.#begin();
      return AT_ONCE;
    }
    const mayGoOn = this.#answering.length === 0 && (answering || this.#waiting.length === 0);
    if (mayGoOn && performance.now() - this.#began < this.#longMs) return AT_ONCE;
    return new Promise((resolve) => (answering ? this.#answering : this.#waiting).push(resolve));
  }

  /**
   * Resolves when nobody else wants to go on.
   * @param begun the piece is the rest of one that has begun: it goes before others like it
   */
  leisure(begun = false): Promise<void> {
    if (!this.#working) {
      this.#begin();
      return AT_ONCE;
    }
    return new Promise((resolve) => (begun ? this.#aside.unshift(resolve) : this.#aside.push(resolve)));
  }

  /** Resolves in the next turn. */
  next(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  #begin(): void {
    this.#began = performance.now();
    this.#working = true;
    setImmediate(() => {
      this.#working = false;
      const goOn = this.#answering.shift() ?? this.#waiting.shift() ?? this.#aside.shift();
      if (goOn === undefined) return;
      this.#begin();
      goOn();
    });
  }
}
