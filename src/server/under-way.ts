/** Tasks that run beside each other; the first that fails ends all. */
import { Deferred } from './deferred.ts';

export class UnderWay {
  readonly #tasks: Set<Promise<unknown>> = new Set();
  readonly #failed: Deferred<never> = new Deferred();

  constructor() {
    this.#failed.promise.catch(() => undefined); // told to whoever waits
  }

  get size(): number {
    return this.#tasks.size;
  }

  add(task: Promise<unknown>): void {
    const run: Promise<unknown> = task
      .catch((error: unknown) => this.#failed.reject(error))
      .finally(() => this.#tasks.delete(run));
    this.#tasks.add(run);
  }

  /** Resolves when one has ended. */
  async one(): Promise<void> {
    await this.unlessFailed(Promise.race(this.#tasks));
  }

  /** Resolves when all have ended. */
  async all(): Promise<void> {
    await this.unlessFailed(Promise.all(this.#tasks));
  }

  /** Rejects as soon as a task fails. */
  async unlessFailed<T>(other: Promise<T>): Promise<T> {
    return Promise.race([this.#failed.promise, other]);
  }
}
