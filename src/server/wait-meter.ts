/**
 * How long a party waits for others: always measured, and so cheap that it need not be turned off.
 *
 * A party's protocols run on one main thread, and the event loop counts the time it sleeps. Sleep while a kernel runs elsewhere (a worker
 * thread, the GPU) is computing; any other sleep is waiting, and belongs to the peer whose message ends it. All else is computing: local
 * arithmetic, randomness, frames. So one counter is enough, read when a message comes in and when the first kernel begins or the last one
 * ends: 30 ns each, some hundred times a step. A profile (`src/profile/`) says more, and costs more: it cuts time at every event.
 *
 * A party that waits for a core of a crowded machine, or that turns the event loop for the last millisecond of a modelled link (`shaped.ts`),
 * counts as computing.
 */
import type { Meter } from '../../runtime/measured.ts';
import type { PeerName } from '../channel/channel.ts';

export class WaitMeter implements Meter {
  readonly #slept: () => number;
  readonly #now: () => number;
  readonly #start: number;
  readonly #byPeer: Map<PeerName, number> = new Map();
  /** Sleep that no message has ended yet. */
  #open = 0;
  #total = 0;
  #lastSlept: number;
  #kernels = 0;

  /**
   * Counts from here on.
   * @param slept milliseconds that the event loop has slept so far
   * @param now milliseconds
   */
  constructor(
    slept: () => number = () => performance.nodeTiming.idleTime,
    now: () => number = () => performance.now(),
  ) {
    this.#slept = slept;
    this.#now = now;
    this.#start = now();
    this.#lastSlept = slept();
  }

  /** Seconds waited so far. */
  get waitSeconds(): number {
    this.#cut();
    return this.#total / 1000;
  }

  /** Seconds not waited so far. */
  get computeSeconds(): number {
    return Math.max(0, (this.#now() - this.#start) / 1000 - this.waitSeconds);
  }

  /** Seconds waited so far for messages that have come, by who sent them. */
  get waitSecondsByPeer(): ReadonlyMap<PeerName, number> {
    return new Map([...this.#byPeer].map(([peer, ms]) => [peer, ms / 1000]));
  }

  /** A message of this peer has come in. */
  arrived(peer: PeerName): void {
    this.#cut();
    if (this.#open === 0) return;
    this.#byPeer.set(peer, (this.#byPeer.get(peer) ?? 0) + this.#open);
    this.#open = 0;
  }

  // Told by MeasuredCompute.

  begin(): number {
    return 0;
  }

  ran(): void {
    // The main thread did not sleep.
  }

  issued(): number {
    this.#cut();
    return this.#kernels++;
  }

  finished(): void {
    this.#cut();
    this.#kernels--;
  }

  /** Counts the sleep since the last time, by whether a kernel ran meanwhile. */
  #cut(): void {
    const slept = this.#slept();
    if (this.#kernels === 0) {
      this.#open += slept - this.#lastSlept;
      this.#total += slept - this.#lastSlept;
    }
    this.#lastSlept = slept;
  }
}
