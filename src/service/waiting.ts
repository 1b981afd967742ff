/** Whether somebody who asked still waits. */

/** Until it is aborted; an AbortSignal is one. */
export interface Waiting {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options: { readonly once: true }): void;
}

/** What an AbortController does, without what makes that cost more than the sealing of an answer. */
export class Departure implements Waiting {
  #gone = false;
  readonly #listeners: (() => void)[] = [];

  get aborted(): boolean {
    return this.#gone;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.push(listener);
  }

  depart(): void {
    if (this.#gone) return;
    this.#gone = true;
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
