/**
 * How far the helper runs ahead. It holds no values, so it can deal for later operations before the earlier ones have been
 * answered; this bounds what is in flight (in elements), so that memory stays bounded in all three parties.
 */
export class Window {
  readonly #limit: number;
  readonly #least: number;
  readonly #tasks: Set<Promise<void>> = new Set();
  /** Tasks, and what else is being computed. */
  readonly #underWay: UnderWay = new UnderWay();
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
    const over = this.#underWay.begin();
    const running = task()
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        this.#inFlight -= weight;
        this.#tasks.delete(running);
        over();
        for (const wake of this.#waiting.splice(0)) wake();
      });
    this.#tasks.add(running);
  }

  /** Counts something that was begun otherwise among what is under way. */
  watch<T>(computing: Promise<T>): Promise<T> {
    const over = this.#underWay.begin();
    computing.then(over, over);
    return computing;
  }

  /** Resolves when everything that is under way now is over, however it ends. */
  past(): Promise<void> {
    return this.#underWay.past();
  }

  /** Resolves when everything started so far is done; rejects if something failed. */
  async drain(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/**
 * What has begun and is not over yet, in the order in which it began. Many values of a step wait for what was begun before them: each for the
 * oldest alone, as a wait for all would make a promise for each of a hundred, for every value.
 */
class UnderWay {
  readonly #running: Set<number> = new Set();
  readonly #waiting: { readonly before: number; readonly goOn: () => void }[] = [];
  #begun = 0;

  /** Returns how to say that it is over. */
  begin(): () => void {
    const own = this.#begun++;
    this.#running.add(own);
    return () => {
      this.#running.delete(own);
      const oldest = this.#running.values().next().value ?? Infinity;
      while (this.#waiting.length > 0 && this.#waiting[0].before <= oldest) this.#waiting.shift()!.goOn();
    };
  }

  /** Resolves when all that has begun before is over. */
  past(): Promise<void> {
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((goOn) => this.#waiting.push({ before: this.#begun, goOn }));
  }
}
