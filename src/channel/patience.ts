/**
 * Waiting for a peer, by time in which this process itself ran. Where all parties stand still together (Ctrl-Z, `docker pause`, a laptop
 * that sleeps), none of them has kept another one waiting: a process that finds that it has stood still gives its peers the whole time anew.
 * And while a party gets on, a message may be long in coming: its sender, or who that one waits for, has much to compute (`progress.ts`).
 */
import type { Cancel } from './timers.ts';

/** Timers and the clock they follow. A test moves them by hand. */
export interface Timers {
  /** Milliseconds. */
  now(): number;
  /** Calls `task` once, when so many milliseconds have passed and this process runs. */
  after(ms: number, task: () => void): Cancel;
}

export const systemTimers: Timers = {
  now: () => performance.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** Time is counted in parts, so many in all, none longer than a second. */
const PARTS = 8;
const LONGEST_PART_MS = 1000;
/** A timer that comes later than so many parts after it was set says that the process stood still. */
const STILL_PARTS = 2;

/** How long one part of so much patience is. */
export function partOf(ms: number): number {
  return Math.min(ms / PARTS, LONGEST_PART_MS);
}

/** Whether this process stood still while it waited `passed` milliseconds for a timer of `part`. */
export function stoodStill(passed: number, part: number): boolean {
  return passed > STILL_PARTS * part + LONGEST_PART_MS / PARTS;
}

export interface Progress {
  /** Milliseconds since somebody got on. */
  readonly quietMs: number;
}

export class Patience {
  readonly #ms: number;
  readonly #part: number;
  readonly #timers: Timers;
  readonly #onEnd: () => void;
  readonly #progress: Progress | undefined;
  #left: number;
  #since = 0;
  #cancel: Cancel = () => undefined;

  /**
   * @param onEnd called once when the patience is at its end, unless it is cancelled before
   * @param progress patience lasts for this long after the last of it
   */
  constructor(ms: number, onEnd: () => void, timers: Timers = systemTimers, progress?: Progress) {
    this.#ms = ms;
    this.#progress = progress;
    this.#part = partOf(ms);
    this.#timers = timers;
    this.#onEnd = onEnd;
    this.#left = ms;
    this.#wait();
  }

  /** Milliseconds; never below 1. */
  get left(): number {
    const passed = this.#timers.now() - this.#since;
    return Math.max(1, stoodStill(passed, this.#part) ? this.#ms : this.#left - passed);
  }

  cancel(): void {
    this.#cancel();
  }

  #wait(): void {
    this.#since = this.#timers.now();
    this.#cancel = this.#timers.after(Math.min(this.#left, this.#part), () => this.#passed());
  }

  #passed(): void {
    const passed = this.#timers.now() - this.#since;
    const sinceProgress = this.#ms - (this.#progress?.quietMs ?? this.#ms);
    this.#left = stoodStill(passed, this.#part) ? this.#ms : Math.max(this.#left - passed, sinceProgress);
    // A timer counts whole milliseconds: each may come a little early. So no wait has a last part of its own length, and of waits that
    // began together the first ends first: the error names whom the others wait for, too.
    if (this.#left < Math.min(PARTS, this.#part / 2)) this.#onEnd();
    else this.#wait();
  }
}
