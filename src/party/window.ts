/**
 * How far the helper runs ahead. It holds no values, so it can deal for later operations before the earlier ones have been
 * answered; this bounds what is in flight (in elements), so that memory stays bounded in all three parties.
 */
export class Window {
  readonly #limit: number;
  readonly #least: number;
  readonly #tasks: Set<Promise<void>> = new Set();
  /** What else is being computed. */
  readonly #watched: Set<Promise<unknown>> = new Set();
  readonly #waiting: (() => void)[] = [];
  #inFlight = 0;
  #failure: Error | undefined;

  /** At most `limit` elements in flight; an operation counts for `least` at least, so that small ones are bounded too. */
  constructor(limit: number, least: number) {
    this.#limit = limit;
    this.#least = least;
  }

  /** Starts a task once there is room for its weight (one task always fits); rejects if an earlier task failed. */
  async start(size: number, task: () => Promise<void>): Promise<void> {
    const weight = Math.max(size, this.#least);
    while (this.#failure === undefined && this.#inFlight > 0 && this.#inFlight + weight > this.#limit) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#inFlight += weight;
    const running = task()
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        this.#inFlight -= weight;
        this.#tasks.delete(running);
        for (const wake of this.#waiting.splice(0)) wake();
      });
    this.#tasks.add(running);
  }

  /** Counts something that was begun otherwise among what is under way. */
  watch<T>(computing: Promise<T>): Promise<T> {
    this.#watched.add(computing);
    const over = (): void => void this.#watched.delete(computing);
    computing.then(over, over);
    return computing;
  }

  /** Resolves when everything that is under way now is over, however it ends. */
  async past(): Promise<void> {
    await Promise.allSettled([...this.#tasks, ...this.#watched]);
  }

  /** Resolves when everything started so far is done; rejects if something failed. */
  async drain(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    if (this.#failure !== undefined) throw this.#failure;
  }
}
