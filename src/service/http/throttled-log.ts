/** Log lines that strangers can cause: a few of each kind in a while, then only how many there were. */
import type { Logger } from '../../server/log.ts';

const WINDOW_MS = 60_000;
const LINES = 5;
/** Kinds are ours, facts are cut: nobody fills a disk or a memory with a request. */
const LONGEST_FACT = 200;

interface Window {
  since: number;
  lines: number;
  left: number;
}

export class ThrottledLog {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #windows: Map<string, Window> = new Map();

  constructor(log: Logger, now: () => number = Date.now) {
    [this.#log, this.#now] = [log, now];
  }

  /** @param message one of a few fixed texts */
  warn(message: string, facts: Readonly<Record<string, string | number | undefined>>): void {
    const now = this.#now();
    const kind = `${message} ${facts.reason ?? ''}`;
    const window = this.#windows.get(kind) ?? { since: now, lines: 0, left: 0 };
    this.#windows.set(kind, window);
    if (now - window.since >= WINDOW_MS || now < window.since) {
      if (window.left > 0) this.#log.warn({ reason: facts.reason, more: window.left }, message);
      [window.since, window.lines, window.left] = [now, 0, 0];
    }
    if (window.lines >= LINES) {
      window.left++;
      return;
    }
    window.lines++;
    const cut = Object.entries(facts).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.slice(0, LONGEST_FACT) : value,
    ]);
    this.#log.warn(Object.fromEntries(cut), message);
  }
}
