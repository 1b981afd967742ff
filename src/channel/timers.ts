/** Waiting for a moment more precisely than timers alone can. */

/** Takes a call back. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds. */
  now(): number;
  /** Calls `task` once, in a later turn of the event loop, when `due` is at most `early` milliseconds away. */
  at(due: number, early: number, task: () => void): Cancel;
}

/** A timer counts whole milliseconds of a clock that is read once a turn: it may be this much off. */
const TIMER_MS = 1;

/**
 * The process's clock. A timer covers the time up to the last millisecond; from there on the event loop turns without sleeping, which
 * stops nothing else in this process but keeps a core busy. On an idle machine a call comes some ten microseconds late; while this
 * process computes, it comes after the computation.
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  at(due, early, task) {
    let timer: NodeJS.Timeout | undefined;
    let turn: NodeJS.Immediate | undefined;
    const wait = (): void => {
      const left = due - performance.now();
      if (left - early > TIMER_MS) timer = setTimeout(check, Math.floor(left));
      else turn = setImmediate(check);
    };
    const check = (): void => {
      if (performance.now() + early >= due) task();
      else wait();
    };
    wait();
    return () => {
      clearTimeout(timer);
      clearImmediate(turn);
    };
  },
};
